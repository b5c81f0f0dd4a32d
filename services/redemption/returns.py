"""Returns: an unused card comes back in two phases, and its price is paid back."""

from typing import Final, Literal

from schemas.decision import Accepted, Decided, Decision
from schemas.identifiers import derived
from schemas.instants import DAY, MINUTE
from schemas.message import Fact, Outgoing
from schemas.redemption import CancelReturn, ConfirmReturn, LapseReturn, ReserveReturn
from schemas.redemption_facts import CardReturned, ReturnEnded, ReturnReserved
from schemas.refusals import Reason
from schemas.topics import ISSUANCE_COMMANDS
from schemas.value import Draw
from services.redemption import lots as of_lots
from services.redemption.case import Case, accepted, refused, swept, unchanged
from services.redemption.changes import settle
from services.redemption.rights import foreign
from services.redemption.rows import Account, EndedReturn, Row, Sale, return_key
from services.redemption.standing import spendable, untouched

RETURN_RESERVED = "return_reserved.v1"
RETURN_CANCELLED = "return_cancelled.v1"
RETURN_LAPSED = "return_lapsed.v1"
CARD_RETURNED = "card_returned.v1"
RETURN_MINUTES: Final = 30
CASH: Final = "cash"


def reserve_return(case: Case, body: ReserveReturn) -> Decision:
    """Refunding: only a card that nothing but its sale has touched, within the window."""
    account = case.account
    spendable(case)
    if return_key(case.command.subject, case.command.id) in case.rows:
        case.against(Reason.HOLD_CLOSED, "it was cancelled before it came")
    if _window_closed(case, account.sale):
        case.against(Reason.RETURN_WINDOW_CLOSED)
    if not untouched(account) or account.kind != "card":
        case.against(Reason.NOT_UNUSED)
    if foreign(case.terms.policy, account.lots, case.where.location):
        case.against(Reason.LOCATION_NOT_ALLOWED, "a card of another franchise")
    if case.reasons:
        return refused(case)
    reserved = ReturnReserved(
        **case.told(account.ledger, account.held, "Refunding"),
        return_id=case.command.id,
        due_at=case.terms.now + RETURN_MINUTES * MINUTE,
        reason=body.reason,
    )
    return accepted(case.fact(RETURN_RESERVED, reserved, account.lots))


def _window_closed(case: Case, sale: Sale | None) -> bool:
    fixed = case.account.fixed
    if sale is None or fixed is None:
        return True
    return case.terms.now >= fixed.sold_at + case.programme.returns.within_days * DAY


def confirm_return(case: Case, body: ConfirmReturn) -> Decision:
    """The card's price is paid back by its tender; a second confirmation changes nothing."""
    account = case.account
    past = case.rows.get(return_key(case.command.subject, body.return_id))
    if past is not None and past.ended == "confirmed" and not case.reasons:
        return unchanged(account)
    if past is not None:
        case.against(Reason.HOLD_LAPSED if past.ended == "lapsed" else Reason.HOLD_CLOSED)
    elif account.return_id != body.return_id:
        case.against(Reason.UNKNOWN_RETURN)
    elif account.return_due is not None and account.return_due <= case.terms.now:
        # Late by the clock, lapsed or not: the sweep decides nothing.
        case.against(Reason.HOLD_LAPSED)
    if case.reasons:
        return refused(case)
    sale = account.sale
    draws = [Draw(lot=lot.lot, minor=lot.minor) for lot in account.lots]
    to_stock = case.programme.returns.to == "prepared"
    returned = CardReturned(
        **case.told(0, 0, "Blank" if to_stock else "Refunded"),
        return_id=body.return_id,
        minor=of_lots.total(draws),
        price_minor=sale.price_minor if sale is not None else 0,
        tender=sale.tender if sale is not None else CASH,
        parts=of_lots.parts_taken(of_lots.by_id(account.lots), draws, CASH),
    )
    return accepted(case.fact(CARD_RETURNED, returned, returned.parts))


def cancel_return(case: Case, body: CancelReturn) -> Decision:
    """An advice; of a return never seen it leaves a tombstone."""
    account = case.account
    past = case.rows.get(return_key(case.command.subject, body.return_id))
    if past is not None and past.ended == "confirmed":
        case.against(Reason.HOLD_CLOSED)
    if case.reasons:
        return refused(case)
    if past is not None:
        return unchanged(account)
    return accepted(_ended(case, body.return_id, RETURN_CANCELLED))


def lapse_return(case: Case, body: LapseReturn) -> Accepted:
    """The sweeper's word that a return was not confirmed in time."""
    over = lapsed(case)
    if case.account.return_id != body.return_id or not over:
        return unchanged(case.account, remember=False)
    return swept(accepted(*over))


def lapsed(case: Case) -> list[Decided]:
    """The return under way ends, if it is past its end."""
    return_id, due = case.account.return_id, case.account.return_due
    if return_id is None or due is None or due > case.terms.now:
        return []
    return [_ended(case, return_id, RETURN_LAPSED)]


def _ended(case: Case, return_id: str, type: str) -> Decided:
    account = case.account
    mine = account.return_id == return_id
    ended = ReturnEnded(
        **case.told(account.ledger, account.held, "Activated" if mine else account.state),
        return_id=return_id,
        unseen=not mine,
    )
    return case.fact(type, ended, account.lots if mine else [])


def return_reserved(account: Account, body: ReturnReserved) -> None:
    """The card on its way back."""
    settle(account, body)
    account.return_id, account.return_due = body.return_id, body.due_at


def return_ended(account: Account, fact: Fact, body: ReturnEnded) -> dict[str, Row | None]:
    """The card as it was, and what is remembered."""
    settle(account, body)
    ended: Literal["lapsed", "cancelled"]
    ended = "lapsed" if fact.type == RETURN_LAPSED else "cancelled"
    return _over(account, fact, body.return_id, ended)


def card_returned(account: Account, fact: Fact, body: CardReturned) -> dict[str, Row | None]:
    """The card at 0, Refunded or on its way to stock."""
    settle(account, body)
    account.lots = []
    return _over(account, fact, body.return_id, "confirmed")


def _over(
    account: Account,
    fact: Fact,
    return_id: str,
    ended: Literal["cancelled", "lapsed", "confirmed"],
) -> dict[str, Row | None]:
    if account.return_id == return_id:
        account.return_id = account.return_due = None
    row = EndedReturn(return_id=return_id, ended=ended, ended_at=fact.time)
    return {return_key(fact.subject, return_id): row}


def restock(fact: Fact, body: CardReturned) -> tuple[Outgoing, ...]:
    """A card that goes back to stock is issuance's again."""
    if body.state != "Blank":
        return ()
    return (
        Outgoing(
            topic=ISSUANCE_COMMANDS.name,
            id=derived("restock", fact.id),
            type="restock",
            subject=fact.subject,
            body={"life": body.life},
        ),
    )
