"""A store against its changelog: the last row of every key, summed up and compared, on demand."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from schemas.topics import Topic
from services.runtime.advance import PROGRESS
from services.runtime.ports import Standing, StateReader
from services.runtime.slices import slices

TOLD_MAX: Final = 20
_BITS: Final = 128


class StoreIsNotRestoredError(Exception):
    """A store that has no place on the log yet cannot be compared. Let its worker restore it."""


class Rows(Protocol):
    """A store at rest, or one that is read while its worker goes on."""

    def scan(self) -> Iterable[tuple[str, bytes]]:
        """Every row."""
        ...

    def standing(self) -> Standing | None:
        """What the rows are good for."""
        ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rows and their sum (hex; the order of rows does not matter) on either side of a partition.

    The log is summed up to the store's place. A row of the store may be newer than that: then it
    must be one the log has further on. `differing` are keys of rows that are not, the first few.
    """

    rows_stored: int
    rows_logged: int
    sum_stored: str
    sum_logged: str
    differing: tuple[str, ...]


def fingerprint(key: str, value: bytes) -> bytes:
    """Of one row: key and value, neither able to pass for a piece of the other."""
    raw = key.encode()
    return hashlib.blake2b(len(raw).to_bytes(4) + raw + value, digest_size=_BITS // 8).digest()


def total(fingerprints: Iterable[bytes]) -> str:
    """The sum of fingerprints modulo 2^128, so that any order of rows gives the same."""
    added = sum(int.from_bytes(one) for one in fingerprints)
    return f"{added % (1 << _BITS):032x}"


def compare(rows: Rows, reader: StateReader, topics: tuple[Topic, ...], number: int) -> Comparison:
    """Compare one partition's store with its state topics; costs about 200 bytes a row of memory.

    Raises StoreIsNotRestoredError for a store without a place.
    """
    standing = rows.standing()
    if standing is None:
        raise StoreIsNotRestoredError(f"partition {number}")
    stored = {key: fingerprint(key, value) for key, value in rows.scan()}
    ends = {topic.name: reader.end_in_doubt(topic.name, number) for topic in topics}
    logged: dict[str, bytes] = {}
    later: dict[str, set[bytes | None]] = {}
    for topic in topics:
        place = standing.offsets.get(topic.name, 0)
        for offset, key, value in _rows_of(reader, topic, number, ends):
            row = None if value is None else fingerprint(key, value)
            if offset >= place:
                later.setdefault(key, set()).add(row)
            elif row is None:
                logged.pop(key, None)
            else:
                logged[key] = row
    return Comparison(
        len(stored),
        len(logged),
        total(stored.values()),
        total(logged.values()),
        tuple(_differing(stored, logged, later)),
    )


def _rows_of(
    reader: StateReader, topic: Topic, number: int, ends: Mapping[str, int]
) -> Iterator[tuple[int, str, bytes | None]]:
    for records, _ in slices(reader, topic.name, number, 0, ends[topic.name]):
        for record in records:
            key = (record.key or b"").decode()
            if not key.startswith(PROGRESS):
                yield record.offset, key, record.value


def _differing(
    stored: Mapping[str, bytes],
    logged: Mapping[str, bytes],
    later: Mapping[str, set[bytes | None]],
) -> Iterator[str]:
    left = TOLD_MAX
    for key in sorted(stored.keys() | logged.keys()):
        mine = stored.get(key)
        if mine != logged.get(key) and mine not in later.get(key, ()):
            yield key
            left -= 1
            if left == 0:
                return
