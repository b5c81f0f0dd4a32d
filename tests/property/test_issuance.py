"""Any commands in any order at any time: issuance answers, and its cards stay what they may be."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.decision import Accepted, Refused
from schemas.instants import MINUTE
from services.issuance import card
from tests.unit.issuance.sample import Stock, usd

# Mostly what is right, so that cards get far; now and then everything that is wrong.
NAMES = st.sampled_from(["c1"] * 6 + ["c2"] * 3 + ["c9"])
IDS = st.sampled_from([f"s{number}" for number in range(6)])
PLACES = st.sampled_from([{}, {"location": "F1"}, {"location": "F2"}, {"location": "F9"}])
MINORS = st.sampled_from([2500] * 8 + [-1, 0, 499, 500, 150_000, 150_001])
SALES = st.fixed_dictionaries(
    {
        "value": MINORS.map(usd),
        "tender": st.sampled_from(["cash", "cash", "promo", "replacement"]),
        "place": PLACES,
    },
    optional={"price": MINORS.map(usd)},
)
BODIES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "reserve_sale": SALES,
    "sell_card": SALES,
    "confirm_sale": st.fixed_dictionaries({"sale": IDS}),
    "cancel_sale": st.fixed_dictionaries({"sale": IDS}),
    "lapse_sale": st.fixed_dictionaries({"sale": IDS}),
    "ship_cards": st.fixed_dictionaries({"to": st.sampled_from(["F1", "F9"])}),
    "cancel_card": st.just({"reason": "bent"}),
    "restore_card": st.just({"reason": "found"}),
    "restock": st.fixed_dictionaries({"life": st.integers(1, 3)}),
    "rekeyed": st.just({"last4": "9999"}),
    "enquire": st.just({}),
    "undo_import": st.just({}),
}
STEPS = st.lists(
    st.sampled_from(sorted(BODIES)).flatmap(
        lambda type: st.tuples(
            st.just(type),
            NAMES,
            IDS,
            BODIES[type],
            st.sampled_from(["service/x"] * 6 + ["channel/pos", "channel/office", "channel/web"]),
            st.sampled_from([0, MINUTE, 29 * MINUTE, 30 * MINUTE]),
        )
    ),
    min_size=10,
    max_size=40,
)
# From domain.md: the lives a card of stock may have, and what may follow what.
FOLLOWS = {
    ("Prepared", "Activating"),
    ("Prepared", "Activated"),
    ("Prepared", "Cancelled"),
    ("Activating", "Prepared"),
    ("Activating", "Activated"),
    ("Cancelled", "Prepared"),
    ("Activated", "Blank"),
    ("Blank", "Prepared"),
}


def play(steps: list[Any]) -> Stock:
    stock = Stock(templates={"plastic": {"number": "603571##########C", "pin": 6}})
    stock.prepared("c1", "c2", "c3")
    used: set[tuple[str, str]] = set()
    for type, name, id, body, source, passes in steps:
        stock.now += passes
        if (name, id) in used and type in {"reserve_sale", "sell_card"}:
            continue  # the runner answers a known id; the core never sees it twice
        used.add((name, id))
        before = {key: row.state for key, row in stock.rows.items() if "/" not in key}
        told = len(stock.facts)
        decision = stock.ask(type, name, source=source, id=id, **body)
        assert isinstance(decision, Accepted | Refused)
        for fact in stock.facts[told:]:
            follow(before, fact.subject, fact.body)
    return stock


def follow(states: dict[str, str], subject: str, body: Any) -> None:
    was, becomes = states[subject], body.state
    assert was == becomes or (was, becomes) in FOLLOWS, (was, becomes)
    states[subject] = becomes


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_every_command_is_answered_and_a_card_only_moves_as_its_life_allows(
    steps: list[Any],
) -> None:
    play(steps)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_card_is_handed_over_once_in_each_of_its_lives(steps: list[Any]) -> None:
    stock = play(steps)
    handed = Counter(
        (outgoing.subject, outgoing.body["life"])
        for fact in stock.facts
        for outgoing in card.forward(fact)
    )
    assert all(count == 1 for count in handed.values())
    live = {key for key, row in stock.rows.items() if "/" not in key and row.state == "Activated"}
    assert live <= {subject for subject, _ in handed}


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_an_open_sale_always_falls_due_and_nothing_else_does(steps: list[Any]) -> None:
    stock = play(steps)
    for key, row in stock.rows.items():
        due = card.dues(key, row)
        if "/" in key:
            assert due == ()
        else:
            assert bool(due) is (row.state == "Activating")
