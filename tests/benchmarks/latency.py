"""From a published command to its committed reply, at a rate; and to its row in PostgreSQL."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition
from sqlalchemy import Engine, text

from schemas.identifiers import fact_id, first_number
from schemas.instants import parse_instant
from schemas.topics import REDEMPTION_COMMANDS, REDEMPTION_EVENTS, REDEMPTION_REPLIES
from services.local.machine import Machine
from services.runtime.kafka_settings import plain_producer_settings, reader_settings
from tests.benchmarks.feeding import send
from tests.benchmarks.measuring import PARTITIONS
from tests.benchmarks.workload import Message, Workload

WARM_UP = 0.2
ANSWER_SECONDS_MAX = 90.0
LOOK_SECONDS = 0.005
# One command of a cycle is a load.
OF_A_CYCLE = 8


@dataclass(slots=True)
class Sent:
    """A command on its way: `at` it was given to the client, `back` what waits was seen."""

    message: Message
    id: str
    subject: str
    at: float = 0.0
    back: float = 0.0


def as_sent(messages: Iterable[Message]) -> list[Sent]:
    """Messages with the id that answers name; repeats are left out, for they have the same id."""
    found: dict[str, Sent] = {}
    for message in messages:
        envelope = orjson.loads(message.value)
        found.setdefault(envelope["id"], Sent(message, envelope["id"], envelope["subject"]))
    return list(found.values())


@dataclass
class Replies:
    """Reads committed replies from now on, in a thread; `seen` gets command id and instant."""

    machine: Machine
    seen: Callable[[str, float], None]
    _end: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        settings = {**reader_settings(self.machine.infra.bootstrap, "read_committed")}
        self._consumer = Consumer({**settings, "fetch.wait.max.ms": 100})
        topic = REDEMPTION_REPLIES.named(self.machine.namespace)
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, 10.0)[1]
        self._consumer.assign(places)
        self._thread = threading.Thread(target=self._read, daemon=True, name="replies")
        self._thread.start()

    def _read(self) -> None:
        while not self._end.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                at = time.monotonic()
                value = message.value() or b""
                start = value.index(b'"causationid":"') + 15
                self.seen(value[start : value.index(b'"', start)].decode(), at)

    def close(self) -> None:
        """Stop reading."""
        self._end.set()
        self._thread.join()
        self._consumer.close()


def producer_of(machine: Machine) -> Producer:
    """A channel's producer that does not wait for company."""
    return Producer({**plain_producer_settings(machine.infra.bootstrap), "linger.ms": 0})


def publish_at(machine: Machine, sent: list[Sent], rate: int) -> None:
    """Give the commands to the client evenly, so many a second."""
    producer = producer_of(machine)
    topic = REDEMPTION_COMMANDS.named(machine.namespace)
    began = time.monotonic()
    for number, one in enumerate(sent):
        ahead = began + number / rate - time.monotonic()
        if ahead > 0:
            producer.poll(0)
            time.sleep(ahead)
        one.at = time.monotonic()
        send(producer, topic, one.message)
        producer.poll(0)
    assert producer.flush(10.0) == 0


def open_accounts(machine: Machine, workload: Workload) -> None:
    """Publish the openings."""
    producer = producer_of(machine)
    for message in workload.opening():
        send(producer, REDEMPTION_COMMANDS.named(machine.namespace), message)
    assert producer.flush(30.0) == 0


def replies_at(machine: Machine, workload: Workload, rate: int, seconds: int) -> dict[str, Any]:
    """Milliseconds to the committed reply at a rate: median, 99th of a hundred, largest."""
    sent = as_sent(workload.commands(rate * seconds))
    known = {one.id: one for one in sent}

    def seen(id: str, at: float) -> None:
        one = known.get(id)
        if one is not None and not one.back:
            one.back = at

    replies = Replies(machine, seen)
    publish_at(machine, sent, rate)
    wait_until(lambda: all(one.back for one in sent))
    replies.close()
    return told(sent)


def wait_until(there: Callable[[], bool]) -> None:
    """Look again and again, for a bounded time."""
    deadline = time.monotonic() + ANSWER_SECONDS_MAX
    while not there():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not everything came back within {ANSWER_SECONDS_MAX:.0f} s")
        time.sleep(LOOK_SECONDS)


def told(sent: list[Sent]) -> dict[str, Any]:
    """Percentiles in milliseconds, without the warm-up."""
    counted = sent[int(len(sent) * WARM_UP) :]
    took = sorted((one.back - one.at) * 1e3 for one in counted)
    return {
        "commands": len(took),
        "p50_ms": round(took[len(took) // 2], 1),
        "p99_ms": round(took[min(len(took) - 1, len(took) * 99 // 100)], 1),
        "max_ms": round(took[-1], 1),
    }


def rows_at(
    machine: Machine, engine: Engine, workload: Workload, rate: int, seconds: int
) -> dict[str, Any]:
    """Milliseconds from a command to its journal in PostgreSQL, seen by another connection."""
    made = as_sent(workload.commands(rate * seconds * OF_A_CYCLE))
    sent = [one for one in made if _posts(one)][: rate * seconds]
    known = {_fact_of(one): one for one in sent}
    ended = threading.Event()
    looking = threading.Thread(target=_look, args=(engine, known, ended), daemon=True)
    looking.start()
    publish_at(machine, sent, rate)
    try:
        wait_until(lambda: all(one.back for one in sent))
    finally:
        ended.set()
        looking.join()
    return told(sent)


def _posts(sent: Sent) -> bool:
    """A load posts a journal whatever came before it; other kinds may be refused."""
    return b'"type":"load_value.v1"' in sent.message.value


def _fact_of(sent: Sent) -> str:
    said = parse_instant(orjson.loads(sent.message.value)["time"])
    return fact_id(REDEMPTION_EVENTS.name, sent.subject, sent.id, first_number(said))


def _look(engine: Engine, known: dict[str, Sent], ended: threading.Event) -> None:
    last = -1
    with engine.connect() as connection:
        while not ended.wait(LOOK_SECONDS):
            said = text("SELECT id, fact FROM ledger.journal WHERE id > :last ORDER BY id")
            rows = connection.execute(said, {"last": last}).all()
            connection.rollback()
            at = time.monotonic()
            for id, fact in rows:
                last = id
                if fact in known:
                    known[fact].back = at
