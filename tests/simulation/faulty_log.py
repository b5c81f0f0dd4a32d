"""The broker in memory, as unruly as Kafka may be.

On top of MemoryLog (which passes the contract tests of Kafka): offsets are sent before a
transaction ends and are pending until then, members that were silent are put out and come back,
partitions are dealt out at random, open transactions time out, reads come in small slices, and
command topics are stamped by the broker.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final, Literal

from schemas.instants import DAY
from schemas.topics import COMMAND_TOPICS, TOPICS
from services.runtime.memory_log import Group, MemoryConsumer, MemoryLog, Slot, Transaction
from services.runtime.ports import BatchDroppedError, TopicPartition
from services.runtime.records import Marked, Record, Staged

STAMPED: Final = frozenset(topic.name for topic in COMMAND_TOPICS)
STUCK_MAX: Final = 3
ARRIVES: Final = 0.02
COMPACTED: Final = tuple(topic.name for topic in TOPICS if topic.retention == "compacted")
TOMBSTONES_KEPT: Final = DAY


class FaultyLog(MemoryLog):
    """The broker. `now` is its clock (ms UTC); `chance` deals partitions and slices reads."""

    def __init__(self, partitions: int, chance: Random, now: Callable[[], int]) -> None:
        super().__init__(partitions)
        self.chance = chance
        self.calm = False
        self.decided = 0
        self.under_way: list[Staged] = []
        self.replaced: list[MemoryConsumer] = []
        self._instances: dict[str, dict[str, MemoryConsumer]] = {}
        self._now = now
        self._stuck: dict[TopicPartition, int] = {}
        self._cleaned: dict[TopicPartition, dict[int, int]] = {}
        self.fresh: set[TopicPartition] = set(self._slots)

    def append(self, staged: Staged, transaction: Transaction | None = None) -> Record:
        """Command topics are stamped on arrival; brokers' clocks differ by half a second."""
        if staged.topic in STAMPED:
            now = self._now() - self.chance.randrange(500)
            stamped = Staged(
                staged.topic, staged.partition, now, staged.key, staged.value, staged.headers
            )
            record = super().append(stamped, transaction)
            if isinstance(staged, Marked):
                staged.offset = record.offset
        else:
            record = super().append(staged, transaction)
        if transaction is None:
            self.decided += 1
            self.fresh.add((record.topic, record.partition))
        return record

    def arrive(self) -> None:
        """What was sent late comes by and by, in any order; all of it once the world is calm."""
        for staged in self.under_way[:]:
            if self.calm or self.chance.random() < ARRIVES:
                self.under_way.remove(staged)
                self.append(staged)

    def end_transaction(
        self, transaction: Transaction, state: Literal["committed", "aborted"]
    ) -> None:
        """As MemoryLog, and counted: only now can a reader of committed records see more."""
        self.decided += 1
        self.fresh.update(transaction.touched)
        super().end_transaction(transaction, state)

    def compact(self, now: int) -> int:
        """Forget rows that have a later one, and what was deleted; how many.

        As Kafka does it (since 3.1): a tombstone is kept for a day from its first cleaning on.
        """
        gone = 0
        for topic in COMPACTED:
            for number in range(self.partitions(topic)):
                cleaned = self._cleaned.setdefault((topic, number), {})
                gone += self._compact(self._slots[topic, number], cleaned, now)
        return gone

    def _compact(self, slots: list[Slot], cleaned: dict[int, int], now: int) -> int:
        """Only what lies before the first open transaction; offsets stay as they are."""
        last: dict[bytes | None, Slot] = {}
        gone = 0
        for slot in slots:
            if slot.transaction is not None and slot.transaction.state == "open":
                break
            if slot.record is None or (slot.transaction and slot.transaction.state == "aborted"):
                continue
            before = last.get(slot.record.key)
            if before is not None:
                before.record = None
                gone += 1
            last[slot.record.key] = slot
        for slot in last.values():
            assert slot.record is not None
            if slot.record.value is None:
                first = cleaned.setdefault(slot.record.offset, now)
                if first + TOMBSTONES_KEPT <= now:
                    slot.record = None
                    gone += 1
        return gone

    def behind(self) -> bool:
        """Are there commands that no worker has dealt with?"""
        return not all(self.passed(topic.split(".")[1], topic) for topic in STAMPED)

    def last(self, topic: str, partition: int) -> int:
        """The offset of the last committed record; -1: there is none."""
        for slot in reversed(self._slots[topic, partition]):
            decided = slot.transaction is None or slot.transaction.state == "committed"
            if slot.record is not None and decided:
                return slot.record.offset
        return -1

    def passed(self, role: str, topic: str) -> bool:
        """Has a role's group dealt with all of a topic?"""
        offsets = self.groups.setdefault(f"scrip-{role}", Group()).offsets
        return all(
            offsets.get((topic, number), 0) > self.last(topic, number)
            for number in range(self.partitions(topic))
        )

    def hides(self, topic: str) -> bool:
        """Does an open transaction stand on the topic, so that what lies behind it is not read?"""
        touched = (place for open in self._open.values() for place in open.touched)
        return any(name == topic for name, _ in touched)

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

    def rebalance(self, group: str, without: MemoryConsumer | None = None) -> None:
        """Deal anew, mostly as before; any member may get any partition of any topic.

        A member `without` partitions stays in the group, and learns of it when it polls.
        """
        known = self.groups[group]
        known.generation += 1
        held = {name: member for member in known.members for name in member._positions}
        deal: dict[int, list[TopicPartition]] = {i: [] for i in range(len(known.members))}
        topics = sorted({topic for member in known.members for topic in member.topics})
        for topic in topics:
            for number in range(self.partitions(topic)):
                owner = held.get((topic, number))
                others = [member for member in known.members if member is not without]
                if owner is None or owner is without or self.chance.random() < 0.3:
                    owner = self.chance.choice(others or known.members)
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
