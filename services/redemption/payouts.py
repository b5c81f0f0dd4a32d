"""Value that leaves by law: cash-outs, escheat."""

from schemas.decision import Accepted, Decision
from schemas.handover import EscheatLots
from schemas.policy import Law
from schemas.redemption_facts import ValueTaken
from schemas.refusals import Reason
from schemas.value import Draw, Lot
from services.redemption import lots as of_lots
from services.redemption.case import Case, accepted, refused, unchanged
from services.redemption.holds import live_lots
from services.redemption.rights import foreign
from services.redemption.standing import resting, spendable

CASHED_OUT = "cashed_out.v1"
VALUE_ESCHEATED = "value_escheated.v1"
CASH = "cash"


def cash_out(case: Case) -> Decision:
    """Pay out what is left of a card, where the law of the place (else of the lots) gives it.

    Promo value was never paid for and is never paid out; store credit is no card.
    """
    account = case.account
    spendable(case)
    lots = [lot for lot in live_lots(case) if lot.origin != "promo" and lot.funded_start > 0]
    minor = sum(lot.minor for lot in lots)
    if not minor:
        case.against(Reason.INSUFFICIENT_FUNDS)
    if account.holds or account.kind != "card" or not _lawful(case, lots, minor):
        case.against(Reason.CASH_OUT_NOT_ALLOWED)
    if foreign(case.terms.policy, lots, case.where.location):
        case.against(Reason.LOCATION_NOT_ALLOWED, "value of another franchise")
    if case.reasons:
        return refused(case)
    draws = [Draw(lot=lot.lot, minor=lot.minor) for lot in lots]
    ledger = account.ledger - minor
    taken = ValueTaken(
        **case.told(ledger, 0, resting(account, ledger, 0)),
        minor=minor,
        parts=of_lots.parts_taken(of_lots.by_id(lots), draws, CASH),
        cause="cash_out",
    )
    return accepted(case.fact(CASHED_OUT, taken, taken.parts))


def _lawful(case: Case, lots: list[Lot], minor: int) -> bool:
    policy, now = case.terms.policy, case.terms.now
    place = case.command.body.place
    here = policy.place(place.location) if place is not None and place.location else None
    jurisdictions = {here.jurisdiction} if here is not None else {x.jurisdiction for x in lots}
    return all(
        any(_gives(row, minor) for row in policy.laws(found, now)) for found in jurisdictions
    )


def _gives(row: Law, minor: int) -> bool:
    """`below` is strict, `up_to` is not; of several rules the one that gives most counts."""
    below, up_to = row.cash_out_below, row.cash_out_up_to
    return (below is not None and minor < below) or (up_to is not None and minor <= up_to)


def escheat_lots(case: Case, body: EscheatLots) -> Accepted:
    """What is not held of these lots goes to the state; what had expired never comes back.

    A card on its way back is claimed, so that nothing of it goes there: its price is paid back.
    """
    account = case.account
    if account.state == "Refunding":
        return unchanged(account)
    draws = [
        Draw(lot=lot.lot, minor=lot.minor - lot.held)
        for lot in account.lots
        if lot.lot in body.lots and lot.minor > lot.held
    ]
    dropped = [lot.lot for lot in account.expired if lot.lot in body.lots]
    if not draws and not dropped:
        return unchanged(account)
    minor = of_lots.total(draws)
    ledger = account.ledger - minor
    taken = ValueTaken(
        **case.told(ledger, account.held, resting(account, ledger, len(account.holds))),
        minor=minor,
        parts=of_lots.parts_taken(of_lots.by_id(account.lots), draws, "escheat"),
        cause="escheat",
        operation=body.operation,
        dropped=dropped,
    )
    return accepted(case.fact(VALUE_ESCHEATED, taken, taken.parts))
