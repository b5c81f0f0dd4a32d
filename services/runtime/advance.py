"""How far a partition is: the progress row, the truth about what has been decided."""

from dataclasses import dataclass, field, replace

import orjson

GENESIS = "0" * 64
PROGRESS = "!progress/"  # no subject can begin like this


@dataclass(slots=True)
class KnownPolicy:
    """A policy version this partition has been told of."""

    version: int
    sha256: str
    effective: int


@dataclass(slots=True)
class Progress:
    """One input partition: `next` offset to read, `now` ms UTC, what the log has told it so far.

    `sequence` counts the facts made from it, `chain` is the SHA-256 chain over their bytes (hex).
    """

    next: int = 0
    now: int = 0
    policies: list[KnownPolicy] = field(default_factory=list)
    closed: dict[str, str] = field(default_factory=dict)
    sequence: int = 0
    chain: str = GENESIS

    def copy(self) -> "Progress":
        """A copy to work on; the lists in it are its own."""
        return replace(self, policies=list(self.policies), closed=dict(self.closed))

    def in_force_at(self, now: int) -> KnownPolicy | None:
        """The newest known version in force at `now` (ms UTC); before any is, the first."""
        due = [known for known in self.policies if known.effective <= now]
        if due:
            return max(due, key=lambda known: known.version)
        return min(self.policies, key=lambda known: known.version, default=None)

    def encode(self) -> bytes:
        """The row's bytes."""
        return orjson.dumps(self)


def read_progress(value: bytes) -> Progress:
    """The progress a row's bytes stand for."""
    row = orjson.loads(value)
    row["policies"] = [KnownPolicy(**known) for known in row["policies"]]
    return Progress(**row)


def progress_key(topic: str) -> str:
    """The key of the progress row of an input topic, on the partition it is about."""
    return f"{PROGRESS}{topic}"
