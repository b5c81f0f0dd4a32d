"""Bugs in the loop that every service runs on: transactions, restoring, answers, admission."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from schemas.message import Command
from services.runtime import advance, agenda, answering, deciding, kept, partitions, staging, worker
from services.runtime.advance import GENESIS, PROGRESS, Progress
from services.runtime.memory_log import MemoryConsumer
from services.runtime.ports import BatchDroppedError, OutcomeUnknownError, Standing
from services.runtime.records import Record
from tests.simulation.planting import Plant, planted
from tests.simulation.seat import FaultyConsumer

PLANTS: Final[list[Plant]] = []


@planted(PLANTS)
def no_answer_is_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(answering, "answer_until", lambda row: 0)


@planted(PLANTS)
def answers_are_forgotten_after_a_day(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(answering, "ANSWER_KEPT", 24 * 3_600_000)


@planted(PLANTS)
def what_is_swept_is_told_as_done_by_the_sweep(patch: pytest.MonkeyPatch) -> None:
    commands_of = deciding.commands_of

    def by_the_sweep(command: Command) -> Iterator[Command]:
        return (replace(due, id=command.id) for due in commands_of(command))

    patch.setattr(deciding, "commands_of", by_the_sweep)


@planted(PLANTS)
def what_got_lost_on_its_way_is_not_sent_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agenda.Agenda, "_next_again", lambda self, now: None)


@planted(PLANTS)
def a_dropped_batch_leaves_its_rows_behind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(kept.Kept, "take", lambda self, key: self._rows.get(key))


@planted(PLANTS)
def the_offset_is_one_too_far(patch: pytest.MonkeyPatch) -> None:
    begin = staging.Staging.begin

    def too_far(self: Any, record: Record) -> None:
        begin(self, record)
        self.progress.next += 1

    patch.setattr(staging.Staging, "begin", too_far)


@planted(PLANTS)
def a_dropped_batch_is_applied(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(worker.Worker, "_drop", worker.Worker._apply)


@planted(PLANTS)
def the_store_is_ahead_of_the_commit(patch: pytest.MonkeyPatch) -> None:
    commit = worker.Worker._commit

    def ahead(self: Any, batch: Any, metadata: Any) -> None:
        for name, staged in batch.stagings.items():
            for key, row in staged.rows.items():
                if key in staged.changed:
                    value = row if row is None else self.job.rows.write(key, row)
                    self.partitions[name].store.restore([(key, value)])
        commit(self, batch, metadata)

    patch.setattr(worker.Worker, "_commit", ahead)


@planted(PLANTS)
def facts_are_committed_before_progress(patch: pytest.MonkeyPatch) -> None:
    commit = worker.Worker._commit

    def split(self: Any, batch: Any, metadata: Any) -> None:
        try:
            self._producer.begin()
            for staged in batch.stagings.values():
                for output in staged.outputs:
                    self._producer.produce(output)
                staged.outputs = []
            self._producer.commit({}, None)
        except (BatchDroppedError, OutcomeUnknownError):
            self._renew_producer()
            self._drop(batch)
            return
        commit(self, batch, metadata)

    patch.setattr(worker.Worker, "_commit", split)


@planted(PLANTS)
def the_offset_is_committed_before_the_rows(patch: pytest.MonkeyPatch) -> None:
    commit = worker.Worker._commit

    def early(self: Any, batch: Any, metadata: Any) -> None:
        group = self._consumer._group
        for name, staged in batch.stagings.items():
            group.offsets[name] = staged.progress.next
        commit(self, batch, metadata)

    patch.setattr(worker.Worker, "_commit", early)


@planted(PLANTS)
def the_generation_is_ignored(patch: pytest.MonkeyPatch) -> None:
    commit = worker.Worker._commit

    def careless(self: Any, batch: Any, metadata: Any) -> None:
        produce = self._producer.commit
        self._producer.commit = lambda offsets, _: produce({}, None)
        commit(self, batch, metadata)

    patch.setattr(worker.Worker, "_commit", careless)


@planted(PLANTS)
def an_unknown_outcome_counts_as_in(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(partitions.Partition, "is_in", lambda self, staged, reader: True)


@planted(PLANTS)
def an_unknown_outcome_counts_as_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(partitions.Partition, "is_in", lambda self, staged, reader: False)


@planted(PLANTS)
def rows_are_not_restored(patch: pytest.MonkeyPatch) -> None:
    take = partitions.Partition._take

    def progress_only(self: Any, rows: Any, *codec: Any) -> None:
        kept = [row for row in rows if (row[0] or b"").startswith(PROGRESS.encode())]
        take(self, kept, *codec)

    patch.setattr(partitions.Partition, "_take", progress_only)


@planted(PLANTS)
def deleted_rows_come_back(patch: pytest.MonkeyPatch) -> None:
    take = partitions.Partition._take
    patch.setattr(
        partitions.Partition,
        "_take",
        lambda self, rows: take(self, [row for row in rows if row[1] is not None]),
    )


@planted(PLANTS)
def restoring_does_not_wait_for_what_is_in_doubt(patch: pytest.MonkeyPatch) -> None:
    def begin(self: Any, reader: Any, topics: Any) -> None:
        self.restoring = [
            partitions.Restoring(t, 0, reader.read(t.name, self.number, 0, 100_000)[1])
            for t in topics
        ]

    patch.setattr(partitions.Partition, "begin_restore", begin)
    patch.setattr(FaultyConsumer, "committed", MemoryConsumer.committed)


@planted(PLANTS)
def a_restore_ends_after_its_first_slice(patch: pytest.MonkeyPatch) -> None:
    read = partitions.Partition._read_slice

    def hasty(self: Any, reader: Any, part: Any) -> None:
        read(self, reader, part)
        part.end = part.position

    patch.setattr(partitions.Partition, "_read_slice", hasty)


@planted(PLANTS)
def a_warm_store_is_taken_as_it_is_and_not_compared(patch: pytest.MonkeyPatch) -> None:
    begin = partitions.Partition.begin_restore

    def as_it_is(self: Any, reader: Any, topics: Any) -> None:
        begin(self, reader, topics)
        if self.warm:
            for part in self.restoring:
                part.position = part.end

    patch.setattr(partitions.Partition, "begin_restore", as_it_is)
    patch.setattr(partitions.Partition, "check_offset", lambda self, committed: None)


@planted(PLANTS)
def a_store_says_it_is_one_batch_further(patch: pytest.MonkeyPatch) -> None:
    committed = staging.Staging.committed_standing

    def further(self: Any) -> Standing:
        standing = committed(self)
        return replace(standing, offsets={t: at + 4 for t, at in standing.offsets.items()})

    patch.setattr(staging.Staging, "committed_standing", further)


@planted(PLANTS)
def the_chain_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    def forgetful(value: bytes) -> Progress:
        return replace(advance.read_progress(value), chain=GENESIS)

    patch.setattr(partitions, "read_progress", forgetful)


@planted(PLANTS)
def the_news_of_policies_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    def forgetful(value: bytes) -> Progress:
        found = advance.read_progress(value)
        return replace(found, policies=found.policies[:1])

    patch.setattr(partitions, "read_progress", forgetful)


@planted(PLANTS)
def time_goes_back(patch: pytest.MonkeyPatch) -> None:
    begin = staging.Staging.begin

    def back(self: Any, record: Record) -> None:
        begin(self, record)
        self.progress.now = record.timestamp

    patch.setattr(staging.Staging, "begin", back)


@planted(PLANTS)
def what_is_dead_is_thrown_away(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deciding, "bury", lambda staged, record, cause, partitions: None)
