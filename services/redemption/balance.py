"""The balance core: one answer to every command, and what every fact changes."""

from typing import Any, Final, TypeAlias, assert_never, cast

from schemas import redemption as c
from schemas import redemption_facts as f
from schemas.charge_backs import ChargeBackPassed, FollowChargeBack, SaleChargedBack
from schemas.decision import Accepted, Decided, Decision, Due, Rows
from schemas.handover import (
    EscheatLots,
    ImportKept,
    ImportTakenBack,
    ReceiveValue,
    TakeBackImport,
)
from schemas.message import Command, Fact, Outgoing
from schemas.policy import Programme
from schemas.refusals import Reason
from schemas.terms import Terms
from services.redemption import (
    by_the_clock,
    captures,
    charge_backs,
    credit,
    expiry,
    fold,
    following,
    holds,
    imports,
    loads,
    payouts,
    portrait,
    refunds,
    returns,
    rows,
    staff,
    transfers,
)
from services.redemption.case import REFUSED, Case, new_account, turned_down
from services.redemption.rights import misplaced, not_permitted, parent, where_of
from services.redemption.rows import Account, Row

ROWS: Final = rows.ROWS
DUE_FROM: Final = rows.DUE_FROM
FORGOTTEN_FROM: Final = rows.FORGOTTEN_FROM

_CAPTURES: Final = frozenset({"redeem", "capture_hold"})
_FOR_ORDERS: Final = frozenset({"redeem", "place_hold"})

Use: TypeAlias = c.Redeem | c.IncreaseHold | c.ReleaseHold
Coming: TypeAlias = (
    c.LoadValue | c.RefundCapture | c.ReserveReturn | c.ConfirmReturn | c.CancelReturn
)
ByStaff: TypeAlias = (
    c.AdjustBalance
    | c.FreezeAccount
    | c.UnfreezeAccount
    | c.ExtendValidity
    | c.CashOut
    | c.ExpireCredit
    | c.ChargeBackSale
    | c.TransferBalance
    | c.CancelAccount
)
Asked: TypeAlias = c.PlaceHold | c.CaptureHold | Use | Coming | ByStaff | c.Enquire
Sweep: TypeAlias = c.LapseHold | c.LapseReturn | c.ExpireLots | EscheatLots | TakeBackImport


def keys(command: Command) -> tuple[str, ...]:
    """The account, and the rows beside it that the command names or would make."""
    subject, body = command.subject, command.body
    match body:
        case c.PlaceHold() | c.Redeem():
            return subject, rows.hold_key(subject, command.id), *_made(command)
        case c.CaptureHold() | c.IncreaseHold() | c.ReleaseHold():
            return subject, rows.hold_key(subject, body.hold), *_made(command)
        case c.RefundCapture():
            return subject, rows.capture_key(subject, body.capture)
        case c.ReserveReturn():
            return subject, rows.return_key(subject, command.id)
        case c.ConfirmReturn():
            return subject, rows.return_key(subject, body.return_id)
        case c.IssueCredit():
            return subject, rows.assignment_key(subject, credit.assignment_of(body))
        case _:
            return (subject,)


def _made(command: Command) -> tuple[str, ...]:
    """The capture and the use of an order that it makes or adds to."""
    subject, body = command.subject, command.body
    capture = (rows.capture_key(subject, command.id),) if command.type in _CAPTURES else ()
    if command.type not in _FOR_ORDERS or body.order is None:
        return capture
    return *capture, rows.order_key(subject, body.order.id)


def decide(rows: Rows, command: Command, terms: Terms) -> Decision:
    """Facts, or the first reason by precedence; never raises, changes nothing."""
    body = command.body
    if command.type in c.INTERNAL_COMMANDS:
        return _between_services(rows, command, terms)
    where = where_of(command, terms)
    if command.type == "issue_credit":
        return credit.issue_credit(rows, command, terms, where)
    account = rows.get(command.subject)
    barred = not_permitted(command, terms)
    if account is None:
        reason = Reason.NOT_PERMITTED if barred else Reason.UNKNOWN_ACCOUNT
        return turned_down(command, [reason], where)
    programme = _programme(account, terms)
    case = Case(rows, command, terms, where, account, programme)
    if barred:
        case.against(Reason.NOT_PERMITTED)
    misplacement = misplaced(command, terms, programme)
    if misplacement is not None:
        case.against(misplacement)
    if (account.holds or account.return_due is not None) and by_the_clock.anything_over(
        command.type, account, terms.now
    ):
        facts, case = by_the_clock.as_swept(case)
        return by_the_clock.after(facts, _asked(case, body))
    return _asked(case, body)


def _programme(account: Account, terms: Terms) -> Programme:
    """The account's programme; one that policy no longer names has the defaults."""
    found = terms.policy.programme(account.programme)
    return found or Programme(kind=account.kind, currency=account.currency)


def _asked(case: Case, body: Asked) -> Decision:
    match body:
        case c.PlaceHold():
            return holds.place_hold(case, body)
        case c.CaptureHold():
            return captures.capture_hold(case, body)
        case c.Redeem() | c.IncreaseHold() | c.ReleaseHold():
            return _use(case, body)
        case c.Enquire():
            return portrait.enquire(case, body)
        case c.LoadValue() | c.RefundCapture() | c.ReserveReturn() | c.ConfirmReturn():
            return _coming(case, body)
        case _:
            return _by_staff(case, body)


