"""A small network for redemption's tests: two franchises, one parent, the usual programmes."""

from typing import Any

from schemas.instants import parse_instant
from tests.scenario import Outcome, Scenario

SOLD_AT = "2026-05-01T14:00:00Z"
F1 = {"location": "F1", "channel": "pos", "staff": "sam"}
F2 = {"location": "F2", "channel": "pos"}
USD = "USD"


def policy(**changes: Any) -> dict[str, Any]:
    """The network's policy; `gift`, `settlement`, … replace parts of it."""
    gift = {"kind": "card", "currency": USD, "product": "GIFT-25", **changes.pop("gift", {})}
    settlement = {"cross_franchise": True, **changes.pop("settlement", {})}
    return {
        "network": {"currency": USD, "timezone": "America/New_York", "parent": "HQ"},
        "entities": {"HQ": {}, "E1": {}, "E2": {}},
        "locations": {
            "F1": {"entity": "E1", "franchise": "A", "jurisdiction": "US-NY"},
            "F2": {"entity": "E2", "franchise": "B", "jurisdiction": "US-CA"},
            "F3": {"entity": "E1", "franchise": "A", "jurisdiction": "US-CA"},
        },
        "programmes": {
            "gift": gift,
            "once": {"kind": "card", "currency": USD, "use": "one_time"},
            "gone": {
                "kind": "card",
                "currency": USD,
                "use": "one_time",
                "remainder": "forfeit",
            },
            "credit": {"kind": "credit", "currency": USD},
        },
        "memberships": {"gold": {"programme": "credit", "amount": 2500}},
        "settlement": settlement,
        **changes,
    }


def usd(minor: int) -> dict[str, Any]:
    """An amount in the network's currency."""
    return {"minor": minor, "currency": USD}


def line(number: int, category: str, minor: int) -> dict[str, Any]:
    """A line of a receipt."""
    return {"line": number, "category": category, "amount": usd(minor)}


def lot(name: str, minor: int, **changes: Any) -> dict[str, Any]:
    """A paid lot that came in at F1."""
    found = {
        "lot": name,
        "origin": "paid",
        "location": "F1",
        "entity": "E1",
        "programme": "gift",
        "jurisdiction": "US-NY",
        "cohort": "2026-05",
        "minor": minor,
        "funded": minor,
        "face_start": minor,
        "sold_at": parse_instant(SOLD_AT),
        **changes,
    }
    return {"funded_start": found["funded"], **found}


def sold(
    scenario: Scenario, card: str, *lots: dict[str, Any], programme: str = "gift", **fixed: Any
) -> Outcome:
    """A card handed over by issuance."""
    return scenario.do(
        "activate",
        card,
        f"activate-{card}",
        programme=programme,
        life=1,
        lots=[{**one, "programme": programme} for one in lots],
        fixed={
            "sold_at": scenario.now,
            "face_minor": sum(one["minor"] for one in lots),
            **fixed,
        },
        tender="cash",
        sale=f"sale-{card}",
        place=F1,
    )


def network(**changes: Any) -> Scenario:
    """The network with its policy changed so."""
    return Scenario(policy(**changes), SOLD_AT)


def with_card(minor: int = 10_000, programme: str = "gift", **changes: Any) -> Scenario:
    """The network with one card `c1` of one lot `L1`."""
    scenario = network(**changes)
    sold(scenario, "c1", lot("L1", minor), programme=programme)
    return scenario


def standing(scenario: Scenario, account: str = "c1") -> tuple[str, int, int, int]:
    """State, ledger, held, available."""
    view = scenario.account(account)
    return view["state"], view["ledger"], view["held"], view["available"]
