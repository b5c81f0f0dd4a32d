"""A log as somebody left it who could write to its disk, and what the audit says of it."""

from collections.abc import Callable
from typing import Any

from services.runtime.records import Record
from services.stories.world import World
from services.verify.auditing import audit
from services.verify.verdicts import Break, Examination

Change = Callable[[list[Record]], list[Record]]


class Changed:
    """`change` is made to what is read of one topic, partition by partition."""

    def __init__(self, of: Any, topic: str, change: Change) -> None:
        self._of, self._topic, self._change = of, topic, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)

    def reader(self) -> "Changed":
        return Changed(self._of.reader(), self._topic, self._change)

    def read(self, topic: str, partition: int, *rest: Any) -> tuple[list[Record], int]:
        records, position = self._of.read(topic, partition, *rest)
        return (self._change(records) if topic == self._topic else records), position


def broken(world: World, log: Any = None, kept: Any = None) -> set[str]:
    """The names of what does not hold."""
    found = audit(log or world.log, world.engine, kept)
    return {verdict.name for verdict in found.verdicts if not verdict.holds}


def records(world: World, topic: str) -> list[Record]:
    """All records of a topic, partition by partition."""
    return [record for n in range(world.partitions) for record in records_of(world, topic, n)]


def records_of(world: World, topic: str, number: int) -> list[Record]:
    """All records of a partition."""
    return world.reader.read(topic, number, 0, 100_000)[0]


def breaks_of(found: Examination) -> list[Break]:
    """Everything that was found."""
    return [one for verdict in found.verdicts for one in verdict.breaks]


def places_of(found: Examination) -> set[str]:
    """The partitions that breaks name first."""
    return {one.detail.split(" ")[0].rstrip(":") for one in breaks_of(found)}


def instead(of: Record, other: Record) -> Change:
    """`other` in the place of a record."""
    spot = (of.partition, of.offset)
    return lambda found: [other if (r.partition, r.offset) == spot else r for r in found]


def partition_as(number: int, left: list[Record]) -> Change:
    """`left` is what is on the partition now."""
    return lambda found: left if found and found[0].partition == number else found