def _use(case: Case, body: Use) -> Decision:
    match body:
        case c.Redeem():
            return captures.redeem(case, body)
        case c.IncreaseHold():
            return holds.increase_hold(case, body)
        case c.ReleaseHold():
            return holds.release_hold(case, body)
        case _:
            assert_never(body)


def _coming(case: Case, body: Coming) -> Decision:
    match body:
        case c.LoadValue():
            return loads.load_value(case, body)
        case c.RefundCapture():
            return refunds.refund_capture(case, body)
        case c.ReserveReturn():
            return returns.reserve_return(case, body)
        case c.CancelReturn():
            return returns.cancel_return(case, body)
        case c.ConfirmReturn():
            return returns.confirm_return(case, body)
        case _:
            assert_never(body)


def _by_staff(case: Case, body: ByStaff) -> Decision:
    match body:
        case c.AdjustBalance():
            return staff.adjust_balance(case, body)
        case c.FreezeAccount():
            return staff.freeze_account(case, body, not isinstance(body, c.UnfreezeAccount))
        case c.ExtendValidity():
            return staff.extend_validity(case, body)
        case c.CashOut():
            return payouts.cash_out(case)
        case c.ExpireCredit():
            return staff.expire_credit(case, body)
        case c.ChargeBackSale():
            return charge_backs.charge_back_sale(case, body)
        case c.TransferBalance():
            return transfers.transfer_balance(case, body)
        case c.CancelAccount():
            return staff.cancel_account(case, body)
        case _:
            assert_never(body)


def _between_services(rows: Rows, command: Command, terms: Terms) -> Decision:
    """What no right is asked for, and nothing refuses."""
    body = command.body
    account: Account | None = rows.get(command.subject)
    match body:
        case c.Activate():
            where = where_of(command, terms)
            programme = terms.policy.programme(body.programme)
            currency = programme.currency if programme else terms.policy.document.network.currency
            account = account or new_account("card", body.programme, currency)
            case = Case(rows, command, terms, where, account, _programme(account, terms))
            return loads.activate(case, body)
        case ReceiveValue():
            where = where_of(command, terms)
            account = account or transfers.account_for(command.subject, body, terms.policy)
            if account is None:
                return transfers.send_on(command, body, where)
            case = Case(rows, command, terms, where, account, _programme(account, terms))
            return transfers.receive_value(case, body)
        case FollowChargeBack():
            where = where_of(command, terms)
            if account is None:
                return following.nobody(command.subject, body, where)
            case = Case(rows, command, terms, where, account, _programme(account, terms))
            return following.follow(case, body)
        case _:
            if account is None:
                return Accepted(remember=False)
            case = Case(rows, command, terms, parent(terms), account, _programme(account, terms))
            return _swept(case, cast(Sweep, body))


def _swept(case: Case, body: Sweep) -> Decision:
    match body:
        case c.LapseHold():
            return holds.lapse_hold(case, body)
        case c.LapseReturn():
            return returns.lapse_return(case, body)
        case c.ExpireLots():
            return expiry.expire_lots(case, body)
        case EscheatLots():
            return payouts.escheat_lots(case, body)
        case TakeBackImport():
            return imports.take_back_import(case, body)
        case _:
            assert_never(body)


def touched(fact: Fact) -> tuple[str, ...]:
    """The account, and the rows beside it that the fact changes."""
    return fold.touched(fact)


def evolve(rows: Rows, fact: Fact) -> dict[str, Row | None]:
    """The rows as the fact leaves them."""
    return fold.evolve(rows, fact)


def refusal(command: Command, reason: Reason, detail: str | None) -> Decided:
    """The refusal of a command that was never weighed: nobody's terms, no place."""
    body = f.RedemptionRefused(command=command.type, reason=reason.value, detail=detail)
    return Decided(REFUSED, body)


def forward(fact: Fact) -> tuple[Outgoing, ...]:
    """Value for another account, a charge back that follows it, or a card for stock."""
    match fact.body:
        case f.CardReturned() as body:
            return returns.restock(fact, body)
        case ImportTakenBack() | ImportKept() as body:
            return imports.close_undo(fact, body)
        case f.ValueSent() | f.CaptureRefunded() | f.ValueForwarded():
            return transfers.forward(fact)
        case SaleChargedBack() | ChargeBackPassed() as body:
            return following.forward(fact, body)
        case _:
            return ()


def dues(key: str, row: Row) -> tuple[Due, ...]:
    """What the sweeper is to send for this row, and when."""
    return portrait.dues(key, row) if isinstance(row, Account) else ()


def first_due(row: Account) -> int | None:
    """No due of this row comes before it (ms UTC)."""
    return portrait.first_due(row)


def forgotten_at(key: str, row: Row) -> int | None:
    """From when the row counts as absent (ms UTC); None: never."""
    return rows.forgotten_at(key, row)


def account_view(rows: Rows, subject: str) -> dict[str, Any] | None:
    """The account as reports and stories show it."""
    account: Account | None = rows.get(subject)
    return None if account is None else portrait.view(account)
