"""Whatever of a receipt comes back in whatever parts, each tender gives back what it took."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.redemption.network import line, lot, network, sold, usd

PRICES = st.lists(st.integers(0, 400), min_size=1, max_size=4).filter(any)
RULES = st.sampled_from(["card_first", "ratio", "card_last"])


@settings(max_examples=60, deadline=None)
@given(prices=PRICES, part=st.integers(1, 100), rule=RULES, cuts=st.data())
def test_goods_that_all_come_back_give_each_tender_what_it_paid(
    prices: list[int], part: int, rule: str, cuts: st.DataObject
) -> None:
    price = sum(prices)
    covered = max(1, price * part // 100)
    scenario = network(gift={"split_refund": rule})
    sold(scenario, "c1", lot("L1", covered))
    lines = [line(i, "product", minor) for i, minor in enumerate(prices)]
    scenario.do("redeem", "c1", "k1", amount=usd(covered), lines=lines)
    left, back, due = list(prices), 0, 0
    while any(left):
        i = cuts.draw(st.sampled_from([i for i, minor in enumerate(left) if minor]))
        minor = cuts.draw(st.integers(1, left[i]))
        left[i] -= minor
        decision: Any = scenario.do(
            "refund_capture",
            "c1",
            capture="k1",
            by="price",
            lines=[{"line": i, "amount": usd(minor)}],
        ).decision
        assert decision.covered + decision.due == minor
        back, due = back + decision.covered, due + decision.due
        check(rule, back, due, covered, price)
    assert (back, due) == (covered, price - covered)
    assert scenario.account("c1")["ledger"] == covered
    more = scenario.do("refund_capture", "c1", capture="k1", by="price", amount=usd(1))
    assert more.reason == "amount_exceeds_capture"


def check(rule: str, back: int, due: int, covered: int, price: int) -> None:
    """First and last hold at every step, not only at the end."""
    if rule == "card_first":
        assert due == 0 or back == covered
    if rule == "card_last":
        assert back == 0 or due == price - covered
