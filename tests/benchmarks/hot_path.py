"""Measures what one command costs the redemption worker, and where each microsecond goes.

`python -m tests.benchmarks.hot_path [COUNT] [stages]`: the real loop, core, rows and stores over
records that lie ready in memory and a log that throws away what it is given; I/O is not in it
(`tests/benchmarks` has the whole worker on Kafka). Processor time of this process alone.
With `stages` it also looks, many times a second, at which stage it is.
"""

import hashlib
import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Final

import orjson
import structlog

from schemas.policy_checks import content_hash
from schemas.topics import POLICY, REDEMPTION_BALANCES, REDEMPTION_COMMANDS, REDEMPTION_MEMORY
from services.redemption.worker import SPEC
from services.runtime.batch import Identity
from services.runtime.clocks import SetClock
from services.runtime.collector import leave_rows_alone
from services.runtime.crash import NoCrash
from services.runtime.job import deciding_job
from services.runtime.memory_log import MemoryLog
from services.runtime.murmur2 import partition_of
from services.runtime.policies import Policies, write_published_policy
from services.runtime.ports import Assigned, Membership, Sender, StateReader, TopicPartition
from services.runtime.records import Record, Staged
from services.runtime.seals import HmacSeals, SealKey
from services.runtime.store import MemoryStore
from services.runtime.telling import broadcast
from services.runtime.worker import Worker
from tests.benchmarks.sampler import Sampler
from tests.benchmarks.workload import POLICY as DOCUMENT
from tests.benchmarks.workload import Message, Workload

PARTITIONS: Final = 4
BATCH: Final = 1_000
START: Final = 1_780_000_000_000
REFERENCES: Final = 200
REFERENCE: Final = orjson.dumps(
    {"lots": [{f"name{n}": f"value {n}" for n in range(16)}] * 3, **{f"k{n}": n for n in range(9)}}
)
KEYS: Final = {
    "service": SealKey("service", "service/", b"s" * 32),
    "channel-pos": SealKey("channel-pos", "channel/pos", b"p" * 32),
}


class Feed:
    """A log that gives what lies ready, a batch a poll, and keeps a hash of what it is given."""

    def __init__(self, policies: StateReader, records: Sequence[Record]) -> None:
        self.records = records
        self.position = 0
        self.committed_records = 0
        self.keeping = False
        self.told: dict[int, Any] = {number: hashlib.sha256() for number in range(PARTITIONS)}
        self.replies: list[bytes] = []
        self.balances: dict[bytes | None, bytes | None] = {}
        self._policies = policies
        self._changes: list[Membership] = [
            Assigned(tuple((REDEMPTION_COMMANDS.name, number) for number in range(PARTITIONS)))
        ]

    def consumer(self, group: str, topics: Sequence[str], instance: str) -> "Feed":
        return self

    def producer(self, identity: str) -> "Feed":
        return self

    def sender(self) -> Sender:
        raise AssertionError("nothing is due here")

    def reader(self) -> StateReader:
        return self._policies

    def partitions(self, topic: str) -> int:
        return PARTITIONS

    def poll(self, records_max: int, timeout: float) -> list[Record]:
        found = list(self.records[self.position : self.position + min(BATCH, records_max)])
        self.position += len(found)
        return found

    def changes(self) -> list[Membership]:
        changes, self._changes = self._changes, []
        return changes

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int | None]:
        return dict.fromkeys(partitions)

    def start_at(self, partition: TopicPartition, offset: int) -> None:
        pass

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        pass

    def group_metadata(self) -> Any:
        return None

    def close(self) -> None:
        pass

    def begin(self) -> None:
        pass

    def produce(self, staged: Staged) -> None:
        self.committed_records += 1
        if not self.keeping or staged.topic == REDEMPTION_MEMORY.name:
            return
        if staged.topic == REDEMPTION_BALANCES.name:
            self.balances[staged.key] = staged.value
            return
        told = (staged.topic, staged.partition, staged.timestamp, staged.key, staged.value)
        if staged.partition is None:
            self.replies.append(repr(told).encode())
        else:
            self.told[staged.partition].update(repr(told).encode())

    def commit(self, offsets: Mapping[TopicPartition, int], metadata: Any) -> None:
        pass

    def abandon(self) -> None:
        pass


