"""What staff may do by hand: adjust, freeze, put off the end, end credit, cancel."""

from schemas.decision import Decision
from schemas.redemption import (
    AdjustBalance,
    CancelAccount,
    ExpireCredit,
    ExtendValidity,
    FreezeAccount,
)
from schemas.redemption_facts import AccountMarked, BalanceAdjusted, ValidityExtended, ValueTaken
from schemas.refusals import Reason
from schemas.value import Draw, Lot, Part
from services.redemption import lots as of_lots
from services.redemption.case import Case, accepted, refused, unchanged
from services.redemption.changes import settle, sold_as, take_in
from services.redemption.expiry import BY_LAW, VALIDITY_EXTENDED, again
from services.redemption.holds import live_lots
from services.redemption.limits import may_come_in
from services.redemption.loads import ending, room_for
from services.redemption.remainders import LOTS_EXPIRED
from services.redemption.rights import may_approve
from services.redemption.rows import Account
from services.redemption.standing import alive, resting, spendable, usable

BALANCE_ADJUSTED = "balance_adjusted.v1"
ACCOUNT_FROZEN = "account_frozen.v1"
ACCOUNT_UNFROZEN = "account_unfrozen.v1"
ACCOUNT_CANCELLED = "account_cancelled.v1"
ADJUSTMENT = "adjustment"


def adjust_balance(case: Case, body: AdjustBalance) -> Decision:
    """Up (value comes in as goodwill) or down, never below 0; a lot of it needs two people."""
    account = case.account
    if body.minor == 0:
        case.against(Reason.AMOUNT_NOT_POSITIVE)
    alone = case.programme.limits.adjust_alone_max
    approved = may_approve(case.command, case.terms, body.approved_by)
    if alone is not None and abs(body.minor) > alone and not approved:
        case.against(Reason.APPROVAL_REQUIRED)
    ledger = account.ledger + body.minor
    lots: list[Lot] = []
    parts: list[Part] = []
    merged = []
    if body.minor > 0:
        usable(case)
        may_come_in(case, body.minor)
        lots = [_goodwill(case, body.minor)]
        merged = room_for(case, lots[0])
    else:
        spendable(case)
        draws = of_lots.draw(live_lots(case), -body.minor)
        if of_lots.total(draws) < -body.minor:
            case.against(Reason.WOULD_BE_NEGATIVE)
        parts = of_lots.parts_taken(of_lots.by_id(account.lots), draws, ADJUSTMENT)
    if case.reasons:
        return refused(case)
    adjusted = BalanceAdjusted(
        **case.told(ledger, account.held, resting(account, ledger, len(account.holds))),
        minor=body.minor,
        reason=body.reason,
        parts=parts,
        lots=lots,
        note=body.note,
        approved_by=body.approved_by,
        merged=merged,
    )
    return accepted(case.fact(BALANCE_ADJUSTED, adjusted, lots or parts))


def _goodwill(case: Case, minor: int) -> Lot:
    lot = of_lots.made(
        case.command,
        case.terms,
        case.where,
        origin="goodwill",
        programme=case.account.programme,
        minor=minor,
        funded=minor,
        expires_at=None,
        life=case.account.life,
    )
    return ending(case, lot)


def freeze_account(case: Case, body: FreezeAccount, frozen: bool) -> Decision:
    """An overlay on any live state; what is so already stays so."""
    account = case.account
    alive_or_returning(case)
    if case.reasons:
        return refused(case)
    if account.frozen == frozen:
        return unchanged(account)
    marked = AccountMarked(
        **case.told(account.ledger, account.held, frozen=frozen),
        reason=body.reason,
        case=body.case,
    )
    return accepted(case.fact(ACCOUNT_FROZEN if frozen else ACCOUNT_UNFROZEN, marked, []))


def alive_or_returning(case: Case) -> None:
    """As alive, but a card on its way back may be frozen too."""
    if case.account.state != "Refunding":
        alive(case)


