"""Whatever is spent, refunded, owed, carried and returned, every set of books keeps its rules."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.settlement import FileBuilt, Obligation, Position
from services.ledger.journal import derive
from services.ledger.trial import trial_balance, unbalanced, unmatched
from tests.unit.ledger.facts import captured, part, policy, published, refunded
from tests.unit.ledger.test_journal_settlement import RUN

POLICY = policy()
ENTITY = st.sampled_from(["A", "B", "C"])


@st.composite
def parts(draw: st.DrawFn) -> list[Any]:
    """Parts of lots of any entity, wholly, partly or not funded."""
    made = []
    for _ in range(draw(st.integers(1, 6))):
        minor = draw(st.integers(0, 10_000))
        made.append(
            part(
                minor,
                funded=draw(st.integers(0, minor)),
                entity=draw(ENTITY),
                category=draw(st.sampled_from(["service", "tax", "tip", "unclassified"])),
            )
        )
    return made


@given(parts(), ENTITY, ENTITY)
@settings(max_examples=150, deadline=None)
def test_a_use_and_its_refund_leave_only_revenue_and_returns(
    spent: list[Any], place: str, desk: str
) -> None:
    facts = [
        published("hold_captured", captured(place, *spent)),
        published("capture_refunded", refunded(desk, place, *spent)),
    ]
    made = [derived.body for fact in facts for derived in derive(fact, POLICY)]
    assert [*unbalanced(made), *unmatched(made)] == []
    books = trial_balance(made).values()
    left = {account: m for accounts in books for account, m in accounts.items() if m}
    assert left.get("4000", 0) == -left.get("4050", 0)
    assert left.keys() <= {"4000", "4050"}


@given(
    st.dictionaries(
        st.tuples(ENTITY, st.sampled_from(["A", "B", "C", "HQ"])),
        st.integers(-5_000, 5_000),
        max_size=9,
    ),
    st.dictionaries(ENTITY, st.integers(-99, 99), max_size=3),
    st.integers(0, 3_000),
)
@settings(max_examples=200, deadline=None)
def test_a_run_puts_on_transit_exactly_what_each_location_moves(
    owed: dict[tuple[str, str], int], before: dict[str, int], minimum: int
) -> None:
    nets = dict.fromkeys(("A", "B", "C"), 0)
    for (debtor, creditor), minor in owed.items():
        if debtor != creditor:
            nets[debtor] -= minor
            nets[creditor] = nets.get(creditor, 0) + minor
    positions = []
    for entity in ("A", "B", "C"):
        due = before.get(entity, 0) + nets[entity]
        moved = due if abs(due) >= minimum else 0
        positions.append(
            Position(
                location=f"F{entity}",
                entity=entity,
                before=before.get(entity, 0),
                net=nets[entity],
                moved=moved,
                carried=due - moved,
            )
        )
    body = FileBuilt(
        **RUN,
        file="f",
        sha256="0",
        number=1,
        effective="2026-05-13",
        items=[],
        obligations=[Obligation(debtor=d, creditor=c, minor=m) for (d, c), m in owed.items()],
        positions=positions,
        entries=[],
        held=[],
    )
    balance = trial_balance(d.body for d in derive(published("file_built", body), POLICY))
    transit = {entity: accounts.get("1290", 0) for entity, accounts in balance.items()}
    for position in positions:
        assert transit.get(position.entity, 0) == position.moved
    assert sum(transit.values()) == 0
