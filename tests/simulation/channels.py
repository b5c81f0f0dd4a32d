"""What channels make of a history: copies, delays, overtaking, reused ids, and plain garbage."""

from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

import orjson

from schemas.instants import format_instant
from schemas.ledger import PeriodClosed
from schemas.message import encode_command
from schemas.policy_checks import content_hash
from schemas.topics import COMMAND_TOPICS, ISSUANCE_COMMANDS, LEDGER_OPERATIONS, POLICY
from services.runtime.outbox_table import Telling
from services.runtime.policies import write_published_policy
from services.runtime.records import Staged
from services.runtime.seals import SealsOff
from services.runtime.telling import broadcast
from tests.simulation.mixture import Asked
from tests.simulation.network import DAY, HOUR, MINUTE, PARTITIONS, SECOND, document

REPLYTO: Final = "simulator"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Records that reach the broker together at `at` (ms UTC); `said` tells a person what.

    `telling` is a fact that an operation leaves in the database's outbox instead.
    """

    at: int
    records: tuple[Staged, ...]
    said: str
    telling: Telling | None = None


def deliveries(chance: Random, history: list[Asked]) -> list[Delivery]:
    """Everything that reaches the broker, in the order it does."""
    begins = history[0].at
    made = [_policy(1, begins + (0 if chance.random() < 0.8 else 30 * SECOND))]
    for asked in history:
        if asked.type == "set_policy":
            made.append(
                _policy(len([d for d in made if d.said.startswith("policy")]) + 1, asked.at)
            )
            continue
        if asked.type == "close_period":
            made.append(_closing(asked))
            continue
        opening = asked.at - begins < MINUTE
        asks = asked.source.startswith("channel/") and chance.random() < 0.97
        for at in [asked.at] if opening else _arrivals(chance, asked.at):
            other = at != asked.at and chance.random() < 0.05
            made.append(_command(at, _reused(asked) if other else asked, asks))
        if chance.random() < 0.04:
            made.append(_garbage(chance, asked))
    return sorted(made, key=lambda delivery: delivery.at)


def _arrivals(chance: Random, meant: int) -> list[int]:
    """When the copies of a command arrive; channels deliver more than once, late and early."""
    copies = chance.choices((1, 2, 3), (78, 16, 6))[0]
    delays = (0, SECOND, 10 * SECOND, 5 * MINUTE, 2 * HOUR, 2 * DAY, 40 * DAY, -20 * SECOND)
    odds = (60, 10, 10, 5, 3, 2, 1, 6)
    return [meant + chance.choices(delays, odds)[0] for _ in range(copies)]


def _reused(asked: Asked) -> Asked:
    """The same id with other data."""
    return replace(asked, body={**asked.body, "place": {"location": "F2", "receipt": "other"}})


def _command(at: int, asked: Asked, asks: bool) -> Delivery:
    value = encode_command(
        id=asked.id,
        type=asked.type,
        source=asked.source,
        subject=asked.subject,
        time=asked.at,
        body=asked.body,
        replyto=REPLYTO if asks else None,
    )
    staged = Staged(asked.topic.name, None, at, asked.subject.encode(), value)
    return Delivery(at, (staged,), f"{asked.type} {asked.id} of {asked.subject}: {asked.body}")


def _policy(version: int, at: int) -> Delivery:
    said = document(version)
    effective = at - MINUTE if version % 3 else at + MINUTE
    value = write_published_policy(version, effective, said)
    body = {"version": version, "sha256": content_hash(said), "effective": effective}
    news = broadcast(
        "policy_changed", "service/policy", body, time=at, partitions=PARTITIONS, seals=SealsOff()
    )
    records = (Staged(POLICY.name, 0, at, b"policy", value), *news)
    return Delivery(at, records, f"policy {version}")


def _closing(asked: Asked) -> Delivery:
    """The books of an entity are closed up to the day before."""
    until = format_instant(asked.at - DAY)[:10]
    telling = Telling(
        topic=LEDGER_OPERATIONS.name,
        subject=asked.id,
        type="period_closed.v1",
        number=0,
        causation=asked.id,
        body=PeriodClosed(operation=asked.id, entity=asked.subject, until=until, by="ann"),
        dates={},
        policy=1,
        time=asked.at,
    )
    return Delivery(asked.at, (), f"close {asked.subject} until {until}", telling)


def _garbage(chance: Random, asked: Asked) -> Delivery:
    topic = chance.choice(COMMAND_TOPICS)
    key: bytes | None = asked.subject.encode()
    number: int | None = chance.randrange(PARTITIONS)
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"bad-{asked.id}",
        "type": "redeem.v1" if topic != ISSUANCE_COMMANDS else "sell_card.v1",
        "source": "channel/pos",
        "subject": asked.subject,
        "time": "2026-01-01T00:00:00Z",
        "replyto": REPLYTO,
        "data": {"amount": {"minor": 1.5, "currency": "USD"}},
    }
    match chance.randrange(5):
        case 0:
            value, key = b"\xff\x00{", None
        case 1:
            value = orjson.dumps({**envelope, "type": "nonsense.v9"})
        case 2:
            value, number = orjson.dumps(envelope), None
        case 3:
            right = {"amount": {"minor": 5, "currency": "USD"}}
            value, key = orjson.dumps({**envelope, "data": right}), b"another-key"
        case _:
            internal = {**envelope, "type": "activate.v1", "id": f"fake-{asked.id}"}
            value = orjson.dumps({**internal, "data": {"life": 1}})
    record = Staged(topic.name, number, asked.at, key, value)
    return Delivery(asked.at, (record,), f"garbage on {topic.name}")
