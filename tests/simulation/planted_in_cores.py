"""Bugs in what the services decide and derive: lots, holds, refunds, items, journals."""

from typing import Any, Final

import pytest

from services.issuance import card
from services.ledger import journal
from services.redemption import balance, captures, holds, lots, refunds, split
from services.settlement import items
from tests.simulation.planting import BOOKS, Plant, planted

PLANTS: Final[list[Plant]] = []


@planted(PLANTS)
def a_hold_can_be_captured_twice(patch: pytest.MonkeyPatch) -> None:
    def kept(account: Any, hold_id: str) -> Any:
        return holds.find(account, hold_id)

    patch.setattr(captures, "drop", kept)


@planted(PLANTS)
def a_capture_leaves_the_lots_as_they_are(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lots, "take_out", lambda of, draws: None)


@planted(PLANTS)
def a_refund_is_not_remembered(patch: pytest.MonkeyPatch) -> None:
    refunded = refunds.capture_refunded

    def forgetful(rows: Any, account: Any, fact: Any, body: Any) -> Any:
        refunded(rows, account, fact, body)
        return {}

    patch.setattr(refunds, "capture_refunded", forgetful)


@planted(PLANTS)
def a_lapsed_hold_still_reserves(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lots, "let_go", lambda of, draws: None)


@planted(PLANTS)
def holds_reserve_the_same_value_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lots, "hold_back", lambda of, draws: None)


@planted(PLANTS)
def a_hold_takes_what_is_held_already(patch: pytest.MonkeyPatch) -> None:
    draw = lots.draw

    def greedy(of: Any, amount: int, freed: Any = None) -> Any:
        of = list(of)
        return draw(of, amount, {lot.lot: lot.held for lot in of})

    patch.setattr(lots, "draw", greedy)


@planted(PLANTS, *BOOKS)
def what_the_books_owe_is_rounded_down(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        lots, "funded_left", lambda lot, minor: lot.funded_start * minor // lot.face_start
    )


@planted(PLANTS, *BOOKS)
def a_line_loses_its_remainder(patch: pytest.MonkeyPatch) -> None:
    made = split.split

    def short(*asked: Any) -> Any:
        parts = made(*asked)
        return parts[:-1] if len(parts) > 1 else parts

    patch.setattr(split, "split", short)
    patch.setattr(captures, "split", short)


@planted(PLANTS)
def value_sent_never_arrives(patch: pytest.MonkeyPatch) -> None:
    forward = balance.forward

    def silent(fact: Any) -> Any:
        return () if fact.type == "value_sent.v1" else forward(fact)

    patch.setattr(balance, "forward", silent)


@planted(PLANTS)
def a_sold_card_can_be_sold_again(patch: pytest.MonkeyPatch) -> None:
    evolve = card.evolve

    def unsold(rows: Any, fact: Any) -> Any:
        changed = evolve(rows, fact)
        if fact.type == "card_sold.v1":
            changed[fact.subject].state = "Prepared"
        return changed

    patch.setattr(card, "evolve", unsold)


@planted(PLANTS, *BOOKS)
def an_item_is_rounded_down(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(items, "accrued", lambda base, rate_bp: base * rate_bp // 10_000)


@planted(PLANTS, *BOOKS)
def a_leg_is_dropped(patch: pytest.MonkeyPatch) -> None:
    legs = journal._legs

    def dropped(case: Any) -> Any:
        found = list(legs(case))
        return found[:-1] if len(found) > 4 else found

    patch.setattr(journal, "_legs", dropped)


@planted(PLANTS, *BOOKS)
def a_bridge_stands_on_one_side(patch: pytest.MonkeyPatch) -> None:
    legs = journal._legs

    def one_sided(case: Any) -> Any:
        return [leg for leg in legs(case) if leg[1].account not in ("2300", "1200")]

    patch.setattr(journal, "_legs", one_sided)
