"""What is true of charge backs: what was paid is found or lost, and all that can be found is."""

from dataclasses import dataclass
from typing import Any

from schemas.value import Lot
from services.redemption.changes import sale_named, sale_of
from services.redemption.lots import funded_left, joined
from services.redemption.rows import Account
from tests.scenario import Scenario

DEAD = {"Cancelled", "Refunding", "Refunded", "Blank"}


@dataclass
class Sold:
    """A sale, and what its charge back came to so far (minor units)."""

    face: int
    price: int
    taken: int = 0
    funded: int = 0
    lost: int = 0


def check_sales(scenario: Scenario) -> None:
    """No more of a sale is taken than its face; its price is what was found and what is lost."""
    sales: dict[tuple[str, str], Sold] = {}
    for fact in scenario.facts:
        body: Any = fact.body
        if fact.type == "value_loaded.v1" and body.cause != "load":
            key = (fact.subject, body.sale or fact.causationid)
            sales[key] = Sold(face=body.minor, price=body.price_minor)
        elif fact.type == "sale_charged_back.v1":
            sale = sales[body.card or fact.subject, body.sale]
            sale.taken += body.minor
            sale.funded += sum(part.funded for part in body.parts)
            sale.lost += body.spent_minor
            assert sale.taken + body.left_minor == sale.face >= sale.taken
            assert sale.funded + sale.lost == sale.price
            assert body.lost_minor == sale.lost >= 0


def is_charged_back(scenario: Scenario, card: str) -> bool:
    """Was the card's sale charged back already?"""
    row = scenario.rows.get(card)
    return row is not None and row.sale is not None and row.sale.charged_back


def check_found(scenario: Scenario, card: str, first: bool) -> None:
    """After a charge back nothing of the sale is anywhere that could still be taken.

    After the first one nobody spends any more where any of it ever came.
    """
    sold: Account = scenario.rows[card]
    assert sold.sale is not None
    assert sold.sale.untaken is not None
    left, lost = sold.sale.untaken.face_minor, sold.sale.untaken.lost_minor
    sale = sale_named(card, sold.sale.sale)
    for subject, row in scenario.rows.items():
        if not isinstance(row, Account):
            continue
        for lot in [*row.lots, *joined(row.expired)]:
            if sale_of(subject, row, lot) == sale:
                coin = lot.funded - funded_left(lot, lot.minor - 1)
                assert _free(lot) == 0 or left == 0 or coin > lost, (card, subject, lot)
        came = row.trail is not None and sale in row.trail.of_sales
        if left and (came or subject == card) and row.state not in DEAD and first:
            assert row.frozen, (card, subject)


def _free(lot: Lot) -> int:
    return lot.minor - lot.held
