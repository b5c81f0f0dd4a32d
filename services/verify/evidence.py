"""Everything an examination looks at: the topics, PostgreSQL, and up to where each is judged."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.codec import read_fact
from schemas.message import Published
from schemas.terms import Policy
from schemas.topics import (
    ISSUANCE_EVENTS,
    LEDGER_JOURNALS,
    LEDGER_OPERATIONS,
    REDEMPTION_EVENTS,
    SETTLEMENT_BATCHES,
    SETTLEMENT_ITEMS,
    Topic,
)
from services.runtime.advance import Progress
from services.runtime.policies import Policies
from services.runtime.ports import TopicPartition
from services.runtime.records import Record
from services.verify.catching import OUTBOXES, WORKERS, left_of, progress_of
from services.verify.stored import Stored
from services.verify.tail import Tail

FACT_TOPICS = (
    ISSUANCE_EVENTS,
    REDEMPTION_EVENTS,
    SETTLEMENT_ITEMS,
    SETTLEMENT_BATCHES,
    LEDGER_OPERATIONS,
    LEDGER_JOURNALS,
)


# {worker: {(topic it reads, partition): how far}}; of an outbox beside its owner's.
Standings = dict[str, dict[TopicPartition, Progress]]


class PolicyUnknownError(LookupError):
    """A fact names a policy version that is not on the policy topic; restore that topic."""


class Seen(NamedTuple):
    """A fact and the record it stands in."""

    record: Record
    fact: Published


@dataclass(slots=True)
class Evidence:
    """`cut` is {(topic, partition): offset} up to which facts are judged, as PostgreSQL has them.

    `progress` was read before the facts, `later` (if at all) after them. `folded` is filled by the
    first check that folds: {service: {partition: {key: row}}}.
    """

    tail: Tail
    stored: Stored
    policies: Policies
    cut: dict[TopicPartition, int]
    progress: Standings = field(default_factory=dict)
    later: Standings | None = None
    folded: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    _seen: dict[TopicPartition, list[Seen]] = field(default_factory=dict)

    def policy_of(self, version: int) -> Policy:
        """The policy of that version. Raises PolicyUnknownError."""
        policy = self.policies.of(version)
        if policy is None:
            raise PolicyUnknownError(f"no policy of version {version} on its topic")
        return policy

    def facts(self, topic: Topic, number: int) -> list[Seen]:
        """The readable facts of a partition; read once, and nobody may change them."""
        place = (topic.name, number)
        if place not in self._seen:
            self._seen[place] = list(self.facts_anew(topic, number))
        return self._seen[place]

    def facts_anew(self, topic: Topic, number: int) -> Iterator[Seen]:
        """The same, decoded for the caller alone: a fold changes what it is given."""
        for record in self.tail.of(topic, number):
            try:
                yield Seen(record, read_fact(topic, record.value or b""))
            except ValueError:
                continue  # the check of numbers names it

    def all_facts(self, topic: Topic) -> Iterator[Seen]:
        """The readable facts of a topic."""
        for number in self.tail.numbers(topic):
            yield from self.facts(topic, number)

    def judged(self, topic: Topic) -> Iterator[Seen]:
        """The facts of a topic before the cut."""
        for seen in self.all_facts(topic):
            if self.within(seen.record):
                yield seen

    def within(self, record: Record) -> bool:
        """Does the record stand before the cut?"""
        return record.offset < self.cut.get((record.topic, record.partition), 0)

    def passed(self, worker: str, record: Record) -> bool:
        """Has the worker dealt with this record?"""
        progress = self.progress[worker].get((record.topic, record.partition))
        return progress is not None and record.offset < progress.next


def gather(tail: Tail, stored: Stored, policies: Policies) -> Evidence:
    """Put together what has been read; the cut is where PostgreSQL's sinks are."""
    cut = {p: at for positions in stored.positions.values() for p, at in positions.items()}
    cut |= tail.ends((LEDGER_OPERATIONS,))
    return Evidence(tail, stored, policies, cut, standings(tail))


def standings(tail: Tail) -> Standings:
    """How far every worker and every outbox is, by what has been read of their rows."""
    found = {worker: progress_of(tail, worker) for worker in WORKERS}
    for owner, _, memory in OUTBOXES:
        found[owner] |= left_of(tail, memory)
    return found
