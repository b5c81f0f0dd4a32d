"""The broker in memory, as unruly as Kafka may be.

On top of MemoryLog (which passes the contract tests of Kafka): offsets are sent before a
transaction ends and are pending until then, members that were silent are put out and come back,
partitions are dealt out at random, open transactions time out, reads come in small slices, and
command topics are stamped by the broker.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final, Literal

from schemas.topics import COMMAND_TOPICS
from services.runtime.memory_log import Group, MemoryConsumer, MemoryLog, Transaction
from services.runtime.ports import BatchDroppedError, TopicPartition
from services.runtime.records import Record, Staged

STAMPED: Final = frozenset(topic.name for topic in COMMAND_TOPICS)
STUCK_MAX: Final = 3


class FaultyLog(MemoryLog):
    """The broker. `now` is its clock (ms UTC); `chance` deals partitions and slices reads."""

    def __init__(self, partitions: int, chance: Random, now: Callable[[], int]) -> None:
        super().__init__(partitions)
        self.chance = chance
        self.calm = False
        self.decided = 0
        self.replaced: list[MemoryConsumer] = []
        self._instances: dict[str, dict[str, MemoryConsumer]] = {}
        self._now = now
        self._stuck: dict[TopicPartition, int] = {}

    def append(self, staged: Staged, transaction: Transaction | None = None) -> Record:
        """Command topics are stamped on arrival; brokers' clocks differ by half a second."""
        if staged.topic in STAMPED:
            now = self._now() - self.chance.randrange(500)
            staged = Staged(
                staged.topic, staged.partition, now, staged.key, staged.value, staged.headers
            )
        self.decided += transaction is None
        return super().append(staged, transaction)

    def end_transaction(
        self, transaction: Transaction, state: Literal["committed", "aborted"]
    ) -> None:
        """As MemoryLog, and counted: only now can a reader of committed records see more."""
        self.decided += 1
        super().end_transaction(transaction, state)

    def open(self) -> list[str]:
        """Whose transactions are open."""
        return sorted(self._open)

    def expire(self, identity: str) -> None:
        """The transaction's time is up: the broker aborts it and fences its producer."""
        transaction = self._open.pop(identity)
        self._epochs[identity] += 1
        self.end_transaction(transaction, "aborted")

    def join(self, group: str, joining: MemoryConsumer) -> None:
        """Join as a static member: whoever was the same instance is replaced for good."""
        known = self.groups.setdefault(group, Group())
        before = self._instances.setdefault(group, {}).get(joining.instance)
        if before is not None:
            self.replaced.append(before)
            if before in known.members:
                known.members.remove(before)
                before.lose()
        self._instances[group][joining.instance] = joining
        known.members.append(joining)
        self.rebalance(group)

    def expel(self, group: str, member: MemoryConsumer) -> None:
        """Session timeout: the member is out, and learns of it when it polls."""
        self.groups[group].members.remove(member)
        member.lose()
        self.rebalance(group)

    def rebalance(self, group: str) -> None:
        """Deal anew, mostly as before; any member may get any partition of any topic."""
        known = self.groups[group]
        known.generation += 1
        held = {name: member for member in known.members for name in member._positions}
        deal: dict[int, list[TopicPartition]] = {i: [] for i in range(len(known.members))}
        topics = sorted({topic for member in known.members for topic in member.topics})
        for topic in topics:
            for number in range(self.partitions(topic)):
                owner = held.get((topic, number))
                if owner is None or self.chance.random() < 0.3:
                    owner = self.chance.choice(known.members)
                deal[known.members.index(owner)].append((topic, number))
        for i, member in enumerate(list(known.members)):
            member.assign(deal[i])

    def send_offsets(
        self, transaction: Transaction, offsets: Mapping[TopicPartition, int], metadata: Any
    ) -> None:
        """Put the group's offsets into the transaction, unless the group has moved on."""
        name, generation, member = metadata
        group = self.groups[name]
        if generation != group.generation or member not in group.members:
            raise BatchDroppedError("illegal generation, or no member of the group")
        for place in offsets:
            group.pending[place] = transaction

    def end(self, identity: str, offsets: Mapping[TopicPartition, int], metadata: Any) -> None:
        """Commit: records and group offsets are true together."""
        if offsets:
            self.groups[metadata[0]].offsets.update(offsets)
        self.end_transaction(self._open.pop(identity), "committed")

    def waited(self, topic: str, partition: int, stands: bool) -> None:
        """A reader has come no further: after a few times what blocks it has timed out."""
        place = (topic, partition)
        self._stuck[place] = self._stuck.get(place, 0) + 1 if stands else 0
        if self._stuck[place] > STUCK_MAX:
            self._stuck[place] = 0
            for identity in self.open():
                if place in self._open[identity].touched:
                    self.expire(identity)
