"""What a contender wrote, and whether it is what our worker wrote: facts, replies, balances.

Facts are compared one by one in the order of their partition, replies by command, byte for byte;
rows against the balance that the account's last fact states, and as they were written at the end.
"""

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from services.runtime.kafka_reader import arrived
from services.runtime.kafka_settings import reader_settings
from tests.benchmarks.measuring import PARTITIONS

READ_MAX = 20_000
WAIT = 10.0
SHORT = 8


class NotEqualError(AssertionError):
    """A contender decided otherwise, so its figures say nothing; the first difference is told.

    `fact` is its place where a fact differs: partition, and number from 0.
    """

    def __init__(self, said: str, fact: tuple[int, int] | None = None) -> None:
        super().__init__(said)
        self.fact = fact


@dataclass(slots=True)
class Outputs:
    """Facts as hashes by partition, replies as hashes counted, the balance each account ends with.

    `written` are hashes of the last rows; `bytes` are those of keys and values.
    """

    facts: list[list[bytes]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    replies: Counter[bytes] = field(default_factory=Counter)
    stated: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    rows: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    written: dict[bytes, bytes] = field(default_factory=dict)
    fact_bytes: int = 0
    reply_bytes: int = 0

    def fact(self, partition: int, key: bytes, value: bytes) -> None:
        """One fact more."""
        self.facts[partition].append(short(value))
        self.fact_bytes += len(key) + len(value)
        start = value.rfind(b'"balance":{"ledger":')
        if start >= 0:
            end = value.index(b"}", start)
            balance = orjson.loads(value[start + len(b'"balance":') : end + 1])
            self.stated[key] = (balance["ledger"], balance["held"])

    def reply(self, key: bytes, value: bytes) -> None:
        """One reply more."""
        self.replies[short(key + value)] += 1
        self.reply_bytes += len(key) + len(value)

    def row(self, key: bytes, value: bytes | None) -> None:
        """A later row of an account stands for the earlier ones."""
        if value is not None and b"/" not in key and not key.startswith(b"!"):
            account = orjson.loads(value)
            self.rows[key] = (account["ledger"], account["held"])
            self.written[key] = short(value)

    @property
    def fact_count(self) -> int:
        """Facts on all partitions."""
        return sum(map(len, self.facts))


def short(value: bytes) -> bytes:
    """A hash short enough to keep a million of."""
    return hashlib.blake2b(value, digest_size=SHORT).digest()


def read_outputs(bootstrap: str, events: str, replies: str, balances: str) -> Outputs:
    """Everything committed on a contender's topics."""
    found = Outputs()
    read_all(
        bootstrap, events, lambda m: found.fact(_partition(m), m.key() or b"", m.value() or b"")
    )
    read_all(bootstrap, replies, lambda m: found.reply(m.key() or b"", m.value() or b""))
    read_all(bootstrap, balances, lambda m: found.row(m.key() or b"", m.value()))
    return found


def _partition(message: Message) -> int:
    number = message.partition()
    assert number is not None
    return number


def read_all(
    bootstrap: str, topic: str, take: Callable[[Message], None], partitions: int = PARTITIONS
) -> None:
    """Give every committed record of a topic to `take`."""
    settings = {**reader_settings(bootstrap, "read_committed"), "fetch.message.max.bytes": 8 << 20}
    reader = Consumer(settings)
    reader.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
    open_ends = set(range(partitions))
    while open_ends:
        messages = arrived(reader, READ_MAX, WAIT)
        if not messages:
            raise TimeoutError(f"{topic}: no end of partitions {sorted(open_ends)}")
        for message in messages:
            error = message.error()
            if error is None:
                take(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                open_ends.discard(_partition(message))
            else:
                raise RuntimeError(error.str())
    reader.close()


def fact_at(bootstrap: str, topic: str, place: tuple[int, int]) -> bytes:
    """The fact of that number on that partition."""
    seen = itertools.count()
    found: list[bytes] = []

    def take(message: Message) -> None:
        if _partition(message) == place[0] and next(seen) == place[1]:
            found.append(message.value() or b"")

    read_all(bootstrap, topic, take)
    return found[0]


def require_equal(ours: Outputs, theirs: Outputs, name: str) -> str:
    """What was compared, in words. Raises NotEqualError.

    One that was stopped earlier must have written a beginning of what we wrote.
    """
    for partition, (right, found) in enumerate(zip(ours.facts, theirs.facts, strict=True)):
        if len(found) > len(right):
            raise NotEqualError(
                f"{name}: {len(found)} facts on partition {partition}, not {len(right)}"
            )
        for number, fact in enumerate(found):
            if fact != right[number]:
                said = f"{name}: fact {number + 1} of partition {partition} differs"
                raise NotEqualError(said, (partition, number))
    for reply, times in theirs.replies.items():
        if times > ours.replies[reply]:
            raise NotEqualError(f"{name}: a reply that we did not give, or gave less often")
    whole = theirs.fact_count == ours.fact_count
    if whole and theirs.replies != ours.replies:
        raise NotEqualError(f"{name}: replies are missing")
    require_rows(theirs, name)
    if whole and theirs.written != ours.written:
        key = next(k for k, row in ours.written.items() if theirs.written.get(k) != row)
        raise NotEqualError(f"{name}: the last row of account {key!r} differs")
    accounts = len(theirs.rows)
    return f"{theirs.fact_count:,} facts, {theirs.replies.total():,} replies, {accounts:,} balances"


def require_rows(found: Outputs, name: str) -> None:
    """Every account's row says what its last fact says. Raises NotEqualError."""
    if found.rows != found.stated:
        keys = found.stated.keys() | found.rows.keys()
        key = next(k for k in keys if found.rows.get(k) != found.stated.get(k))
        row, fact = found.rows.get(key), found.stated.get(key)
        raise NotEqualError(f"{name}: account {key!r} has the row {row}, its last fact says {fact}")
