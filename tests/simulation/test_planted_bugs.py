"""Bugs planted in the runner: the simulator must find each of them, or it proves nothing.

Two more, which need two rare things at once, are planted in the short stories of test_found.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import pytest
from sqlalchemy import Engine

from schemas.codec import content_of, read_fact
from services.runtime import deciding, partitions, progress, sink_loop, staging, worker
from services.runtime.advance import GENESIS, PROGRESS, Progress, read_progress
from services.runtime.memory_log import MemoryConsumer
from services.runtime.ports import BatchDroppedError, OutcomeUnknownError
from services.runtime.records import Record
from services.runtime.sinks import Sink
from tests.simulation.seat import FaultyConsumer
from tests.simulation.simulation import simulate

SEEDS_MAX: Final = 60
Plant = Callable[[pytest.MonkeyPatch], None]


def no_answer_is_kept(patch: pytest.MonkeyPatch) -> None:
    def command(self: Any, staging: Any, record: Any, command: Any) -> None:
        self._decide(staging, record, command, content_of(command))

    patch.setattr(deciding.Deciding, "_command", command)


def the_offset_is_one_too_far(patch: pytest.MonkeyPatch) -> None:
    begin = staging.Staging.begin

    def too_far(self: Any, record: Record) -> None:
        begin(self, record)
        self.progress.next += 1

    patch.setattr(staging.Staging, "begin", too_far)


def a_dropped_batch_is_applied(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(worker.Worker, "_drop", worker.Worker._apply)


def rows_are_not_restored(patch: pytest.MonkeyPatch) -> None:
    take = partitions.Partition._take

    def progress_only(self: Any, rows: Any, *codec: Any) -> None:
        kept = [row for row in rows if (row[0] or b"").startswith(PROGRESS.encode())]
        take(self, kept, *codec)

    patch.setattr(partitions.Partition, "_take", progress_only)


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


def the_chain_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    def forgetful(value: bytes) -> Progress:
        return replace(read_progress(value), chain=GENESIS)

    patch.setattr(partitions, "read_progress", forgetful)


def an_unknown_outcome_counts_as_in(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(partitions.Partition, "is_in", lambda self, staged, reader: True)


def an_unknown_outcome_counts_as_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(partitions.Partition, "is_in", lambda self, staged, reader: False)


def restoring_does_not_wait_for_what_is_in_doubt(patch: pytest.MonkeyPatch) -> None:
    def begin(self: Any, reader: Any, topics: Any) -> None:
        self.restoring = [
            partitions.Restoring(t, 0, reader.read(t.name, self.number, 0, 100_000)[1])
            for t in topics
        ]

    patch.setattr(partitions.Partition, "begin_restore", begin)
    patch.setattr(FaultyConsumer, "committed", MemoryConsumer.committed)


def time_goes_back(patch: pytest.MonkeyPatch) -> None:
    begin = staging.Staging.begin

    def back(self: Any, record: Record) -> None:
        begin(self, record)
        self.progress.now = record.timestamp

    patch.setattr(staging.Staging, "begin", back)


def what_is_dead_is_thrown_away(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deciding, "bury", lambda staged, record, cause, partitions: None)


def a_sink_moves_apart_from_its_rows(patch: pytest.MonkeyPatch) -> None:
    def apart(engine: Engine, sink: Sink, records: Sequence[Record], *_: Any) -> int:
        topic = next(topic for topic in sink.topics if topic.name == records[0].topic)
        place = progress.Place(sink.name, topic.name, records[0].partition)
        facts = [read_fact(topic, record.value or b"") for record in records]
        with engine.begin() as connection:
            before = progress.read_position(connection, sink.progress, place)
            after = progress.follow(before or progress.Position(), records, facts)
            sink.apply(connection, topic, place.partition, records, facts)
        with engine.begin() as connection:
            time = facts[-1].time
            progress.move(connection, sink.progress, place, before, after, time)
        return len(records)

    patch.setattr(sink_loop, "apply_batch", apart)


def a_sink_reads_on_where_it_stands(patch: pytest.MonkeyPatch) -> None:
    write = sink_loop.SinkLoop._write

    def careless(self: Any, records: list[Record]) -> bool:
        held = set(self._unplaced)
        try:
            return write(self, records)
        finally:
            self._unplaced = held

    patch.setattr(sink_loop.SinkLoop, "_write", careless)


PLANTED: Final[tuple[Plant, ...]] = (
    no_answer_is_kept,
    the_offset_is_one_too_far,
    a_dropped_batch_is_applied,
    rows_are_not_restored,
    facts_are_committed_before_progress,
    the_chain_is_forgotten,
    an_unknown_outcome_counts_as_in,
    an_unknown_outcome_counts_as_dropped,
    restoring_does_not_wait_for_what_is_in_doubt,
    time_goes_back,
    what_is_dead_is_thrown_away,
    a_sink_moves_apart_from_its_rows,
    a_sink_reads_on_where_it_stands,
)


# A plant that no longer fits the code it is planted in proves nothing.
UNPLANTED: Final = ("TypeError", "AttributeError", "NameError", "KeyError")


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    for seed in range(SEEDS_MAX):
        found = simulate(seed).violation
        if found is not None:
            assert not found.startswith(UNPLANTED), found
            print(f"{plant.__name__}: found by seed {seed}: {found[:300]}")
            return
    raise AssertionError(f"{SEEDS_MAX} seeds see nothing wrong with it")
