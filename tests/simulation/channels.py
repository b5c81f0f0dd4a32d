"""What channels make of a history: copies, delays, overtaking, reused ids, and plain garbage."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

import orjson

from schemas.message import encode_command
from schemas.policy_checks import content_hash
from schemas.topics import COMMAND_TOPICS, ISSUANCE_COMMANDS, POLICY
from services.runtime.policies import write_published_policy
from services.runtime.records import Staged
from services.runtime.seals import SealsOff
from services.runtime.telling import broadcast
from tests.simulation.mixture import OF_OFFICE, Asked
from tests.simulation.network import DAY, HOUR, MINUTE, SECOND, document

REPLYTO: Final = "simulator"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Records that reach the broker together at `at` (ms UTC); `said` tells a person what.

    `asked` is what a copy is of; `order` goes to the office instead.
    """

    at: int
    records: tuple[Staged, ...]
    said: str
    asked: Asked | None = None
    order: Asked | None = None


def deliveries(
    chance: Random, history: list[Asked], partitions: int, *, office: bool = False
) -> list[Delivery]:
    """Everything that reaches the broker, in the order it does; without an office nobody there
    takes orders, and the news of a closed period comes from elsewhere.
    """
    begins = history[0].at
    made = [policy(1, begins + (0 if chance.random() < 0.92 else 30 * SECOND), partitions)]
    versions = 1
    for asked in history:
        if asked.type == "set_policy":
            versions += 1
            made.append(policy(versions, asked.at, partitions))
        elif asked.type in OF_OFFICE:
            made += _orders(chance, asked, partitions, office)
        else:
            made += _commands(chance, asked)
            if not asked.sure and chance.random() < 0.06:
                made.append(_garbage(chance, asked, partitions))
    return sorted(made, key=lambda delivery: delivery.at)


def _commands(chance: Random, asked: Asked) -> Iterator[Delivery]:
    asks = asked.source.startswith("channel/") and (asked.sure or chance.random() < 0.97)
    for at in [asked.at] if asked.sure else _arrivals(chance, asked.at):
        other = at != asked.at and chance.random() < 0.05
        yield command(at, _reused(asked) if other else asked, asks)


def _orders(chance: Random, asked: Asked, partitions: int, office: bool) -> Iterator[Delivery]:
    said = f"{asked.type} {asked.id}: {asked.body}"
    if not office:
        if asked.type == "close_period":
            body = {"entity": asked.subject, "until": asked.body["until"]}
            news = ("period_closed", "service/ledger", body)
            told = broadcast(*news, time=asked.at, partitions=partitions, seals=SealsOff())
            yield Delivery(asked.at, tuple(told), said, asked)
        return
    yield Delivery(asked.at, (), said, asked, order=asked)
    if chance.random() < 0.15:
        yield Delivery(asked.at + chance.choice((0, MINUTE, DAY)), (), said, asked, order=asked)


def _arrivals(chance: Random, meant: int) -> list[int]:
    """When the copies of a command arrive; channels deliver more than once, late and early."""
    copies = chance.choices((1, 2, 3), (78, 16, 6))[0]
    delays = (0, SECOND, 10 * SECOND, 5 * MINUTE, 2 * HOUR, 2 * DAY, 40 * DAY, -20 * SECOND)
    odds = (60, 10, 10, 5, 3, 2, 1, 6)
    return [meant + chance.choices(delays, odds)[0] for _ in range(copies)]


def _reused(asked: Asked) -> Asked:
    """The same id with other data."""
    return replace(asked, body={**asked.body, "place": {"location": "F2", "receipt": "other"}})


def command(at: int, asked: Asked, asks: bool) -> Delivery:
    """A command that arrives at `at`; `asks`: its sender wants an answer."""
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
    said = f"{asked.type} {asked.id} of {asked.subject}: {asked.body}"
    return Delivery(at, (staged,), said, asked)


def policy(version: int, at: int, partitions: int) -> Delivery:
    """A version of the policy, and the news of it in every partition."""
    said = document(version)
    effective = at - MINUTE if version % 3 else at + MINUTE
    value = write_published_policy(version, effective, said)
    body = {"version": version, "sha256": content_hash(said), "effective": effective}
    news = broadcast(
        "policy_changed", "service/policy", body, time=at, partitions=partitions, seals=SealsOff()
    )
    records = (Staged(POLICY.name, 0, at, b"policy", value), *news)
    return Delivery(at, records, f"policy {version}")


def _garbage(chance: Random, asked: Asked, partitions: int) -> Delivery:
    topic = chance.choice(COMMAND_TOPICS)
    key: bytes | None = asked.subject.encode()
    number: int | None = chance.randrange(partitions)
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
