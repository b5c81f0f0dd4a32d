"""Replay from the first record: fresh workers on a copy of what came in must say the same again."""

from collections import Counter, defaultdict
from typing import Any, Final

import orjson

from schemas.topics import (
    COMMAND_TOPICS,
    DEADLETTERS,
    ISSUANCE_EVENTS,
    ISSUANCE_MEMORY,
    ISSUANCE_REPLIES,
    LEDGER_JOURNALS,
    LEDGER_MEMORY,
    LEDGER_OPERATIONS,
    POLICY,
    REDEMPTION_BALANCES,
    REDEMPTION_EVENTS,
    REDEMPTION_MEMORY,
    REDEMPTION_REPLIES,
    SETTLEMENT_BATCHES,
    SETTLEMENT_ITEMS,
    SETTLEMENT_MEMORY,
    Topic,
)
from services.runtime.advance import PROGRESS, progress_key, read_progress
from services.runtime.answers import answer_until
from services.runtime.batch import Identity
from services.runtime.clocks import SetClock
from services.runtime.crash import NoCrash
from services.runtime.memory_log import MemoryLog, Slot, Transaction
from services.runtime.outbox import TABLE
from services.runtime.records import Record, Staged
from services.runtime.rowcodec import ANSWER, kind_of
from services.runtime.store import MemoryStore
from services.runtime.worker import Worker
from tests.invariants import require, same
from tests.observed import Observed
from tests.simulation.processes import DECIDING, DERIVING, job_of
from tests.simulation.scenes import Scene

CAME_IN: Final = frozenset(
    t.name for t in (*COMMAND_TOPICS, POLICY, LEDGER_OPERATIONS, SETTLEMENT_BATCHES)
)
FACTS: Final = (ISSUANCE_EVENTS, REDEMPTION_EVENTS, SETTLEMENT_ITEMS, LEDGER_JOURNALS)
REPLIES: Final = (ISSUANCE_REPLIES, REDEMPTION_REPLIES)
STATE: Final = (
    ISSUANCE_MEMORY,
    REDEMPTION_MEMORY,
    REDEMPTION_BALANCES,
    LEDGER_MEMORY,
    SETTLEMENT_MEMORY,
)
ROUNDS_MAX: Final = 10_000


class CopiedLog(MemoryLog):
    """What came in, at its offsets; commands written again are kept apart in `sent`."""

    def __init__(self, original: MemoryLog) -> None:
        super().__init__(original.partitions(COMMAND_TOPICS[0].name))
        self.sent: Counter[bytes] = Counter()
        for name, slots in original._slots.items():
            if name[0] in CAME_IN:
                self._slots[name] = [self._copied(slot) for slot in slots]

    def _copied(self, slot: Slot) -> Slot:
        known = slot.transaction is None or slot.transaction.state == "committed"
        return Slot(slot.record if known else None, None)

    def append(self, staged: Staged, transaction: Transaction | None = None) -> Record:
        """Commands are there already."""
        if staged.topic not in CAME_IN:
            return super().append(staged, transaction)
        self.sent[staged.value or b""] += 1
        number = staged.partition or 0
        return Record(staged.topic, number, 0, staged.timestamp, staged.key, staged.value)


def check_replay(observed: Observed, original: MemoryLog, scene: Scene) -> None:
    """Facts, replies and dead letters byte for byte, the last rows, and what was sent on."""
    log = CopiedLog(original)
    _run(log, scene)
    again = Observed(log)
    again.more()
    for topic in FACTS:
        same(f"replay of {topic.name}", _facts(observed, topic), _facts(again, topic))
    for topic in REPLIES:
        same(f"replay of {topic.name}", _replies(observed, topic), _replies(again, topic))
    same("replay of dead letters", _letters(observed), _letters(again))
    for topic in STATE:
        _same_rows(topic, observed, again)
    _same_commands(observed, log)


