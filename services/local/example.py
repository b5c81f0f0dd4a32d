"""`python -m services.local.example`: a card is prepared, sold and spent on a running `scrip up`.

What a channel does, in one page: CloudEvents as JSON, sealed with the channel's key, the card as
the record's key, and a reply to wait for.
"""

import sys
import threading
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final
from uuid import uuid4

from confluent_kafka import Producer

from schemas.message import encode_command
from schemas.reply import Reply, read_reply
from schemas.topics import (
    ISSUANCE_COMMANDS,
    ISSUANCE_REPLIES,
    REDEMPTION_COMMANDS,
    REDEMPTION_REPLIES,
    Topic,
)
from services.local.installation import NotThereError, installation
from services.local.keys import seals_for
from services.runtime.clocks import SystemClock
from services.runtime.kafka_log import KafkaLog
from services.runtime.kafka_settings import plain_producer_settings
from services.runtime.murmur2 import partition_of
from services.runtime.settings import Settings

REPLY_SECONDS_MAX: Final = 60.0
LOOK_SECONDS: Final = 0.05
READ_MAX: Final = 10_000


class Channel:
    """A channel that publishes commands and waits for its replies."""

    def __init__(self, settings: Settings, name: str) -> None:
        if settings.seal_keys is None:
            raise NotThereError("SCRIP_SEAL_KEYS is missing: a channel seals what it says")
        self.name = name
        self._log = KafkaLog(settings.kafka, settings.namespace)
        self._seals = seals_for(settings.seal_keys, f"channel-{name}")
        self._producer = Producer(plain_producer_settings(settings.kafka))

    def ask(self, topic: Topic, type: str, subject: str, body: Mapping[str, Any]) -> Reply:
        """Publish a command and wait for its reply. Raises TimeoutError."""
        id, replyto = str(uuid4()), f"{self.name}-{uuid4()}"
        replies = ISSUANCE_REPLIES if topic is ISSUANCE_COMMANDS else REDEMPTION_REPLIES
        number = partition_of(replyto.encode(), self._log.partitions(replies.name))
        reader = self._log.reader()
        position = reader.end_in_doubt(replies.name, number)
        value = encode_command(
            id=id,
            type=type,
            source=f"channel/{self.name}",
            subject=subject,
            time=SystemClock().now(),
            body=dict(body),
            replyto=replyto,
        )
        key = subject.encode()
        headers: list[tuple[str, str | bytes | None]] = [*self._seals.seal(topic.name, key, value)]
        self._producer.produce(self._log.named(topic.name), value, key, headers=headers)
        self._producer.flush(REPLY_SECONDS_MAX)
        deadline = monotonic() + REPLY_SECONDS_MAX
        while monotonic() < deadline:
            records, position = reader.read(replies.name, number, position, READ_MAX)
            for record in records:
                if record.key == replyto.encode():
                    return read_reply(record.value or b"")
            threading.Event().wait(LOOK_SECONDS)
        raise TimeoutError(f"no reply to {type} in {REPLY_SECONDS_MAX:.0f} s: is `scrip up` well?")


def sell_and_spend(settings: Settings) -> tuple[str, list[tuple[str, Reply]]]:
    """The card, and what was answered to each command."""
    office, till = Channel(settings, "office"), Channel(settings, "pos")
    card = str(uuid4())
    batch = {"programme": "gift", "batch": "example", "cards": [{"card": card, "last4": "0001"}]}
    sale = {"value": _usd(5000), "tender": "cash", "place": {"location": "F1", "channel": "pos"}}
    lines = [{"line": 1, "category": "service", "amount": _usd(2000)}]
    use = {"amount": _usd(2000), "lines": lines, "place": {"location": "F2", "channel": "pos"}}
    asked: list[tuple[Channel, Topic, str, dict[str, Any]]] = [
        (office, ISSUANCE_COMMANDS, "prepare_cards", batch),
        (till, ISSUANCE_COMMANDS, "sell_card", sale),
        (till, REDEMPTION_COMMANDS, "redeem", use),
    ]
    return card, [(type, who.ask(topic, type, card, body)) for who, topic, type, body in asked]


def _usd(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "USD"}


if __name__ == "__main__":
    try:
        made, answers = sell_and_spend(installation())
    except NotThereError as missing:
        sys.stderr.write(f"{missing}\n")
        sys.exit(3)
    for said, reply in answers:
        sys.stdout.write(f"{said:<14} {reply.outcome} {reply.reason or ''} {reply.balance or ''}\n")
    sys.stdout.write(f"card {made}\n")
    sys.exit(0 if all(reply.outcome == "accepted" for _, reply in answers) else 1)
