"""The fold: which rows a fact touches, and how each fact changes them."""

from typing import Any

from schemas import redemption_facts as f
from schemas.charge_backs import ChargeBackPassed, SaleChargedBack
from schemas.decision import Rows
from schemas.handover import ImportTakenBack
from schemas.message import Fact
from services.redemption import (
    captures,
    charge_backs,
    credit,
    expiry,
    holds,
    imports,
    loads,
    orders,
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
                *orders.keys_of(subject, body),
            )
        case f.HoldEnded():
            hold = rows.hold_key(subject, body.hold_id)
            return subject, hold, *orders.keys_of(subject, body)
        case f.CaptureRefunded():
            capture = rows.capture_key(subject, body.capture)
            return subject, capture, *orders.keys_of(subject, body)
        case f.HoldPlaced() | f.HoldIncreased() | f.ValueSent() | f.ValueReceived():
            return subject, *orders.keys_of(subject, body)
        case f.RedemptionRefused() | f.ValueForwarded() | ChargeBackPassed():
            return ()
        case _:
            return (subject,)


def evolve(rows: Rows, fact: Fact) -> dict[str, Row | None]:
    """The rows as the fact leaves them."""
    subject, body = fact.subject, fact.body
    account: Account | None = rows.get(subject)
    changed: dict[str, Row | None] = {}
    match body:
        case f.RedemptionRefused() | f.ValueForwarded() | ChargeBackPassed():
            return changed
        case f.ValueLoaded():
            account = loads.value_loaded(account, fact, body)
        case f.ValueReceived():
            account = transfers.value_received(account, fact, body)
            changed = orders.moved(rows, account, fact, 1)
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
        case f.HoldPlaced() | f.HoldIncreased() | f.HoldEnded():
            return _held(rows, account, fact, body)
        case f.HoldCaptured():
            return captures.hold_captured(rows, account, fact, body)
        case f.CaptureRefunded():
            return refunds.capture_refunded(rows, account, fact, body)
        case f.ValueSent():
            return transfers.value_sent(rows, account, fact, body)
        case f.ReturnEnded():
            return returns.return_ended(account, fact, body)
        case f.CardReturned():
            return returns.card_returned(account, fact, body)
        case _:
            _changed_alone(account, body)
    return {}


def _held(
    rows: Rows, account: Account, fact: Fact, body: f.HoldPlaced | f.HoldIncreased | f.HoldEnded
) -> dict[str, Row | None]:
    match body:
        case f.HoldPlaced():
            return holds.hold_placed(rows, account, fact, body)
        case f.HoldIncreased():
            return holds.hold_increased(rows, account, fact, body)
        case _:
            return holds.hold_ended(rows, account, fact, body)


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
        case SaleChargedBack():
            charge_backs.sale_charged_back(account, body)
        case _:
            settle(account, body)
