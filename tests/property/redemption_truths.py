"""What is true of redemption after every step, whatever the history."""

from typing import Any

from schemas.money import half_up
from schemas.redemption_facts import CaptureRefunded, HoldCaptured
from services.redemption.payouts import VALUE_ESCHEATED
from services.redemption.remainders import LOTS_EXPIRED
from services.redemption.returns import (
    CARD_RETURNED,
    RETURN_CANCELLED,
    RETURN_LAPSED,
    RETURN_RESERVED,
)
from services.redemption.rows import Account
from tests.scenario import Scenario

TAKES_VALUE = {LOTS_EXPIRED, VALUE_ESCHEATED, "hold_captured.v1"}
RETURN_OVER = {CARD_RETURNED, RETURN_CANCELLED, RETURN_LAPSED}


def check(scenario: Scenario) -> None:
    """What holds for every account after every step."""
    for subject, row in scenario.rows.items():
        if isinstance(row, Account):
            check_account(subject, row)


def check_account(subject: str, account: Account) -> None:
    """Σ lots, Σ holds, what lots reserve, what the books owe for each."""
    assert account.ledger == sum(one.minor for one in account.lots), subject
    assert account.held == sum(one.minor for one in account.holds)
    assert account.held == sum(one.held for one in account.lots)
    assert account.ledger - account.held >= 0
    reserved: dict[str, int] = {}
    for hold in account.holds:
        assert hold.minor == sum(one.minor for one in hold.draws) >= 0
        for one in hold.draws:
            reserved[one.lot] = reserved.get(one.lot, 0) + one.minor
    assert len({one.lot for one in account.lots}) == len(account.lots)
    for one in account.lots:
        assert 0 <= one.held <= one.minor > 0
        assert one.held == reserved.get(one.lot, 0)
        assert one.funded == half_up(one.funded_start * one.minor, one.face_start)
    if account.kind == "card" and account.state == "Redeemed":
        assert account.ledger == 0
        assert not account.holds


def check_facts(scenario: Scenario) -> None:
    """Ids are unique; parts add up; a capture never gives back more than it took, nor than was
    funded of it, and all of it gives all back.

    And a card on its way back keeps its value until it is paid out or no longer on its way.
    """
    assert len({fact.id for fact in scenario.facts}) == len(scenario.facts)
    taken: dict[tuple[str, str], int] = {}
    funded: dict[tuple[str, str], int] = {}
    coming_back: set[str] = set()
    for fact in scenario.facts:
        body = fact.body
        assert fact.subject not in coming_back or fact.type not in TAKES_VALUE
        if fact.type == RETURN_RESERVED:
            coming_back.add(fact.subject)
        elif fact.type in RETURN_OVER:
            coming_back.discard(fact.subject)
        if getattr(body, "parts", None):
            assert sum(part.minor for part in body.parts) == sum_of(body)
        match body:
            case HoldCaptured():
                taken[fact.subject, body.capture] = body.minor
                funded[fact.subject, body.capture] = sum(part.funded for part in body.parts)
                check_split(body)
            case CaptureRefunded():
                taken[fact.subject, body.capture] -= body.minor
                assert taken[fact.subject, body.capture] >= 0
                assert body.fully == (taken[fact.subject, body.capture] == 0)
                funded[fact.subject, body.capture] -= sum(part.funded for part in body.parts)
                assert funded[fact.subject, body.capture] >= 0
                assert not body.fully or funded[fact.subject, body.capture] == 0


def sum_of(body: Any) -> int:
    """What the parts of a fact must add up to."""
    if hasattr(body, "approved_by") and hasattr(body, "expires_at"):
        return sum(part.minor for part in body.parts)
    return abs(int(body.minor))


def check_split(body: HoldCaptured) -> None:
    """Lines and lots both add up to what was drawn and covered."""
    for one in body.lines:
        assert one.covered == sum(p.minor for p in body.parts if p.line == one.line)
        assert 0 <= one.covered <= max(one.amount, 0)
    for drawn in body.draws:
        assert drawn.minor == sum(p.minor for p in body.parts if p.lot == drawn.lot)


def funded_moves(scenario: Scenario) -> dict[str, int]:
    """Per account: what its facts say the books came to owe, less what they ceased to."""
    owed: dict[str, int] = {}
    for fact in scenario.facts:
        body, kind = fact.body, fact.type.removesuffix(".v1")
        lots = sum(one.funded for one in getattr(body, "lots", []))
        parts = sum(one.funded for one in getattr(body, "parts", []))
        moved = {
            "value_loaded": lots,
            "credit_issued": lots,
            "value_received": lots,
            "value_sent": -lots,
            "hold_captured": -parts,
            "capture_refunded": parts if getattr(body, "to_same", False) else 0,
            "card_returned": -parts,
            "import_taken_back": -parts,
            "balance_adjusted": lots - parts,
            "lots_expired": -parts,
            "cashed_out": -parts,
            "value_escheated": -parts,
            "sale_charged_back": -parts,
            "validity_extended": parts,
        }.get(kind, 0)
        owed[fact.subject] = owed.get(fact.subject, 0) + moved
    return owed


def transit(scenario: Scenario) -> int:
    """2150: what left for other accounts less what arrived."""
    total = 0
    for fact in scenario.facts:
        body = fact.body
        if fact.type == "value_sent.v1":
            total += sum(one.funded for one in body.lots)
        elif fact.type == "value_received.v1":
            total -= sum(one.funded for one in body.lots)
        elif fact.type == "capture_refunded.v1" and not body.to_same:
            total += sum(part.funded for part in body.parts)
    return total


def check_books(scenario: Scenario) -> None:
    """The lots' funded is what the facts say the books owe; nothing stays in transit."""
    owed = funded_moves(scenario)
    for subject, row in scenario.rows.items():
        if isinstance(row, Account):
            assert owed[subject] == sum(one.funded for one in row.lots), subject
    assert transit(scenario) == 0
