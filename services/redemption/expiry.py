"""Lots whose validity has ended: swept, but spendable no longer from their instant on."""

from typing import Final

from schemas.decision import Accepted
from schemas.identifiers import derived
from schemas.message import Command
from schemas.redemption import ExpireLots
from schemas.redemption_facts import ValidityExtended, ValueTaken
from schemas.value import Draw, Lot
from services.redemption import lots as of_lots
from services.redemption.case import Case, accepted, swept, unchanged
from services.redemption.changes import settle
from services.redemption.remainders import LOTS_EXPIRED
from services.redemption.rows import Account
from services.redemption.standing import resting
from services.redemption.validity import ended, floor_of

VALIDITY_EXTENDED = "validity_extended.v1"
BY_LAW = "law"
BY_BANK = "bank"
# A row is bounded: of more expired lots than these the oldest can no longer be given back.
EXPIRED_KEPT_MAX: Final = 100


def expire_lots(case: Case, body: ExpireLots) -> Accepted:
    """What is not held of every lot that has ended; where the law says later, it lives on.

    A round that is past does nothing, so that its answer need not be remembered: both what expires
    and what lives on by law end it. Nor does a sweep that comes while the card is on its way back.
    """
    account, terms = case.account, case.terms
    if body.round != account.sweeps or account.state == "Refunding":
        return unchanged(account, remember=False)
    past = [
        lot
        for lot in account.lots
        if lot.expires_at is not None and lot.expires_at <= terms.now and lot.minor > lot.held
    ]
    over = [lot for lot in past if ended(lot, account, terms)]
    if over:
        return swept(accepted(case.fact(LOTS_EXPIRED, _expired(case, over), over)))
    if past:
        return _lives_on(case, past)
    return unchanged(account, remember=False)


def _expired(case: Case, over: list[Lot]) -> ValueTaken:
    account = case.account
    draws = [Draw(lot=lot.lot, minor=lot.minor - lot.held) for lot in over]
    minor = of_lots.total(draws)
    ledger = account.ledger - minor
    state = resting(account, ledger, len(account.holds))
    if account.kind == "card" and ledger == 0 and not account.holds:
        state = "Expired"
    return ValueTaken(
        **case.told(ledger, account.held, state),
        minor=minor,
        parts=of_lots.parts_taken(of_lots.by_id(account.lots), draws, "expired"),
        cause="sweep",
    )


def _lives_on(case: Case, past: list[Lot]) -> Accepted:
    """The law in force now gives these lots longer than when they came in."""
    account = case.account
    later = []
    for lot in past:
        end = floor_of(case.terms, lot, account.loaded_at)
        assert end is not None
        later.append(of_lots.ending(lot, end))
    body = ValidityExtended(
        **case.told(account.ledger, account.held),
        expires_at=max(lot.expires_at or 0 for lot in later),
        reason="the law gives it longer",
        approved_by=BY_LAW,
        parts=[],
        lots=later,
    )
    return swept(accepted(case.fact(VALIDITY_EXTENDED, body, later)))


def again(command: Command, lot: Lot, end: int) -> Lot:
    """What a sweep took, as it comes back: a lot of its own that ends at `end`."""
    back = of_lots.ending(lot, end)
    back.lot = derived("lot", command.subject, command.once, lot.lot)
    return back


def value_taken(account: Account, body: ValueTaken) -> None:
    """The account without what was taken; what a sweep took may still be given back."""
    settle(account, body)
    if body.cause == "sweep":
        account.sweeps += 1
        account.expired = [*account.expired, *_kept(account, body)][-EXPIRED_KEPT_MAX:]
    else:
        account.used = True
    of_lots.take_out(account.lots, [Draw(lot=p.lot, minor=p.minor) for p in body.parts])
    if body.dropped:
        account.expired = [lot for lot in account.expired if lot.lot not in body.dropped]


def _kept(account: Account, body: ValueTaken) -> list[Lot]:
    known = of_lots.by_id(account.lots)
    return [
        of_lots.cut(known[part.lot], part.minor, part.funded)
        for part in body.parts
        if part.lot in known
    ]
