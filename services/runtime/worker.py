"""The loop: poll, decide, commit. One transaction holds facts, replies, rows, progress, offset."""

import time
from collections.abc import Callable
from typing import Any

import structlog

from services.runtime.batch import Batch, BatchSize, Identity
from services.runtime.crash import CrashPoints, Point
from services.runtime.deciding import PolicyMissingError
from services.runtime.dropping import Dropping
from services.runtime.job import Job
from services.runtime.metrics import BATCHES, RECORDS
from services.runtime.partitions import Partition, ProgressTornError, RestoredTooLateError
from services.runtime.policies import Policies
from services.runtime.ports import (
    Assigned,
    BatchDroppedError,
    Clock,
    Log,
    NotStableYetError,
    OutcomeUnknownError,
    Producer,
    Store,
    TopicPartition,
)
from services.runtime.records import Record
from services.runtime.staging import Staging
from services.runtime.sweeping import Sweeper

_log = structlog.get_logger()


class Worker:
    """Runs one job: `tick` does one round; a process calls it for ever."""

    def __init__(
        self,
        job: Job,
        log: Log,
        identity: Identity,
        *,
        clock: Clock,
        crash: CrashPoints,
        store: Callable[[str, int], Store],
    ) -> None:
        self.job = job
        self.partitions: dict[TopicPartition, Partition] = {}
        self.committed_batches = 0
        self._log = log
        self._identity = identity
        self._clock = clock
        self._crash = crash
        self._store = store
        self._reader = log.reader()
        self.policies: Policies = job.policies
        self._topics = {topic.name: topic for topic in job.inputs}
        self._consumer = log.consumer(identity.group, list(self._topics), identity.slot)
        self._producer: Producer | None = None
        self._sweeper = Sweeper(log, job.sweeps, crash)
        self._size = BatchSize()
        self._dropping = Dropping(job.service)
        self._again = False  # is a dropped batch still to be made again?

    def tick(self, timeout: float = 0.0) -> bool:
        """One round; True when something happened. `timeout` in seconds bounds the wait."""
        if self._producer is None:
            self._producer = self._log.producer(self._identity.slot)
        self._take_changes()
        restoring = self._restore()
        metadata = self._consumer.group_metadata()
        records = self._consumer.poll(self._size.records, 0.0 if restoring else timeout)
        self._take_changes()
        began = time.perf_counter()
        batch = self._stage(records)
        self._size.learn(len(records), time.perf_counter() - began)
        # Before the commit, so that what is sent can be read behind it; and nothing more while
        # batches are dropped, for nobody deals with what is there.
        now = self._clock.now()
        sent = not self._again and self._sweeper.send(self.partitions, batch, now)
        if batch:
            self._commit(batch, metadata)
        return bool(batch or records or restoring or sent)

    def close(self) -> None:
        """Leave the group; nothing but sweeps is in flight between ticks."""
        self._consumer.close()
        for partition in self.partitions.values():
            partition.store.close()
        if self._producer is not None:
            self._producer.abandon()

    def ready(self) -> bool:
        """Are all held partitions restored, do they know their policy, does the log take them?"""
        return not self._dropping.refused and all(
            p.phase == "ready" for p in self.partitions.values()
        )

    def next_due(self) -> int | None:
        """When the next thing falls due on a held partition (ms UTC)."""
        dues = [p.agenda.next_due() for p in self.partitions.values() if p.agenda is not None]
        return min((due for due in dues if due is not None), default=None)

    def _take_changes(self) -> None:
        for change in self._consumer.changes():
            act = self._assign if isinstance(change, Assigned) else self._let_go
            for name in change.partitions:
                act(name)

    def _let_go(self, name: TopicPartition) -> None:
        lost = self.partitions.pop(name, None)
        self._again = False  # what was dropped may have been of this one
        if lost is not None:
            lost.phase = "lost"
            lost.store.close()

    def _assign(self, name: TopicPartition) -> None:
        topic, number = name
        self._let_go(name)
        self._consumer.pause([name])
        store = self._store(topic, number)
        self.partitions[name] = Partition(
            self._topics[topic], number, store, self.job.memory, self._clock, self.job.bounds
        )

    def _restore(self) -> bool:
        """One slice of restoring; others go on meanwhile."""
        pending = [p for p in self.partitions.values() if p.phase == "restoring"]
        for partition in pending:
            try:
                self._restore_one(partition)
            except NotStableYetError as cause:
                _log.warning("waiting_for_offsets", partition=partition.key, cause=str(cause))
            except RestoredTooLateError:
                self._assign(partition.key)
        return bool(pending)

    def _restore_one(self, partition: Partition) -> None:
        key = partition.key
        if not partition.restoring:
            partition.committed = self._consumer.committed([key])[key]
            partition.begin_restore(self._reader, self.job.state_topics)
        if not partition.restore_slice(self._reader):
            return
        try:
            partition.check_offset(partition.committed)
        except ProgressTornError as cause:
            stands = self._consumer.committed([key])[key] == partition.committed
            if not partition.distrust(str(cause)) and stands:
                raise
            self._assign(key)  # others went on from here while we stood still: once more
            return
        partition.phase = "ready"
        self._clock.reached(partition.progress.now)
        self.policies.look()
        self._consumer.start_at(key, partition.progress.next)
        told = {"next": partition.progress.next, "warm": partition.warm}
        _log.info("partition_ready", partition=key, **told)

    def _stage(self, records: list[Record]) -> Batch:
        batch = Batch()
        waiting: dict[TopicPartition, None] = {}
        found: dict[TopicPartition, None] = {}
        for record in records:
            name = (record.topic, record.partition)
            partition = self.partitions.get(name)
            if partition is None or partition.phase in ("restoring", "lost"):
                continue
            if name in waiting or name in found:
                continue
            if partition.phase == "waiting":
                if self._scan(partition, record):
                    found[name] = None
                continue
            staging = batch.stagings.get(name) or partition.open(self.job.source)
            if record.offset < staging.progress.next:
                continue
            try:
                self.job.handle(staging, record)
            except PolicyMissingError:
                waiting[name] = None
                continue
            batch.stagings[name] = staging
        for name in waiting:
            self._wait(self.partitions[name], batch.stagings.get(name))
        self._forget(batch)
        return batch

    def _wait(self, partition: Partition, staging: Staging | None) -> None:
        """No policy yet, or not its document: read on only to find one."""
        progress = partition.progress if staging is None else staging.progress
        self.policies.look()
        if progress.in_force_at(progress.now) is None and self.job.policy_told is not None:
            partition.phase = "waiting"
            _log.warning("waiting_for_policy", topic=partition.key[0], partition=partition.number)
        self._consumer.start_at(partition.key, progress.next)

    def _scan(self, partition: Partition, record: Record) -> bool:
        """Waiting: the first policy told later on this partition is the one we start with.

        True when it was found: the partition is read again from where it waits.
        """
        assert self.job.policy_told is not None
        told = self.job.policy_told(record)
        if told is None:
            return False
        partition.progress.policies.append(told)
        self.policies.look()
        partition.phase = "ready"
        self._consumer.start_at(partition.key, partition.progress.next)
        _log.info("policy_found", topic=partition.key[0], version=told.version)
        return True

    def _forget(self, batch: Batch) -> None:
        for name, staging in batch.stagings.items():
            partition = self.partitions[name]
            if partition.agenda is not None and partition.phase == "ready":
                keys = partition.agenda.forget(staging.progress.now)
                batch.forgotten[name] = keys
                staging.change({key: None for key in keys if key not in staging.changed})

    def _commit(self, batch: Batch, metadata: Any) -> None:
        assert self._producer is not None
        self._again = False  # what was dropped before is in this one; dropped too, it is so again
        self._crash.at(Point.BEFORE_BEGIN)
        for staging in batch.stagings.values():
            staging.finish(self.job.rows)
        offsets = {name: staging.progress.next for name, staging in batch.stagings.items()}
        try:
            self._producer.begin()
            self._crash.at(Point.AFTER_BEGIN)
            for staging in batch.stagings.values():
                for staged in staging.outputs:
                    self._producer.produce(staged)
            self._crash.at(Point.AFTER_PRODUCE)
            self._producer.commit(offsets, metadata)
        except BatchDroppedError as cause:
            self._dropping.dropped(cause)
            self._size.shrink()
            BATCHES.labels(self.job.service, "dropped").inc()
            self._renew_producer()
            self._drop(batch)
            return
        except OutcomeUnknownError as cause:
            _log.warning("outcome_unknown", cause=str(cause))
            BATCHES.labels(self.job.service, "unknown").inc()
            self._renew_producer()
            self._settle_unknown(batch)
            return
        self._crash.at(Point.AFTER_COMMIT)
        self._dropping.committed()
        self._apply(batch)
        self._crash.at(Point.AFTER_APPLY)

    def _apply(self, batch: Batch) -> None:
        for name, staging in batch.stagings.items():
            partition = self.partitions.get(name)
            if partition is not None:
                partition.apply(staging)
                self._clock.reached(staging.progress.now)
                self._crash.at(Point.BETWEEN_APPLIES)
        self.committed_batches += 1
        RECORDS.labels(self.job.service).inc(sum(s.handled for s in batch.stagings.values()))
        BATCHES.labels(self.job.service, "committed").inc()

    def _drop(self, batch: Batch) -> None:
        for name in batch.stagings:
            self._drop_one(batch, name)

    def _drop_one(self, batch: Batch, name: TopicPartition) -> None:
        partition = self.partitions.get(name)
        if partition is None:
            return
        if partition.agenda is not None:
            partition.agenda.drop_forgotten(batch.forgotten.get(name, []))
        self._consumer.start_at(name, partition.progress.next)
        self._again = True

    def _settle_unknown(self, batch: Batch) -> None:
        """The new producer has ended the old transaction: in or not, the log knows now."""
        for name, staging in batch.stagings.items():
            partition = self.partitions.get(name)
            if partition is None:
                continue
            match partition.is_in(staging, self._reader):
                case True:
                    partition.apply(staging)
                case False:
                    self._drop_one(batch, name)
                case None:
                    self._assign(name)

    def _renew_producer(self) -> None:
        """A new producer of our name, if it is still ours: else it would fence our successor."""
        assert self._producer is not None
        self._consumer.confirm()
        self._producer.abandon()
        self._producer = self._log.producer(self._identity.slot)
