"""What an account's state allows, and what state it rests in."""

from typing import Final

from schemas.refusals import Reason
from schemas.value import AccountState
from services.redemption.case import Case
from services.redemption.rows import Account
from services.redemption.validity import all_ended, nothing_live

NOT_ACTIVE: Final = frozenset({"Refunding", "Refunded", "Blank"})


def alive(case: Case) -> None:
    """Against cards that are on their way back or were returned, and what was cancelled."""
    state = case.account.state
    if state in NOT_ACTIVE:
        case.against(Reason.NOT_ACTIVE, state)
    elif state == "Cancelled":
        case.against(Reason.ACCOUNT_CANCELLED)


def usable(case: Case) -> None:
    """Against value that comes in by choice: also what expired, or was used up for good."""
    alive(case)
    account = case.account
    if account.state == "Expired" or all_ended(account, case.terms):
        case.against(Reason.ACCOUNT_EXPIRED)
    if account.state == "Redeemed" and case.one_time:
        case.against(Reason.ALREADY_USED)


def spendable(case: Case) -> None:
    """Against anything new that goes out: also from a frozen account."""
    usable(case)
    if case.account.holds and nothing_live(case.account, case.terms):
        case.against(Reason.ACCOUNT_EXPIRED, "what is left is held")
    if case.account.frozen:
        case.against(Reason.ACCOUNT_FROZEN)


def untouched(account: Account) -> bool:
    """Has nothing but its sale (or import) moved its value, and does nothing reserve any?"""
    return not (account.used or account.holds or account.expired)


def resting(account: Account, ledger: int, open_holds: int) -> AccountState:
    """The state after value moved: a card at 0 without a hold is Redeemed, credit never is."""
    if account.kind == "credit" or account.state not in ("Activated", "Redeemed"):
        return account.state
    return "Activated" if ledger > 0 or open_holds else "Redeemed"
