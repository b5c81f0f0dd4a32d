"""What is left on a one-time card once it was used: store credit of the card, or forfeited."""

from dataclasses import replace

from schemas.decision import Decided
from schemas.identifiers import card_credit
from schemas.redemption_facts import ValueSent, ValueTaken
from schemas.value import Draw, Lot
from services.redemption import lots as of_lots
from services.redemption.case import Case
from services.redemption.changes import sale_of
from services.redemption.validity import floor_of

LOTS_EXPIRED = "lots_expired.v1"
VALUE_SENT = "value_sent.v1"
RESIDUAL = "residual"


def rest_of(case: Case, spent: list[Draw]) -> Decided:
    """The fact that takes the rest off the card, after `spent` was captured."""
    rest = _left(case, spent)
    if case.programme.remainder == "forfeit" and all(_forfeitable(case, lot) for lot in rest):
        draws = [Draw(lot=lot.lot, minor=lot.minor) for lot in rest]
        taken = ValueTaken(
            **case.told(0, 0, "Redeemed"),
            minor=of_lots.total(draws),
            parts=of_lots.parts_taken(of_lots.by_id(rest), draws, "expired"),
            cause="forfeit",
        )
        return case.fact(LOTS_EXPIRED, taken, rest)
    sent = ValueSent(
        **case.told(0, 0, "Redeemed"),
        to=card_credit(case.command.subject),
        minor=sum(lot.minor for lot in rest),
        lots=rest,
        holds=[],
        reason=RESIDUAL,
    )
    return case.fact(VALUE_SENT, sent, rest)


def _left(case: Case, spent: list[Draw]) -> list[Lot]:
    account, subject = case.account, case.command.subject
    gone = {one.lot: one.minor for one in spent}
    rest = []
    for lot in account.lots:
        minor = lot.minor - gone.get(lot.lot, 0)
        if minor:
            funded = of_lots.funded_left(lot, minor)
            of_sale = sale_of(subject, account, lot)
            rest.append(replace(lot, minor=minor, held=0, funded=funded, of_sale=of_sale))
    return rest


def _forfeitable(case: Case, lot: Lot) -> bool:
    """Forfeiting is ending early: unlawful before the floor, and then it becomes store credit."""
    earliest = floor_of(case.terms, lot, case.account.loaded_at)
    return earliest is None or earliest <= case.terms.now
