"""Discounted value: whatever comes back where, in whatever order, what is owed was paid for."""

from random import Random
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.redemption_facts import CaptureRefunded, HoldCaptured
from services.redemption.rows import Account, Capture
from tests.scenario import Scenario
from tests.unit.redemption.network import F1, F2, line, lot, network, sold, usd

ELSEWHERE = ("x+credit", "y+credit")


def owed(scenario: Scenario) -> int:
    """Σ funded of all lots on all accounts."""
    accounts = [row for row in scenario.rows.values() if isinstance(row, Account)]
    return sum(found.funded for account in accounts for found in account.lots)


def spent(scenario: Scenario) -> dict[tuple[str, str], int]:
    """What was funded of each capture and has not come back."""
    left: dict[tuple[str, str], int] = {}
    for fact in scenario.facts:
        match fact.body:
            case HoldCaptured() as body:
                left[fact.subject, body.capture] = sum(part.funded for part in body.parts)
            case CaptureRefunded() as body:
                left[fact.subject, body.capture] -= sum(part.funded for part in body.parts)
    return left


def expired(scenario: Scenario) -> int:
    """What was funded of lots that have expired."""
    taken = [fact.body for fact in scenario.facts if fact.type == "lots_expired.v1"]
    return sum(part.funded for body in taken for part in body.parts)


def some_lines(chance: Random, minor: int) -> list[dict[str, Any]] | None:
    if chance.random() < 0.5:
        return None
    first = chance.randint(0, minor)
    return [line(1, "service", first), line(2, "tip", minor - first)]


def spend(scenario: Scenario, chance: Random) -> None:
    """Some of what is on some account."""
    free = {
        name: row.ledger
        for name, row in scenario.rows.items()
        if isinstance(row, Account) and row.ledger
    }
    if free:
        name = chance.choice(sorted(free))
        minor = chance.randint(1, free[name])
        place, lines = chance.choice([F1, F2]), some_lines(chance, minor)
        more = {} if lines is None else {"lines": lines}
        assert scenario.do("redeem", name, amount=usd(minor), place=place, **more).reason is None


def refund(scenario: Scenario, chance: Random, *, whole: bool) -> bool:
    """Some of some capture, or all that is left of it; False: everything has come back."""
    open_ones = {
        key: row.minor - row.refunded
        for key, row in scenario.rows.items()
        if isinstance(row, Capture) and row.refunded < row.minor
    }
    if open_ones:
        key = chance.choice(sorted(open_ones))
        account, _, capture = key.partition("/capture/")
        minor = open_ones[key] if whole else chance.randint(1, open_ones[key])
        credit = scenario.rows[account].kind == "credit"
        to = "same" if credit else chance.choice(["same", *ELSEWHERE])
        data = {"capture": capture, "amount": usd(minor), "to": to, "place": F1}
        assert scenario.do("refund_capture", account, **data).reason is None
    return bool(open_ones)


def check(scenario: Scenario, paid: int) -> None:
    left = spent(scenario)
    assert min(left.values(), default=0) >= 0, left
    assert owed(scenario) + sum(left.values()) + expired(scenario) == paid


@settings(max_examples=60, deadline=None)
@given(
    face=st.integers(1, 120),
    share=st.integers(0, 100),
    programme=st.sampled_from(["gift", "once"]),
    days=st.sampled_from([None, None, 2]),
    seed=st.integers(0, 2**32),
    steps=st.sampled_from([3, 8, 20]),
)
@example(face=100, share=99, programme="once", days=None, seed=0, steps=3)
def test_refunds_of_discounted_value_give_back_what_was_paid_and_never_more(
    face: int, share: int, programme: str, days: int | None, seed: int, steps: int
) -> None:
    scenario = network(gift={"validity": {"days": 2}})
    ends = None if days is None else scenario.now + days * 86_400_000
    paid = face * share // 100
    sold(scenario, "c1", lot("A", face, funded=paid, expires_at=ends), programme=programme)
    chance = Random(seed)
    for _ in range(steps):
        if chance.random() < 0.5:
            spend(scenario, chance)
        else:
            refund(scenario, chance, whole=chance.random() < 0.3)
        if days is not None and chance.random() < 0.2:
            scenario.later(days=1)
            scenario.sweep()
        check(scenario, paid)
    while refund(scenario, chance, whole=chance.random() < 0.5):
        check(scenario, paid)
    # Everything has come back: of each capture what was funded of it, so what was paid is there.
    assert set(spent(scenario).values()) <= {0}
    assert owed(scenario) + expired(scenario) == paid
    assert scenario.folded() == scenario.rows