def _run(log: MemoryLog, scene: Scene) -> None:
    workers = [
        Worker(
            job_of(role, log, scene.partitions),
            log,
            Identity(f"scrip-{role}", f"scrip-{role}-0"),
            clock=SetClock(0),  # nothing falls due: what was swept came in
            crash=NoCrash(),
            store=lambda _topic, _partition: MemoryStore(),
        )
        for role in (*DECIDING, *DERIVING)
        if role in scene.roles
    ]
    for _ in range(ROUNDS_MAX):
        if not [worker for worker in workers if worker.tick()]:
            return
    raise AssertionError("a replay does not come to rest")


def _facts(observed: Observed, topic: Topic) -> dict[Any, list[tuple[bytes | None, bytes | None]]]:
    """Key and bytes in order, for each partition and each input they were made from."""
    found: dict[Any, list[tuple[bytes | None, bytes | None]]] = defaultdict(list)
    for seen in observed.all(topic):
        assert seen.fact is not None
        place = (seen.record.partition, seen.fact.input)
        found[place].append((seen.record.key, seen.record.value))
    return found


def _replies(observed: Observed, topic: Topic) -> dict[str, list[bytes | None]]:
    """Bytes in order, for each subject: replies of all partitions lie together by `replyto`."""
    found: dict[str, list[bytes | None]] = defaultdict(list)
    for seen in observed.all(topic):
        envelope = orjson.loads(seen.record.value or b"")
        # An unreadable command may lie anywhere, so its answer has no order with others.
        odd = envelope["data"].get("reason") == "unreadable"
        found[envelope["subject"] + odd * envelope["id"]].append(seen.record.value)
    return found


def _letters(observed: Observed) -> Counter[Any]:
    return Counter(
        (s.record.key, s.record.value, s.record.headers) for s in observed.all(DEADLETTERS)
    )


def _same_rows(topic: Topic, observed: Observed, again: Observed) -> None:
    """Equal, but for what may be forgotten by now: when it is dropped is a matter of batches."""
    before, after = observed.rows(topic), again.rows(topic)
    progress = [read_progress(value) for (_, key), value in after.items() if key[0] == PROGRESS[0]]
    now = max((row.now for row in progress), default=0)
    for key in {*before, *after}:
        one, other = before.get(key), after.get(key)
        if one == other or key[1] == progress_key(TABLE.name):  # the outbox is not replayed
            continue
        if key[1].startswith(PROGRESS) and one is not None and other is not None:
            ends = [(row.sequence, row.chain) for row in map(read_progress, (one, other))]
            require(ends[0] == ends[1], "replay of progress", f"{key}: {ends}")
        else:
            fine = (one is None or other is None) and _passed(key[1], one or other or b"", now)
            require(fine, f"replay of {topic.name}", f"{key}: {one!r} ≠ {other!r}")


def _passed(key: str, row: bytes, now: int) -> bool:
    if kind_of(key) == ANSWER:
        return answer_until(row) <= now
    role = "issuance" if kind_of(key) == "sale" else "redemption"
    spec = DECIDING[role]
    kind = spec.core.ROWS[kind_of(key)]
    plain: Any = kind.__new__(kind)
    for name, value in orjson.loads(row).items():
        setattr(plain, name, value)
    until = spec.core.forgotten_at(key, plain)
    return until is not None and until <= now


def _same_commands(observed: Observed, log: CopiedLog) -> None:
    """What services sent each other, but for sweeps, is sent again just so."""
    sweeps = (b'"lapse_', b'"expire_lots')
    wanted: Counter[bytes] = Counter()
    for topic in COMMAND_TOPICS:
        for seen in observed.all(topic):
            value = seen.record.value or b""
            ours = b'"source":"service/' in value and b'"causationid"' in value
            if ours and not any(sweep in value for sweep in sweeps):
                wanted[value] += 1
    require(wanted == log.sent, "replay of commands", f"{wanted - log.sent} {log.sent - wanted}")