def cancel_account(case: Case, body: CancelAccount) -> Decision:
    """Ends an account at 0 without holds."""
    account = case.account
    alive(case)
    if account.ledger or account.holds:
        case.against(Reason.BALANCE_NOT_ZERO)
    if case.reasons:
        return refused(case)
    marked = AccountMarked(**case.told(0, 0, "Cancelled"), reason=body.reason)
    return accepted(case.fact(ACCOUNT_CANCELLED, marked, []))


def extend_validity(case: Case, body: ExtendValidity) -> Decision:
    """A later end for all that ends sooner, and what a sweep took comes back; two people."""
    account = case.account
    alive(case)
    if body.expires_at <= case.terms.now:
        case.against(Reason.ACCOUNT_EXPIRED, "the new end is past")
    if not may_approve(case.command, case.terms, body.approved_by):
        case.against(Reason.APPROVAL_REQUIRED)
    if account.state == "Redeemed" and case.one_time:
        case.against(Reason.ALREADY_USED)
    if case.reasons:
        return refused(case)
    end = body.expires_at
    later = [
        of_lots.ending(lot, end)
        for lot in account.lots
        if lot.expires_at is not None and lot.expires_at < end
    ]
    back = [again(case.command, lot, end) for lot in of_lots.joined(account.expired)]
    if not later and not back:
        return unchanged(account)
    ledger = account.ledger + sum(lot.minor for lot in back)
    state = "Activated" if account.state == "Expired" and ledger else account.state
    extended = ValidityExtended(
        **case.told(ledger, account.held, state),
        expires_at=end,
        reason=body.reason,
        approved_by=body.approved_by,
        parts=[of_lots.part_of(lot, 1, "expired", lot.minor, lot.funded) for lot in back],
        lots=[*later, *back],
    )
    if account.state == "Redeemed" and ledger:
        extended.state = "Activated"
    return accepted(case.fact(VALIDITY_EXTENDED, extended, extended.lots))


def expire_credit(case: Case, body: ExpireCredit) -> Decision:
    """Staff end store credit, all of it or `amount`."""
    account = case.account
    if account.kind != "credit":
        case.against(Reason.NOT_PERMITTED, "credit accounts only")
    spendable(case)
    lots = live_lots(case)
    free = sum(lot.minor - lot.held for lot in lots)
    minor = case.amount(body.amount) if body.amount is not None else free
    draws = of_lots.draw(lots, minor)
    if minor > free or not free:
        case.against(Reason.INSUFFICIENT_FUNDS)
    if case.reasons:
        return refused(case)
    ledger = account.ledger - minor
    taken = ValueTaken(
        **case.told(ledger, account.held, resting(account, ledger, len(account.holds))),
        minor=minor,
        parts=of_lots.parts_taken(of_lots.by_id(account.lots), draws, "expired"),
        cause="staff",
        reason=body.reason,
    )
    return accepted(case.fact(LOTS_EXPIRED, taken, taken.parts))


def balance_adjusted(account: Account, body: BalanceAdjusted) -> None:
    """The account with more, or less."""
    settle(account, body)
    account.used = True
    of_lots.take_out(account.lots, [Draw(lot=p.lot, minor=p.minor) for p in body.parts])
    take_in(account, body.lots, body.merged)


def validity_extended(account: Account, body: ValidityExtended) -> None:
    """Lots that live longer, and those that are back; a sweep that found them ends its round."""
    settle(account, body)
    if body.approved_by == BY_LAW:
        account.sweeps += 1
    later = {lot.lot: lot.expires_at for lot in body.lots}
    known = set()
    for lot in account.lots:
        known.add(lot.lot)
        lot.expires_at = later.get(lot.lot, lot.expires_at)
    back = [lot for lot in body.lots if lot.lot not in known]
    if body.parts:
        chosen = body.restored or [lot.lot for lot in account.expired]
        gone = of_lots.joined(lot for lot in account.expired if lot.lot in chosen)
        for lot, restored in zip(gone, back, strict=True):
            sold_as(account, lot.lot, restored.lot)
        account.used = True
        account.expired = [lot for lot in account.expired if lot.lot not in chosen]
    take_in(account, back)