class Records:
    """The workload as records on their partitions."""

    def __init__(self) -> None:
        self.next = [0] * PARTITIONS

    def of(self, messages: Iterable[Message]) -> list[Record]:
        """The messages as the log would give them, a millisecond apart."""
        return [
            self._at(partition_of(m.key, PARTITIONS), m.time, m.key, m.value, m.headers)
            for m in messages
        ]

    def told(self, staged: Iterable[Staged]) -> list[Record]:
        """Broadcasts."""
        return [
            self._at(s.partition or 0, s.timestamp, s.key, s.value, s.headers)
            for s in staged
            if s.topic == REDEMPTION_COMMANDS.name
        ]

    def _at(self, number: int, time: int, key: Any, value: Any, headers: Any) -> Record:
        offset = self.next[number]
        self.next[number] += 1
        return Record(REDEMPTION_COMMANDS.name, number, offset, time, key, value, headers)


def prepared(accounts: int, count: int) -> tuple[Worker, Feed, list[Record]]:
    """A worker that knows the policy and every account, and the commands that are to come."""
    service, pos = HmacSeals(KEYS, "service"), HmacSeals(KEYS, "channel-pos")
    workload = Workload(pos, service, start=START, accounts=accounts)
    memory = MemoryLog(PARTITIONS)
    effective = START - 60_000
    published = write_published_policy(1, effective, DOCUMENT)
    memory.append(Staged(POLICY.name, 0, START, b"policy", published))
    body = {"version": 1, "sha256": content_hash(DOCUMENT), "effective": effective}
    news = broadcast(
        "policy_changed", "service/policy", body, time=START, partitions=PARTITIONS, seals=service
    )
    records = Records()
    feed = Feed(memory.reader(), [*records.told(news), *records.of(workload.opening())])
    job = deciding_job(SPEC, Policies(feed.reader()), service, PARTITIONS)
    worker = Worker(
        job,
        feed,
        Identity("scrip-redemption", "scrip-redemption-0"),
        clock=SetClock(START),
        crash=NoCrash(),
        store=lambda _topic, _partition: MemoryStore(),
    )
    run(worker, feed)
    return worker, feed, records.of(workload.commands(count))


def run(worker: Worker, feed: Feed) -> list[float]:
    """Everything that lies ready; for each batch, microseconds of processor a command."""
    spent: list[float] = []
    while feed.position < len(feed.records):
        began, position = time.process_time(), feed.position
        worker.tick()
        used = time.process_time() - began
        spent.append(used * 1e6 / max(1, feed.position - position))
    return spent


def reference() -> float:
    """Microseconds for a piece of work that never changes: how fast this machine is just now."""
    began = time.process_time()
    for _ in range(REFERENCES):
        row = orjson.loads(REFERENCE)
        total = 0
        for lot in row["lots"]:
            for name in sorted(lot):
                total += len(name)
        hashlib.sha256(orjson.dumps([row, total])).hexdigest()
    return (time.process_time() - began) * 1e6 / REFERENCES


def measured(accounts: int, count: int, stages: bool) -> dict[str, Any]:
    """Microseconds a command: the median batch, the quickest tenth, and (if asked) by stage."""
    worker, feed, commands = prepared(accounts, count)
    feed.records, feed.position, before = commands, 0, feed.committed_records
    leave_rows_alone()
    machine, sampler = [reference()], Sampler()
    began = time.process_time()
    with sampler.looking() if stages else nullcontext():
        batches = sorted(run(worker, feed))
    used = (time.process_time() - began) * 1e6 / count
    machine.append(reference())
    figures: dict[str, Any] = {
        "commands": count,
        "us_per_command": round(used, 2),
        "us_of_reference": round(sum(machine) / len(machine), 2),
        "us_median_batch": round(batches[len(batches) // 2], 2),
        "us_quickest_tenth": round(batches[len(batches) // 10], 2),
        "records_out_per_command": round((feed.committed_records - before) / count, 2),
        "load_average": os.getloadavg()[0],
    }
    if stages:
        figures["us_by_stage"] = sampler.shares(used)
    return figures


def outputs_hash(accounts: int, count: int) -> str:
    """What leaves, as one SHA-256: facts in order, replies, the last row of each balance."""
    worker, feed, commands = prepared(accounts, count)
    feed.records, feed.position, feed.keeping = commands, 0, True
    run(worker, feed)
    whole = hashlib.sha256()
    for told in feed.told.values():
        whole.update(told.digest())
    for reply in sorted(feed.replies):
        whole.update(reply)
    for balance_row in sorted(feed.balances.items()):
        whole.update(repr(balance_row).encode())
    return whole.hexdigest()


def main() -> None:
    """How many commands, and whether by stage."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    count = numbers[0] if numbers else 100_000
    hashed = outputs_hash(2_000, 20_000)
    figures = measured(20_000, count, "stages" in sys.argv)
    print(json.dumps({**figures, "outputs_sha256": hashed}, indent=1))


if __name__ == "__main__":
    main()
