"""Waits until an installation has come to rest, and holds it to every invariant there is."""

from sqlalchemy import Engine

from services.local.machine import Machine
from services.runtime.kafka_log import KafkaLog
from services.runtime.records import Record
from services.verify.examining import examine
from services.verify.verdicts import render
from tests.at_rest import (
    accounts_are_their_facts,
    books_are_right,
    everything_answered,
    everything_read,
    replies_are_readable,
)
from tests.invariants import Auditor, fact_sets, settled
from tests.observed import Observed

REST_SECONDS_MAX = 90.0


class KafkaReadable:
    """A log as readers outside any group have it."""

    def __init__(self, log: KafkaLog) -> None:
        self._log = log
        self._reader = log.reader()

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""
        return self._log.partitions(topic)

    def read(
        self, topic: str, partition: int, start: int, records_max: int
    ) -> tuple[list[Record], int]:
        """All that is committed from `start`, and the position after it."""
        end = self._reader.end_in_doubt(topic, partition)
        found: list[Record] = []
        while start < end and len(found) < records_max:
            records, start = self._reader.read(topic, partition, start, records_max)
            found += records
        return found, start


def hold_to_invariants(machine: Machine, engine: Engine, *, operations: bool = False) -> int:
    """Raise on any violation once everything has gone through; how many facts were checked.

    `operations`: runs or periods have been told too; their journals are examined by the services'
    own verification, not by the tests' fold.
    """
    examined = examine(machine.log(), engine, lambda _: None, seconds_max=REST_SECONDS_MAX)
    assert examined.holds, render(examined)
    observed = Observed(KafkaReadable(machine.log()))
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
