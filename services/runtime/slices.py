"""Reading a partition to its end: a log that says nothing for a while has not said that it ends."""

from collections.abc import Iterator
from time import monotonic
from typing import Final

from schemas.errors import ScripError
from services.runtime.ports import StateReader
from services.runtime.records import Record
from services.runtime.waits import rest

READ_MAX: Final = 20_000
# An open transaction is decided within the brokers' limit of 15 s; a busy broker takes its time.
SILENCE_SECONDS_MAX: Final = 60.0
LOOK_SECONDS: Final = 0.01


class SilentLogError(ScripError):
    """Kafka gives nothing of what stands on a partition. Look at the brokers, then run it again."""

    def __init__(self, topic: str, number: int, position: int, end: int) -> None:
        super().__init__(
            f"{topic}/{number} ends at {end}, and nothing from {position} on came in "
            f"{SILENCE_SECONDS_MAX:.0f} s"
        )


def slices(
    reader: StateReader,
    topic: str,
    number: int,
    start: int,
    end: int,
    records_max: int = READ_MAX,
) -> Iterator[tuple[list[Record], int]]:
    """What is committed from `start` up to `end` at least, and the position after each slice.

    `end` is one that `end_in_doubt` gave. Silence, and what is in doubt, is waited for: nothing
    but the end is taken for the end. Raises SilentLogError.
    """
    position = start
    heard = monotonic()
    while position < end:
        records, after = reader.read(topic, number, position, records_max)
        if after > position:
            position = after
            yield records, position
            heard = monotonic()
        elif monotonic() > heard + SILENCE_SECONDS_MAX:
            raise SilentLogError(topic, number, position, end)
        else:
            rest(LOOK_SECONDS)


def records_now(reader: StateReader, topic: str, number: int, start: int = 0) -> Iterator[Record]:
    """Every committed record from `start` up to where the partition ends now.

    Raises SilentLogError.
    """
    end = reader.end_in_doubt(topic, number)
    for records, _ in slices(reader, topic, number, start, end):
        yield from records
