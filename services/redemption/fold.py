"""The fold: which rows a fact touches, and how each fact changes them."""

from typing import Any

from schemas import redemption_facts as f
from schemas.decision import Rows
from schemas.handover import ImportTakenBack
from schemas.message import Fact
from services.redemption import (
    captures,
    credit,
    expiry,
    holds,
    imports,
    loads,
    payouts,
    refunds,
    returns,
    rows,
    staff,
    transfers,
)
from services.redemption.changes import settle
from services.redemption.rows import Account, Row


def touched(fact: Fact) -> tuple[str, ...]:
    """The account, and the rows beside it that the fact changes."""
    subject, body = fact.subject, fact.body
    match body:
        case f.HoldCaptured():
            return (
                subject,
                rows.hold_key(subject, body.hold_id),
                rows.capture_key(subject, body.capture),
            )
        case f.HoldEnded():
            return subject, rows.hold_key(subject, body.hold_id)
        case f.CaptureRefunded():
            return subject, rows.capture_key(subject, body.capture)
        case f.RedemptionRefused() | f.ValueForwarded():
            return ()
        case _:
            return (subject,)


def evolve(rows: Rows, fact: Fact) -> dict[str, Row | None]:
    """The rows as the fact leaves them."""
    subject, body = fact.subject, fact.body
    account: Account | None = rows.get(subject)
    changed: dict[str, Row | None] = {}
    match body:
        case f.RedemptionRefused() | f.ValueForwarded():
            return changed
        case f.ValueLoaded():
            account = loads.value_loaded(account, fact, body)
        case f.ValueReceived():
            account = transfers.value_received(account, fact, body)
        case f.CreditIssued():
            account, changed = credit.credit_issued(account, fact, body)
        case _:
            assert account is not None, f"{fact.type} of an account that is not there"
            changed = _changed(rows, account, fact)
    changed[subject] = account
    return changed


def _changed(rows: Rows, account: Account, fact: Fact) -> dict[str, Row | None]:
    body = fact.body
    match body:
        case f.HoldPlaced():
            holds.hold_placed(account, body)
        case f.HoldCaptured():
            return captures.hold_captured(rows, account, fact, body)
        case f.HoldIncreased():
            holds.hold_increased(account, body)
        case f.HoldEnded():
            return holds.hold_ended(account, fact, body)
        case f.CaptureRefunded():
            return refunds.capture_refunded(rows, account, fact, body)
        case f.ValueSent():
            return transfers.value_sent(account, fact, body)
        case f.ReturnEnded():
            return returns.return_ended(account, fact, body)
        case f.CardReturned():
            return returns.card_returned(account, fact, body)
        case _:
            _changed_alone(account, body)
    return {}


def _changed_alone(account: Account, body: Any) -> None:
    match body:
        case f.ValueTaken():
            expiry.value_taken(account, body)
        case ImportTakenBack():
            imports.import_taken_back(account, body)
        case f.ReturnReserved():
            returns.return_reserved(account, body)
        case f.BalanceAdjusted():
            staff.balance_adjusted(account, body)
        case f.ValidityExtended():
            staff.validity_extended(account, body)
        case f.SaleChargedBack():
            payouts.sale_charged_back(account, body)
        case _:
            settle(account, body)
