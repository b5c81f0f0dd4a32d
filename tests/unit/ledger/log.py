"""Facts written to a log as the runner writes them: numbered, chained, in batches."""

import hashlib
from dataclasses import replace
from typing import Any

from schemas.identifiers import derived
from schemas.issuance import CardSold, CardsPrepared, CardsShipped, SaleReserved
from schemas.message import Fact, Published, encode_fact
from schemas.redemption_facts import HoldCaptured, HoldEnded, HoldPlaced, ValueLoaded
from schemas.topics import Topic
from schemas.value import Balance, Draw, Fixed, Hold
from services.ledger.journal import derive
from services.runtime.advance import GENESIS
from services.runtime.records import Record
from services.runtime.staging import CHAIN_HEADER
from tests.unit.ledger.facts import account_fact, at, captured, lot, part, policy, published

NOW = 1_777_600_000_000


class Log:
    """One partition of a topic; `input` is where its facts were decided from."""

    def __init__(self, topic: Topic, partition: int = 0, input: str = "commands") -> None:
        self.topic = topic
        self.partition = partition
        self.input = input
        self.sequence = 0
        self.offset = 0
        self.chain = GENESIS

    def append(self, facts: list[Published]) -> list[Record]:
        """One batch: its last record bears the chain, and a marker takes the offset behind it."""
        records = [self._record(fact) for fact in facts]
        records[-1].headers = ((CHAIN_HEADER, self.chain.encode()),)
        self.offset += 1
        return records

    def _record(self, fact: Published) -> Record:
        self.sequence += 1
        said = Fact(
            id=fact.id,
            type=fact.type,
            subject=fact.subject,
            time=fact.time,
            body=fact.body,
            policy=fact.policy,
            causationid=fact.causationid,
            dates=fact.dates,
        )
        value = encode_fact(said, fact.source, self.sequence, self.input)
        self.chain = hashlib.sha256(bytes.fromhex(self.chain) + value).hexdigest()
        self.offset += 1
        key = fact.subject.encode()
        return Record(self.topic.name, self.partition, self.offset - 1, fact.time, key, value)


def journal_facts(count: int, start: int = 0) -> list[Published]:
    """Journals of uses of A's cards at B's, two each, as the ledger publishes them."""
    under = policy()
    made: list[Published] = []
    for number in range(start, start + count):
        use = published(
            "hold_captured",
            captured("B", part(2_000)),
            id=derived("use", str(number)),
            subject=f"card-{number}",
        )
        journal = derive(use, under)[number % 2]
        made.append(
            replace(
                use,
                id=derived("journal", str(number)),
                type=journal.type,
                subject=journal.subject,
                body=journal.body,
                source="service/ledger",
                causationid=use.id,
            )
        )
    return made


def _fact(type: str, kind: Any, ledger: int, held: int, **fields: Any) -> Published:
    balance = Balance(ledger=ledger, held=held, available=ledger - held)
    body = account_fact(kind, at("A"), balance=balance, **fields)
    return published(type, body, id=derived(type, repr(fields)))


def _placed(name: str, minor: int, ledger: int, held: int) -> Published:
    draws = [Draw(lot="lot-1", minor=minor)]
    hold = Hold(hold=name, minor=minor, placed_at=0, ends_at=1, draws=draws)
    said = {"hold": hold, "requested_minor": minor, "due_minor": 0}
    return _fact("hold_placed", HoldPlaced, ledger, held, **said)


def one_life() -> list[Published]:
    """A card of 100.00: 25.00 of a hold of 30.00 captured, 5.00 on hold, one hold lapsed."""
    return [
        _fact(
            "value_loaded",
            ValueLoaded,
            10_000,
            0,
            cause="activation",
            lots=[lot(10_000)],
            minor=10_000,
            price_minor=10_000,
            tender="cash",
            origin="paid",
            sale="s1",
        ),
        _placed("h1", 3_000, 10_000, 3_000),
        _fact(
            "hold_captured",
            HoldCaptured,
            7_500,
            0,
            hold_id="h1",
            capture="r1",
            minor=2_500,
            requested_minor=2_500,
            exception_minor=0,
            late=False,
            final=True,
            parts=[part(2_500)],
            lines=[],
            draws=[Draw(lot="lot-1", minor=2_500)],
            hold=None,
            released_minor=500,
        ),
        _placed("h2", 500, 7_500, 500),
        _placed("h3", 700, 7_500, 1_200),
        _fact("hold_lapsed", HoldEnded, 7_500, 500, hold_id="h3", minor=700),
    ]


def one_stock() -> list[Published]:
    """A card prepared, shipped to A's, reserved and sold there."""

    def fact(type: str, kind: Any, state: str, **fields: Any) -> Published:
        body = kind(programme="gift", life=1, state=state, where=at("A"), **fields)
        return published(type, body, id=derived(type, repr(fields)))

    sale: dict[str, Any] = {
        "sale": "s1",
        "value_minor": 10_000,
        "price_minor": 9_000,
        "currency": "USD",
        "tender": "cash",
    }
    return [
        fact("cards_prepared", CardsPrepared, "Prepared", batch="b1", last4="7K3Q", currency="USD"),
        fact("cards_shipped", CardsShipped, "Prepared", to="FA"),
        fact("sale_reserved", SaleReserved, "Activating", due_at=NOW, **sale),
        fact(
            "card_sold",
            CardSold,
            "Activated",
            lots=[lot(10_000, funded=9_000)],
            fixed=Fixed(sold_at=NOW, face_minor=10_000),
            **sale,
        ),
    ]
