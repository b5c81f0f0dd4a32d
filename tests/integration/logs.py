"""Writes to a log, whichever it is, and reads from it."""

import time
from collections.abc import Callable
from typing import TypeVar

from schemas.topics import REDEMPTION_COMMANDS, REDEMPTION_EVENTS, REDEMPTION_MEMORY
from services.runtime.ports import Log
from services.runtime.records import Record, Staged

COMMANDS = REDEMPTION_COMMANDS.name
EVENTS = REDEMPTION_EVENTS.name
MEMORY = REDEMPTION_MEMORY.name
PARTITIONS = 4
DEADLINE_SECONDS = 30.0
T = TypeVar("T")


def until(ask: Callable[[], T], what: str) -> T:
    """Ask again until the answer is true; fail when the deadline has passed."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        answer = ask()
        if answer:
            return answer
    raise AssertionError(f"{what} did not happen in {DEADLINE_SECONDS} s")


def write(log: Log, identity: str, *records: Staged) -> None:
    """One committed transaction."""
    producer = log.producer(identity)
    producer.begin()
    for record in records:
        producer.produce(record)
    producer.commit({}, None)
    producer.abandon()


def staged(number: int, topic: str = COMMANDS, key: str = "a", partition: int | None = 0) -> Staged:
    """A record that says its number."""
    return Staged(topic, partition, 1_000 + number, key.encode(), str(number).encode())


def read_all(log: Log, topic: str, partition: int) -> list[Record]:
    """Everything committed on a partition now."""
    reader = log.reader()
    end = reader.end_in_doubt(topic, partition)
    position, found = 0, []
    while position < end:
        records, after = reader.read(topic, partition, position, 1_000)
        if after == position:
            break
        position = after
        found += records
    return found
