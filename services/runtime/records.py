"""One record of a log, as read or as staged for writing."""

from dataclasses import dataclass

Headers = tuple[tuple[str, bytes], ...]
# Key and value of a record: all that a restore wants of it.
Row = tuple[bytes | None, bytes | None]


@dataclass(slots=True)
class Record:
    """`topic` is the name without namespace; `timestamp` in milliseconds since 1970 UTC."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    def header(self, name: str) -> bytes | None:
        """The last header of that name, or None."""
        found = None
        for key, value in self.headers:
            if key == name:
                found = value
        return found


@dataclass(slots=True)
class Staged:
    """A record to be written; `partition` None: murmur2 of the key decides."""

    topic: str
    partition: int | None
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(slots=True)
class Marked(Staged):
    """A record of which the log tells `offset` once it has it; None: it has not said."""

    offset: int | None = None
