"""Refunds take back exactly what accrued, whatever the lots, the rates and the order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.terms import Policy
from services.settlement.items import derive
from tests.unit.settlement_items.facts import Drawn, Returning, captured, policy, refunded

CATEGORIES = ("service", "product", "class", "tax", "spa")
draws = st.lists(
    st.tuples(
        st.integers(1, 3), st.sampled_from(("F1", "F3")), st.integers(1, 3000), st.integers(0, 3)
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda row: (row[0], row[1], row[3]),
)
rates = st.dictionaries(st.sampled_from(CATEGORIES[:4]), st.integers(0, 10_000) | st.none())


def _drawn(row: tuple[int, str, int, int]) -> Drawn:
    line, source, minor, lot = row
    return Drawn(line, CATEGORIES[line % len(CATEGORIES)], source, minor, f"{source}-{lot}")


@settings(max_examples=150, deadline=None)
@given(draws, rates, st.data())
def test_refunds_bring_an_item_down_to_nothing_and_never_below(
    rows: list[tuple[int, str, int, int]], rates_bp: dict[str, int | None], data: st.DataObject
) -> None:
    drawn = [_drawn(row) for row in rows]

    def policy_of(version: int) -> Policy:
        return policy(version, rates_bp=rates_bp)

    uses = [made.body for made in derive(captured("F2", drawn), policy_of)]
    left = {item.item: (item.base, item.amount) for item in uses}
    gone = dict.fromkeys(drawn, 0)
    for number in range(40):
        open_rows = [row for row in drawn if gone[row] < row.minor]
        if not open_rows:
            break
        chosen = open_rows[-1]
        share = (
            st.just(chosen.minor - gone[chosen])
            if number > 30
            else st.integers(1, chosen.minor - gone[chosen])
        )
        minor = data.draw(share)
        parts = [Returning(row, minor if row is chosen else 0, gone[row]) for row in drawn]
        gone[chosen] += minor
        for made in derive(refunded(parts, id=f"refund-{number}"), policy_of):
            base, amount = left[made.body.reverses]
            left[made.body.reverses] = (base + made.body.base, amount + made.body.amount)
            assert made.body.amount <= 0
            assert left[made.body.reverses][1] >= 0
    assert set(left.values()) == {(0, 0)}
