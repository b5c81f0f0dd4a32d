"""Facts and journals of the workload as records of their topics, made without a broker."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.codec import read_fact
from schemas.identifiers import fact_id
from schemas.message import Fact, encode_fact
from schemas.policy_checks import content_hash, read_policy
from schemas.terms import Policy
from schemas.topics import (
    LEDGER_JOURNALS,
    REDEMPTION_BALANCES,
    REDEMPTION_COMMANDS,
    REDEMPTION_EVENTS,
    REDEMPTION_REPLIES,
    Topic,
)
from services.ledger.journal import derive
from services.redemption.worker import SPEC
from services.runtime.advance import GENESIS, KnownPolicy, Progress
from services.runtime.deciding import Deciding
from services.runtime.murmur2 import partition_of
from services.runtime.records import Record, Staged
from services.runtime.rowcodec import kind_of
from services.runtime.seals import SealsOff
from services.runtime.staging import CHAIN_HEADER
from services.runtime.store import MemoryStore
from tests.benchmarks.by_aiokafka import Held
from tests.benchmarks.workload import POLICY, Message, Workload

PARTITIONS = 4
BATCH = 5_000
START = 1_767_225_600_000  # 2026-01-01T00:00:00Z
EFFECTIVE = START - 60_000
_KINDS = {
    REDEMPTION_EVENTS.name: "fact",
    REDEMPTION_REPLIES.name: "reply",
    REDEMPTION_BALANCES.name: "balance",
}
THE_POLICY = Policy(1, EFFECTIVE, read_policy(POLICY), content_hash(POLICY))


def sizes(commands: int, accounts: int) -> dict[str, Any]:
    """Bytes of records with their keys by kind, and how many of them a command leads to."""
    size: Counter[str] = Counter()
    count: Counter[str] = Counter()

    def take(staged: Staged) -> None:
        kind = _KINDS.get(staged.topic) or kind_of((staged.key or b"").decode())
        size[kind] += len(staged.key or b"") + len(staged.value or b"")
        count[kind] += 1

    facts = facts_of(commands, accounts, take)
    journals = [one for records in facts for one in journals_of(records)]
    written = commands + accounts
    found: dict[str, Any] = {
        kind: round(size[kind] / count[kind])
        for kind in ("fact", "reply", "balance", "answer", "capture", "hold")
    }
    return found | {
        "journal": round(sum(len(one.value or b"") for one in journals) / len(journals)),
        "facts_per_command": round(count["fact"] / written, 3),
        "captures_per_command": round(count["capture"] / written, 3),
        "journals_per_command": round(len(journals) / written, 3),
    }


@dataclass(slots=True)
class Numbered:
    """A topic's partition as its only writer leaves it: dense sequences, chained."""

    topic: Topic
    partition: int
    records: list[Record] = field(default_factory=list)
    chain: str = GENESIS

    def append(self, value: bytes, key: bytes, time: int, *, last: bool) -> None:
        """One fact more; `last` of its batch carries the chain."""
        self.chain = hashlib.sha256(bytes.fromhex(self.chain) + value).hexdigest()
        headers = ((CHAIN_HEADER, self.chain.encode()),) if last else ()
        offset = len(self.records)
        self.records.append(
            Record(self.topic.name, self.partition, offset, time, key, value, headers)
        )


def facts_of(
    commands: int, accounts: int, take: Callable[[Staged], None] | None = None
) -> list[list[Record]]:
    """What redemption makes of so many commands, by partition; `take` sees all that it writes."""
    work = Workload(SealsOff(), SealsOff(), start=START, accounts=accounts)
    held = [Held(number) for number in range(PARTITIONS)]
    for one in held:
        one.store = MemoryStore()
        one.progress = Progress(policies=[KnownPolicy(1, THE_POLICY.sha256, EFFECTIVE)])
    deciding = Deciding(SPEC, lambda _version: THE_POLICY, SealsOff(), PARTITIONS)
    facts: list[list[Record]] = [[] for _ in range(PARTITIONS)]
    queues: list[list[Record]] = [[] for _ in range(PARTITIONS)]
    for message in _all(work, commands):
        number = partition_of(message.key, PARTITIONS)
        queues[number].append(_record(message, number))
        if len(queues[number]) == BATCH:
            _decide(deciding, held[number], queues[number], facts[number], take)
            queues[number] = []
    for number, queue in enumerate(queues):
        _decide(deciding, held[number], queue, facts[number], take)
    return facts


def _all(work: Workload, commands: int) -> Iterable[Message]:
    yield from work.opening()
    yield from work.commands(commands)


def _record(message: Message, number: int) -> Record:
    return Record(REDEMPTION_COMMANDS.name, number, 0, message.time, message.key, message.value, ())


def _decide(
    deciding: Deciding,
    held: Held,
    queue: Sequence[Record],
    facts: list[Record],
    take: Callable[[Staged], None] | None,
) -> None:
    staging = held.open()
    for record in queue:
        deciding.handle(staging, record)
    staging.finish(deciding.rows)
    for staged in staging.outputs:
        if take is not None:
            take(staged)
        if staged.topic == REDEMPTION_EVENTS.name:
            facts.append(_found(staged, len(facts)))
    held.apply(staging)


def _found(staged: Staged, offset: int) -> Record:
    assert staged.partition is not None
    return Record(
        staged.topic,
        staged.partition,
        offset,
        staged.timestamp,
        staged.key,
        staged.value,
        staged.headers,
    )


def journals_of(facts: Sequence[Record]) -> list[Record]:
    """The journals of one partition's facts, as the ledger worker writes them."""
    made = Numbered(LEDGER_JOURNALS, facts[0].partition)
    for at, record in enumerate(facts, 1):
        published = read_fact(REDEMPTION_EVENTS, record.value or b"")
        for number, derived in enumerate(derive(published, THE_POLICY)):
            fact = Fact(
                id=fact_id(LEDGER_JOURNALS.name, derived.subject, published.id, number),
                type=derived.type,
                subject=derived.subject,
                time=published.time,
                body=derived.body,
                policy=published.policy,
                causationid=published.id,
                dates=derived.dates,
            )
            sequence = len(made.records) + 1
            value = encode_fact(fact, "service/ledger", sequence, REDEMPTION_EVENTS.name)
            last = at % BATCH == 0
            made.append(value, derived.subject.encode(), published.time, last=last)
    return made.records
