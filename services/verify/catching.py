"""Who has read how far, and waiting until everybody has read what was there at the start."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Final

from sqlalchemy import Engine, Table, func, select

from schemas.topics import (
    COMMAND_TOPICS,
    ISSUANCE_EVENTS,
    ISSUANCE_MEMORY,
    LEDGER_JOURNALS,
    LEDGER_MEMORY,
    LEDGER_OPERATIONS,
    REDEMPTION_EVENTS,
    REDEMPTION_MEMORY,
    SETTLEMENT_BATCHES,
    SETTLEMENT_ITEMS,
    SETTLEMENT_MEMORY,
    Topic,
)
from services.ledger import tables as ledger
from services.ledger.sink import LedgerSink
from services.ledger.worker import SPEC as LEDGER
from services.runtime.advance import Progress, progress_key, read_progress
from services.runtime.outbox import TABLE as OUTBOX
from services.runtime.outbox_table import outbox
from services.runtime.ports import TopicPartition
from services.runtime.waits import rest
from services.settlement import tables as settlement
from services.settlement.worker import SPEC as SETTLEMENT
from services.verify.tail import Tail

LOOK_SECONDS: Final = 0.2
# name: what it reads, and where its progress is.
WORKERS: Final[dict[str, tuple[tuple[Topic, ...], Topic]]] = {
    "issuance": (COMMAND_TOPICS[:1], ISSUANCE_MEMORY),
    "redemption": (COMMAND_TOPICS[1:], REDEMPTION_MEMORY),
    "settlement": (SETTLEMENT.inputs, SETTLEMENT_MEMORY),
    "ledger": (LEDGER.inputs, LEDGER_MEMORY),
}
SINKS: Final[dict[str, tuple[tuple[Topic, ...], Table]]] = {
    "ledger": (LedgerSink.topics, ledger.progress),
    "settlement": ((SETTLEMENT_ITEMS, SETTLEMENT_BATCHES), settlement.progress),
}
# What each stage's readers must have passed before the next stage can be complete.
_STAGES: Final[tuple[tuple[str, tuple[Topic, ...]], ...]] = (
    ("issuance redemption", COMMAND_TOPICS),
    ("settlement", (REDEMPTION_EVENTS,)),
    ("ledger", (REDEMPTION_EVENTS, SETTLEMENT_ITEMS, SETTLEMENT_BATCHES, LEDGER_OPERATIONS)),
)
OUTBOXES: Final = (
    ("settlement", SETTLEMENT_BATCHES, SETTLEMENT_MEMORY),
    ("ledger", LEDGER_OPERATIONS, LEDGER_MEMORY),
)
_SUNK: Final = (
    LEDGER_JOURNALS,
    REDEMPTION_EVENTS,
    ISSUANCE_EVENTS,
    SETTLEMENT_ITEMS,
    SETTLEMENT_BATCHES,
)


@dataclass(frozen=True, slots=True)
class Lag:
    """`reader` is at `at` on a partition where it should be at `needed`."""

    reader: str
    place: TopicPartition
    at: int
    needed: int

    def __str__(self) -> str:
        name, number = self.place
        return f"{self.reader} is at {self.at} of {self.needed} on {name}/{number}"


def progress_of(tail: Tail, worker: str) -> dict[TopicPartition, Progress]:
    """How far a worker is on each partition it reads, by its own rows."""
    inputs, memory = WORKERS[worker]
    found: dict[TopicPartition, Progress] = {}
    for number in tail.numbers(memory):
        keys = {progress_key(topic.name).encode(): topic.name for topic in inputs}
        for record in reversed(tail.of(memory, number)):
            name = keys.pop(record.key, None) if record.key is not None else None
            if name is not None and record.value is not None:
                found[name, number] = read_progress(record.value)
            if not keys:
                break
    return found


def left_of(tail: Tail, memory: Topic) -> dict[TopicPartition, Progress]:
    """How far the outbox of this memory is, by the partitions it writes to."""
    key = progress_key(OUTBOX.name)
    rows = {number: tail.latest(memory, number).get(key) for number in tail.numbers(memory)}
    return {(OUTBOX.name, n): read_progress(row) for n, row in rows.items() if row is not None}


def positions_of(engine: Engine, sink: str) -> dict[TopicPartition, int]:
    """The offset a sink reads next on each partition, by its own table."""
    _, table = SINKS[sink]
    chosen = select(table.c.topic, table.c.partition, table.c.next_offset)
    with engine.connect() as connection:
        rows = connection.execute(chosen.where(table.c.sink == sink)).all()
    return {(row.topic, row.partition): row.next_offset for row in rows}


class CatchingUp:
    """Waits stage by stage, under one deadline (seconds from the start)."""

    def __init__(
        self, tail: Tail, engine: Engine, seconds_max: float, say: Callable[[str], None]
    ) -> None:
        self._tail = tail
        self._engine = engine
        self._deadline = monotonic() + seconds_max
        self._say = say
        self._said = ""

    def all(self) -> list[Lag]:
        """Wait for workers, then sinks, for what is there now; who is late after all."""
        self._tail.read_on()
        late = self.workers()
        needs = self._tail.ends(_SUNK)
        return late + self._wait(lambda: _behind_sinks(self._engine, needs))

    def workers(self) -> list[Lag]:
        """Wait for the workers, each for what those before it have written."""
        late = self._wait(self._behind_outboxes)
        for names, topics in _STAGES:
            self._tail.read_on()
            needs = self._tail.ends(topics)
            late += self._wait(partial(self._behind_workers, names, needs))
        self._tail.read_on()
        return late

    def _behind_workers(self, names: str, needs: Mapping[TopicPartition, int]) -> list[Lag]:
        self._tail.read_on([WORKERS[name][1] for name in names.split()])
        return [lag for name in names.split() for lag in behind_worker(self._tail, name, needs)]

    def _behind_outboxes(self) -> list[Lag]:
        self._tail.read_on((SETTLEMENT_MEMORY, LEDGER_MEMORY))
        return behind_outboxes(self._tail, self._engine)

    def _wait(self, lags: Callable[[], list[Lag]]) -> list[Lag]:
        while late := lags():
            if monotonic() > self._deadline:
                return late
            if str(late[0]) != self._said:
                self._said = str(late[0])
                self._say(f"waiting: {self._said}")
            rest(LOOK_SECONDS)
        return []


def behind_worker(tail: Tail, worker: str, needs: Mapping[TopicPartition, int]) -> list[Lag]:
    """Where a worker has not read what it should have."""
    mine = {topic.name for topic in WORKERS[worker][0]}
    at = {place: progress.next for place, progress in progress_of(tail, worker).items()}
    return _behind(worker, {p: n for p, n in needs.items() if p[0] in mine}, at)


def behind_outboxes(tail: Tail, engine: Engine) -> list[Lag]:
    """Facts of operations that have not left PostgreSQL yet."""
    found: list[Lag] = []
    for owner, topic, memory in OUTBOXES:
        newest = select(func.max(outbox.c.position)).where(outbox.c.topic == topic.name)
        with engine.connect() as connection:
            needed = connection.execute(newest).scalar_one() or 0
        at = max((progress.next for progress in left_of(tail, memory).values()), default=0)
        if at < needed:
            found.append(Lag(f"{owner} outbox", (OUTBOX.name, 0), at, needed))
    return found


def _behind_sinks(engine: Engine, needs: Mapping[TopicPartition, int]) -> list[Lag]:
    found: list[Lag] = []
    for sink, (topics, _) in SINKS.items():
        mine = {topic.name for topic in topics}
        wanted = {place: needed for place, needed in needs.items() if place[0] in mine}
        found += _behind(f"{sink} sink", wanted, positions_of(engine, sink))
    return found


def _behind(
    reader: str, needs: Mapping[TopicPartition, int], at: Mapping[TopicPartition, int]
) -> list[Lag]:
    return [
        Lag(reader, place, at.get(place, 0), needed)
        for place, needed in needs.items()
        if at.get(place, 0) < needed
    ]
