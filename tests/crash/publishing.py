"""A channel for tests: publishes sealed commands at a rate, and reads topics to the end."""

import itertools
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import orjson
from confluent_kafka import Producer

from schemas.message import encode_command
from schemas.topics import ISSUANCE_COMMANDS, REDEMPTION_COMMANDS, Topic
from services.local.keys import seals_for
from services.local.machine import Machine
from services.runtime.clocks import SystemClock
from services.runtime.kafka_settings import plain_producer_settings
from services.runtime.records import Record
from services.runtime.seals import Seals

FLUSH_SECONDS_MAX = 60.0
USD = "USD"


def money(minor: int) -> dict[str, Any]:
    """Money as it travels."""
    return {"minor": minor, "currency": USD}


@dataclass(frozen=True, slots=True)
class Sent:
    """A command as it was published."""

    topic: Topic
    id: str
    type: str
    subject: str
    body: dict[str, Any]


@dataclass
class Channel:
    """The channel `pos` of an installation."""

    machine: Machine
    sent: list[Sent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._producer = Producer(plain_producer_settings(self.machine.infra.bootstrap))
        self._seals: Seals = seals_for(self.machine.seal_keys, "channel-pos")
        self._clock = SystemClock()

    def send(self, topic: Topic, id: str, type: str, subject: str, **body: Any) -> Sent:
        """Publish a command that asks for a reply."""
        sent = Sent(topic, id, type, subject, body)
        self.publish(sent)
        return sent

    def publish(self, sent: Sent) -> None:
        """Publish it (again): the bytes differ in `time` only."""
        value = encode_command(
            id=sent.id,
            type=sent.type,
            source="channel/pos",
            subject=sent.subject,
            time=self._clock.now(),
            body=sent.body,
            replyto="pos",
        )
        key = sent.subject.encode()
        headers = list(self._seals.seal(sent.topic.name, key, value))
        name = sent.topic.named(self.machine.namespace)
        self._producer.produce(name, value=value, key=key, headers=headers)
        self._producer.poll(0)
        self.sent.append(sent)

    def flush(self) -> None:
        """Wait until Kafka has everything."""
        left = self._producer.flush(FLUSH_SECONDS_MAX)
        assert left == 0, f"{left} commands did not reach Kafka"

    def issue(self, cards: list[str], minor: int) -> None:
        """Prepare and sell cards."""
        for card in cards:
            self.sell(card, minor)
        self.flush()

    def sell(self, card: str, minor: int, batch: str = "b1") -> None:
        """Prepare and sell a card; does not wait."""
        entry = [{"card": card, "last4": "0001"}]
        prepare = {"programme": "gift", "batch": batch, "cards": entry}
        sale = {"value": money(minor), "tender": "cash", "place": {"location": "F1"}}
        self.send(ISSUANCE_COMMANDS, f"prepare-{card}", "prepare_cards", card, **prepare)
        self.send(ISSUANCE_COMMANDS, f"sell-{card}", "sell_card", card, **sale)


class Traffic(threading.Thread):
    """Redemptions, holds, captures, refunds and repeats on random cards, so many a second."""

    def __init__(self, channel: Channel, cards: list[str], rate: int, seed: int) -> None:
        super().__init__(name="traffic", daemon=True)
        self._channel = channel
        self._cards = cards
        self._rate = rate
        self._random = random.Random(seed)
        self._ended = threading.Event()
        self._numbers = itertools.count()
        self._recent: list[Sent] = []
        self.failure: BaseException | None = None

    def end(self) -> None:
        """Stop sending, and wait for what is under way."""
        self._ended.set()
        self.join(FLUSH_SECONDS_MAX)
        assert self.failure is None, self.failure
        self._channel.flush()

    def run(self) -> None:
        """Send at the rate until ended."""
        try:
            began = time.monotonic()
            sent = 0
            while not self._ended.wait(0.01):
                wanted = int((time.monotonic() - began) * self._rate)
                for _ in range(sent, wanted):
                    self._one()
                sent = max(sent, wanted)
        except BaseException as failure:
            self.failure = failure
            raise

    def _one(self) -> None:
        if self._recent and self._random.random() < 0.05:
            self._channel.publish(self._random.choice(self._recent))
            return
        number = next(self._numbers)
        card = self._random.choice(self._cards)
        kind = self._random.choice(("redeem", "hold", "capture", "release", "refund"))
        before = [s for s in self._recent if s.subject == card]
        held = [s.id for s in before if s.type == "place_hold"]
        spent = [s.id for s in before if s.type == "redeem"]
        where = {"place": {"location": "F2"}}
        if kind == "capture" and held:
            body = {"hold": self._random.choice(held), **where}
            sent = self._send(f"c{number}", "capture_hold", card, body)
        elif kind == "release" and held:
            body = {"hold": self._random.choice(held), **where}
            sent = self._send(f"l{number}", "release_hold", card, body)
        elif kind == "refund" and spent:
            body = {"capture": self._random.choice(spent), "amount": money(3), **where}
            sent = self._send(f"f{number}", "refund_capture", card, body)
        elif kind == "hold":
            sent = self._send(f"h{number}", "place_hold", card, {"amount": money(20), **where})
        else:
            sent = self._send(f"r{number}", "redeem", card, {"amount": money(10), **where})
        self._recent = [*self._recent[-300:], sent]

    def _send(self, id: str, type: str, card: str, body: dict[str, Any]) -> Sent:
        return self._channel.send(REDEMPTION_COMMANDS, id, type, card, **body)


def read_topic(machine: Machine, topic: Topic) -> list[Record]:
    """Everything committed on a topic."""
    log = machine.log()
    reader = log.reader()
    found: list[Record] = []
    for number in range(log.partitions(topic.name)):
        end = reader.end_in_doubt(topic.name, number)
        position = 0
        while position < end:
            records, position = reader.read(topic.name, number, position, 50_000)
            found += records
    return found


def body_of(record: Record) -> dict[str, Any]:
    """The message of a record."""
    message: dict[str, Any] = orjson.loads(record.value or b"")
    return message
