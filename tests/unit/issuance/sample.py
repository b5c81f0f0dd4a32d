"""A network, a clock and cards, for tests of issuance: given facts, when a command, then facts."""

from typing import Any

from schemas.codec import Unreadable, read_command
from schemas.decision import Accepted, Decision, Refused
from schemas.identifiers import derived
from schemas.instants import parse_instant
from schemas.message import Command, Fact, encode_command
from schemas.policy_checks import read_policy
from schemas.terms import Policy, Terms
from schemas.topics import ISSUANCE_MEMORY
from services.issuance import card
from services.runtime.rowcodec import CoreRows

CODEC = CoreRows(card.ROWS, ISSUANCE_MEMORY, None)
START = parse_instant("2026-05-01T10:00:00-04:00")
AT_F1 = {"location": "F1", "channel": "pos"}


def document(**changed: Any) -> dict[str, Any]:
    return {
        "network": {"currency": "USD", "timezone": "America/New_York", "parent": "HQ"},
        "entities": {"HQ": {}, "E1": {}, "E2": {}},
        "locations": {
            "F1": {"entity": "E1", "jurisdiction": "US-NY"},
            "F2": {"entity": "E2", "jurisdiction": "US-CA"},
        },
        "channels": {
            "pos": {"may": ["issue", "redeem", "enquire"]},
            "web": {"may": ["redeem"]},
            "kiosk": {"may": ["issue"], "locations": ["F2"]},
            "office": {"may": ["issue", "cancel"]},
        },
        "programmes": {
            "gift": {
                "kind": "card",
                "currency": "USD",
                "product": "GIFT-25",
                "value": {"range": [500, 200000]},
                "validity": {"days": 30},
                "templates": ["plastic"],
                "limits": {"balance_max": 150000},
            },
            "local": {"kind": "card", "currency": "USD", "locations": ["F2"]},
            "credit": {"kind": "credit", "currency": "USD"},
        },
        "templates": {"plastic": {"number": "603571##########C", "pin": 6, "capacity": 3}},
        "law": [{"jurisdiction": "US-CA", "expiry_floor_years": 5}],
        **changed,
    }


class Stock:
    """Issuance's rows, told by facts only; the clock stands until it is moved."""

    def __init__(self, **changed: Any) -> None:
        self.rows: dict[str, Any] = {}
        self.now = START
        self.policy = Policy(1, 0, read_policy(document(**changed)))
        self.facts: list[Fact] = []
        self._count = 0

    def read(self, type: str, subject: str, source: str, id: str, body: dict[str, Any]) -> Command:
        value = encode_command(
            id=id, type=type, source=source, subject=subject, time=self.now, body=body
        )
        command = read_command("issuance", value)
        assert not isinstance(command, Unreadable), command.cause
        assert isinstance(command, Command)
        return command

    def ask(
        self,
        type: str,
        subject: str = "c1",
        *,
        source: str = "channel/pos",
        id: str | None = None,
        **body: Any,
    ) -> Decision:
        self._count += 1
        command = self.read(type, subject, source, id or f"id{self._count}", body)
        needed = {key: self.rows[key] for key in card.keys(command) if key in self.rows}
        decision = card.decide(needed, command, Terms(self.now, self.policy))
        if isinstance(decision, Accepted):
            for number, decided in enumerate(decision.facts):
                fact = Fact(
                    id=derived("fact", command.id, str(number)),
                    type=decided.type,
                    subject=decided.subject or subject,
                    time=self.now,
                    body=decided.body,
                    policy=1,
                    causationid=command.id,
                )
                self.tell(fact)
        return decision

    def tell(self, fact: Fact) -> None:
        loaded = {key: self.rows[key] for key in card.touched(fact) if key in self.rows}
        for key, row in card.evolve(loaded, fact).items():
            # As the runner keeps them: what its bytes do not say, a row does not know.
            self.rows[key] = CODEC.read(key, CODEC.write(key, row))
        self.facts.append(fact)

    def prepared(self, *names: str, programme: str = "gift") -> "Stock":
        cards = [{"card": name, "last4": "4321"} for name in names]
        told(
            self.ask("prepare_cards", names[0], programme=programme, batch="b1", cards=cards),
            *["cards_prepared.v1"] * len(names),
        )
        return self

    def state(self, name: str = "c1") -> str:
        return str(self.rows[name].state)


def told(decision: Decision, *types: str) -> Accepted:
    """The decision is these facts."""
    assert isinstance(decision, Accepted), decision
    assert [fact.type for fact in decision.facts] == list(types)
    return decision


def reason(decision: Decision) -> str:
    """The decision is a refusal: why."""
    assert isinstance(decision, Refused), decision
    return str(decision.reason.value)


def usd(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "USD"}
