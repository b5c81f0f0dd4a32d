"""What a dead letter says, which ones are asked for, and whether it may be sent once more."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

from schemas.codec import Unreadable, read_command
from schemas.identifiers import derived
from schemas.topics import ISSUANCE_COMMANDS, REDEMPTION_COMMANDS
from services.runtime.deadletters import CAUSE, OFFSET, PARTITION, TOPIC, read_dead_letter
from services.runtime.records import Headers, Record, Staged

REQUEUED: Final = "scrip-requeued"
REQUEUES_MAX: Final = 2
_BURIAL: Final = (TOPIC, PARTITION, OFFSET, CAUSE)
_OWNERS: Final[dict[str, Literal["issuance", "redemption"]]] = {
    ISSUANCE_COMMANDS.name: "issuance",
    REDEMPTION_COMMANDS.name: "redemption",
}
_SENDERS: Final = {
    "unsealed": "nobody has proven who sent it: its sender seals it and sends it again",
    "misrouted": "on the same partition it is misrouted again: its sender sends it right",
    "not_permitted": "its source may not say this, now as then",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: where it lies, where it came from, why, and how often it was sent again."""

    record: Record
    topic: str
    partition: int
    offset: int
    cause: str
    requeued: int

    @property
    def name(self) -> str:
        """`partition/offset` among the dead letters."""
        return f"{self.record.partition}/{self.record.offset}"

    @property
    def cause_class(self) -> str:
        """What kind of cause: unreadable, unsealed, misrouted, not_permitted."""
        return self.cause.partition(":")[0]

    @property
    def key(self) -> str:
        """The key as text."""
        return (self.record.key or b"").decode("utf-8", "replace")

    @property
    def sha256(self) -> str:
        """Of the untouched bytes, hex."""
        return sha256(self.record.value or b"").hexdigest()

    @property
    def operation(self) -> str:
        """The id of the operation that sends it once more."""
        return f"requeue-{derived('requeue', self.name, self.sha256)}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters: every condition that is given must hold; `since` ≤ at < `until` (ms UTC)."""

    names: frozenset[str] = frozenset()
    topic: str | None = None
    cause_class: str | None = None
    key: str | None = None
    since: int | None = None
    until: int | None = None

    def includes(self, letter: Letter) -> bool:
        """Is this one of them?"""
        at = letter.record.timestamp
        return (
            (not self.names or letter.name in self.names)
            and self.topic in (None, letter.topic)
            and self.cause_class in (None, letter.cause_class)
            and self.key in (None, letter.key)
            and (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
        )


def read_letter(record: Record) -> Letter:
    """The letter a record of the dead letters stands for."""
    said = read_dead_letter(record)
    times = (record.header(REQUEUED) or b"0").decode("ascii", "replace")
    return Letter(
        record=record,
        topic=str(said["topic"]),
        partition=int(said["partition"]),
        offset=int(said["offset"]),
        cause=str(said["cause"]),
        # A count that nobody here wrote guards nothing: such a letter is not sent again.
        requeued=int(times) if times.isdigit() else REQUEUES_MAX,
    )


def obstacle(letter: Letter) -> str | None:
    """Why this letter is not sent once more; None: it may be, and this version can read it."""
    owner = _OWNERS.get(letter.topic)
    if owner is None:
        return f"{letter.topic or 'its topic'} carries facts of one writer: see `scrip replay`"
    if letter.cause_class in _SENDERS:
        return f"{letter.cause_class}: {_SENDERS[letter.cause_class]}"
    if letter.requeued >= REQUEUES_MAX:
        return f"it was sent {letter.requeued} times again already, which is the most"
    message = read_command(owner, letter.record.value)
    if isinstance(message, Unreadable):
        return f"this version cannot read it either: {message.cause}"
    return None


def original_headers(letter: Letter) -> Headers:
    """The headers it came with: those of its burial stand last, once each."""
    headers = letter.record.headers
    assert tuple(name for name, _ in headers[-len(_BURIAL) :]) == _BURIAL, headers
    return tuple(h for h in headers[: -len(_BURIAL)] if h[0] != REQUEUED)


def once_more(letter: Letter) -> Staged:
    """The record to send: untouched bytes, original headers, and the count that guards loops."""
    count = (REQUEUED, str(letter.requeued + 1).encode())
    return Staged(
        letter.topic,
        letter.partition,
        letter.record.timestamp,
        letter.record.key,
        letter.record.value,
        (*original_headers(letter), count),
    )


def is_sent(staged: Staged, records: Iterable[Record]) -> bool:
    """Does it stand among these records of its partition?"""
    count = staged.headers[-1]
    return any(
        (record.key, record.value) == (staged.key, staged.value) and count in record.headers
        for record in records
    )
