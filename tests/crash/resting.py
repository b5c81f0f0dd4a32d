"""Waits until an installation has come to rest, and holds it to every invariant there is."""

from sqlalchemy import Engine

from schemas.topics import POLICY
from services.local.machine import Machine
from services.runtime.kafka_log import KafkaLog
from services.runtime.records import Record
from services.runtime.tables import open_tables
from services.verify.examining import examine
from services.verify.tail import EVERYTHING, Tail
from services.verify.verdicts import render
from tests.at_rest import (
    accounts_are_their_facts,
    books_are_right,
    everything_answered,
    everything_read,
    replies_are_readable,
)
from tests.crash.fleet import Fleet
from tests.invariants import Auditor, fact_sets, settled
from tests.observed import Observed

REST_SECONDS_MAX = 90.0
POLICIES_MAX = 100


class TailReadable:
    """What a tail has read, as the tests' own checks want to read it; policies besides."""

    def __init__(self, log: KafkaLog, tail: Tail) -> None:
        self._log = log
        self._tail = tail
        self._kept = {topic.name: topic for topic in EVERYTHING}

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""
        return self._log.partitions(topic)

    def read(
        self, topic: str, partition: int, start: int, records_max: int
    ) -> tuple[list[Record], int]:
        """All there is from `start`, and the position after it."""
        if topic == POLICY.name:
            return self._log.reader().read(topic, partition, start, POLICIES_MAX)
        records = self._tail.of(self._kept[topic], partition)
        found = [record for record in records if record.offset >= start][:records_max]
        return found, found[-1].offset + 1 if found else start


def rests(fleet: Fleet, *, operations: bool = False) -> int:
    """Hold a fleet's installation to every invariant, and count it; how many facts there were."""
    engine = open_tables(fleet.machine.database)
    facts = hold_to_invariants(fleet.machine, engine, operations=operations)
    engine.dispose()
    return fleet.tally.held(facts)


def hold_to_invariants(machine: Machine, engine: Engine, *, operations: bool = False) -> int:
    """Raise on any violation once everything has gone through; how many facts were checked.

    `operations`: runs or periods have been told too; their journals are examined by the services'
    own verification, not by the tests' fold.
    """
    log = machine.log()
    tail = Tail(log)
    examined = examine(log, engine, lambda _: None, seconds_max=REST_SECONDS_MAX, tail=tail)
    assert examined.holds, render(examined)
    tail.read_on()
    observed = Observed(TailReadable(log, tail))
    auditor = Auditor(observed)
    facts = auditor.look()
    settled(auditor)
    fact_sets(observed)
    everything_read(observed)
    everything_answered(observed)
    accounts = accounts_are_their_facts(observed)
    replies_are_readable(observed)
    if not operations:
        books_are_right(observed, accounts)
    return facts
