"""What an account looks like from outside: an enquiry's answer, a report's view, its dues."""

from dataclasses import asdict
from typing import Any

from schemas.decision import Accepted, Decision, Due
from schemas.instants import format_instant
from schemas.redemption import Enquire
from services.redemption.case import Case, refused
from services.redemption.rows import Account
from services.redemption.standing import untouched
from services.redemption.validity import all_ended


def enquire(case: Case, body: Enquire) -> Decision:
    """Answered and not recorded; the same question gets a fresh answer."""
    if case.reasons:
        return refused(case)
    account = case.account
    shown = view(account)
    return Accepted(
        balance={name: shown[name] for name in ("ledger", "held", "available")},
        account={
            "state": "Expired" if all_ended(account, case.terms) else account.state,
            "programme": account.programme,
            "product": case.programme.product,
            "value": {"minor": _value(account), "currency": account.currency},
            "expires_at": shown["expires_at"],
            "frozen": account.frozen,
            **(_use(account) if body.use else {}),
        },
        remember=False,
    )


def _use(account: Account) -> dict[str, Any]:
    tender = None if account.sale is None else account.sale.tender
    return {"unused": untouched(account), "tender": tender}


def _value(account: Account) -> int:
    """A card's face value at its sale, else what is on the account (minor units)."""
    return account.sale.face_minor if account.sale is not None else account.ledger


def view(account: Account) -> dict[str, Any]:
    """The whole account; instants as RFC 3339 where people read them."""
    ends = [lot.expires_at for lot in account.lots if lot.expires_at is not None]
    return {
        "kind": account.kind,
        "programme": account.programme,
        "currency": account.currency,
        "life": account.life,
        "state": account.state,
        "frozen": account.frozen,
        "ledger": account.ledger,
        "held": account.held,
        "available": account.ledger - account.held,
        "lots": [asdict(lot) for lot in account.lots],
        "holds": [asdict(hold) for hold in account.holds],
        "expires_at": format_instant(min(ends)) if ends else None,
        "unclaimed": account.unclaimed,
    }


def dues(subject: str, account: Account) -> tuple[Due, ...]:
    """Ends of holds, of the return under way, and of the first lot that is not all held."""
    found = [
        Due(hold.ends_at, "lapse_hold", subject, {"hold": hold.hold}) for hold in account.holds
    ]
    if account.return_id is not None and account.return_due is not None:
        body = {"return": account.return_id}
        found.append(Due(account.return_due, "lapse_return", subject, body))
    ends = [
        lot.expires_at
        for lot in account.lots
        if lot.expires_at is not None and lot.minor > lot.held
    ]
    # A card on its way back waits: it is paid out or lives on before anything of it expires.
    if ends and account.state != "Refunding":
        found.append(Due(min(ends), "expire_lots", subject, {"round": account.sweeps}))
    return tuple(found)


def first_due(account: Account) -> int | None:
    """No due of the account comes before this (ms UTC); None: it has none."""
    first = account.return_due
    for hold in account.holds:
        if first is None or hold.ends_at < first:
            first = hold.ends_at
    for lot in account.lots:
        if lot.expires_at is not None and (first is None or lot.expires_at < first):
            first = lot.expires_at
    return first
