"""Items: what accrues between two locations, at which rate, and what a refund takes back."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.message import Published
from schemas.settlement import ItemAccrued
from services.settlement.items import derive
from tests.unit.settlement_items.facts import (
    Drawn,
    Returning,
    captured,
    cashed_out,
    policy,
    refunded,
    returned,
)


def items(fact: Published, **settlement: Any) -> list[ItemAccrued]:
    """The items of a fact when every policy version is the sample with these settings."""
    made = derive(fact, lambda version: policy(version, **settlement))
    assert all(row.type == "item_accrued.v1" and row.subject == "c1" for row in made)
    return [row.body for row in made]


def basket(service: int, klass: int, product: int) -> Published:
    """A ticket at F2 paid with value that came in at F1."""
    lines = [(1, "service", service), (2, "class", klass), (3, "product", product)]
    return captured("F2", [Drawn(line, category, "F1", minor) for line, category, minor in lines])


@pytest.mark.parametrize(
    ("fact", "amounts"),
    [
        (basket(2000, 4000, 1000), [100, 800, 300]),
        (basket(6000, 7000, 3000), [300, 1400, 900]),
        (basket(6000, 7000, 2000), [300, 1400, 600]),
        (basket(1000, 2000, 500), [50, 400, 150]),
    ],
    ids=["1200", "2600", "2300", "600"],
)
def test_the_published_examples_come_to_their_cent(fact: Published, amounts: list[int]) -> None:
    made = items(fact)
    assert [item.amount for item in made] == amounts
    assert {(i.source, i.to, i.source_entity, i.to_entity) for i in made} == {
        ("F1", "F2", "E1", "E2")
    }
    assert {item.kind for item in made} == {"use"}


def test_lots_from_one_location_make_one_item_per_line_rounded_once() -> None:
    drawn = [Drawn(1, "service", "F1", 5, "a"), Drawn(1, "service", "F1", 5, "b", funded=4)]
    (item,) = items(captured("F2", drawn))
    assert (item.base, item.funded, item.amount) == (10, 9, 1)


def test_lots_from_two_locations_make_an_item_each() -> None:
    drawn = [Drawn(1, "product", "F1", 1000, "a"), Drawn(1, "product", "F3", 500, "b")]
    made = items(captured("F2", drawn))
    assert [(i.source, i.amount) for i in made] == [("F1", 300), ("F3", 150)]
    assert len({i.item for i in made}) == 2


def test_value_used_where_it_came_in_makes_no_item() -> None:
    assert items(captured("F1", [Drawn(1, "service", "F1", 5000)])) == []


@pytest.mark.parametrize("same_entity", ["items", "none"])
def test_a_location_of_another_entity_now_makes_items_with_what_came_in_there(
    same_entity: str,
) -> None:
    theirs = [
        captured("F1", [Drawn(1, "service", "F1", 5000)]),
        cashed_out("F1", [Drawn(0, "unclassified", "F1", 910)]),
        returned("F1", [Drawn(0, "unclassified", "F1", 900)], price_minor=900),
    ]
    for fact in theirs:
        fact.body.where = replace(fact.body.where, entity="E2")
    made = [item for fact in theirs for item in items(fact, same_entity=same_entity)]
    assert {(i.source, i.source_entity, i.to, i.to_entity) for i in made} == {
        ("F1", "E1", "F1", "E2")
    }
    assert [i.amount for i in made] == [250, 910, 900]


def test_places_of_one_entity_make_items_unless_policy_says_none() -> None:
    fact = captured("F3", [Drawn(1, "service", "F1", 5000)])
    assert [i.amount for i in items(fact)] == [250]
    assert items(fact, same_entity="none") == []


def test_the_most_specific_rate_wins_and_is_written_on_the_item() -> None:
    pair = {"from": "F1", "to": "F2", "rates_bp": {"service": 600}}
    made = items(basket(2000, 4000, 1000), pairs=[pair])
    assert [(i.rate_bp, i.amount) for i in made] == [(600, 120), (2000, 800), (3000, 300)]


@pytest.mark.parametrize("rate", [0, None])
def test_a_rate_of_null_or_zero_owes_nothing_but_is_reconciled(rate: int | None) -> None:
    (item,) = items(captured("F2", [Drawn(1, "service", "F1", 5000)]), rates_bp={"service": rate})
    assert (item.amount, item.rate_bp, item.kind, item.unexpected) == (0, 0, "use", None)


@pytest.mark.parametrize(
    ("category", "why"), [("spa", "category_unknown"), ("unclassified", "no_lines")]
)
def test_what_no_rate_knows_is_unreconciled_and_named(category: str, why: str) -> None:
    fact = captured("F2", [Drawn(1, category, "F1", 5000)])
    (item,) = items(fact)
    assert (item.kind, item.amount, item.base, item.unexpected) == ("unreconciled", 0, 5000, why)
    (full,) = items(fact, mode="full")
    assert (full.kind, full.amount, full.rate_bp) == ("use", 5000, 10_000)


def test_while_settlement_is_off_items_are_unreconciled_on_purpose() -> None:
    made = items(basket(2000, 4000, 1000), enabled=False)
    assert {(i.kind, i.amount, i.unexpected) for i in made} == {("unreconciled", 0, None)}


def test_cash_paid_out_for_another_location_is_owed_in_full() -> None:
    (item,) = items(cashed_out("F2", [Drawn(0, "unclassified", "F1", 910)]), mode="percentage")
    assert (item.category, item.rate_bp, item.base, item.amount) == ("cash", 10_000, 910, 910)


def test_a_card_taken_back_at_another_location_is_owed_at_the_price_paid() -> None:
    drawn = [Drawn(0, "unclassified", "F1", 10_000, funded=9000)]
    (item,) = items(returned("F2", drawn, price_minor=9000))
    assert (item.category, item.base, item.funded, item.amount) == ("cash", 9000, 9000, 9000)


def test_a_refund_mirrors_the_item_it_reverses() -> None:
    row = Drawn(1, "service", "F1", 2000)
    (use,) = items(captured("F2", [row]))
    (refund,) = items(refunded([Returning(row, 2000)]))
    assert refund.reverses == use.item
    assert refund.item != use.item
    assert (refund.base, refund.funded, refund.amount) == (-2000, -2000, -use.amount)
    assert (refund.kind, refund.rate_bp) == ("refund", use.rate_bp)


def test_a_refund_keeps_the_rate_of_its_capture() -> None:
    rates = {1: {"service": 500}, 2: {"service": 9000}}
    row = Drawn(1, "service", "F1", 2000)
    (made,) = derive(
        refunded([Returning(row, 2000)], version=2),
        lambda version: policy(version, rates_bp=rates[version]),
    )
    assert (made.body.rate_bp, made.body.amount) == (500, -100)


def test_a_refund_to_another_account_leaves_the_items_alone() -> None:
    row = Drawn(1, "service", "F1", 2000)
    assert items(refunded([Returning(row, 2000)], to_same=False)) == []


def test_a_refund_at_a_third_location_reverses_the_pair_of_the_capture() -> None:
    row = Drawn(1, "service", "F1", 2000)
    (item,) = items(refunded([Returning(row, 2000)], at="F3"))
    assert (item.source, item.to, item.to_entity, item.amount) == ("F1", "F2", "E2", -100)


def test_a_refund_at_the_source_of_what_was_used_elsewhere_reverses_it_too() -> None:
    row = Drawn(1, "service", "F1", 2000)
    (item,) = items(refunded([Returning(row, 2000)], at="F1"))
    assert (item.source, item.to, item.amount) == ("F1", "F2", -100)


def test_a_refund_of_what_is_unreconciled_is_unreconciled_too() -> None:
    row = Drawn(1, "spa", "F1", 2000)
    (item,) = items(refunded([Returning(row, 500)]))
    assert (item.kind, item.base, item.amount) == ("unreconciled", -500, 0)


def test_lots_of_a_line_that_give_nothing_back_now_count_what_they_gave_before() -> None:
    first, second = Drawn(1, "service", "F1", 5, "a"), Drawn(1, "service", "F1", 5, "b")
    (whole,) = items(captured("F2", [first, second]))
    (one,) = items(refunded([Returning(first, 0), Returning(second, 5)], id="x"))
    (two,) = items(refunded([Returning(first, 5), Returning(second, 0, 5)], id="y"))
    assert (whole.amount, one.amount, two.amount) == (1, 0, -1)
