"""Limits: what an account may hold, and what a network day may bring or take."""

from collections.abc import Iterable

from schemas.refusals import Reason
from schemas.value import Hold
from services.redemption.case import Case


def balance_max(case: Case) -> int | None:
    """What the sale fixed, else what the programme says (minor units)."""
    fixed = case.account.fixed
    return case.programme.limits.balance_max if fixed is None else fixed.balance_max


def per_day_max(case: Case) -> int | None:
    """What the sale fixed, else what the programme says (minor units)."""
    fixed = case.account.fixed
    return case.programme.limits.per_day_max if fixed is None else fixed.per_day_max


def may_come_in(case: Case, minor: int, day: str | None = None) -> None:
    """Against more than the account may hold, or (with `day`) than a day may bring."""
    account = case.account
    most = balance_max(case)
    if most is not None and account.ledger + minor > most:
        case.against(Reason.LIMIT_EXCEEDED, "balance_max")
    most = per_day_max(case)
    if most is not None and day is not None:
        before = account.loaded_minor if account.loaded_day == day else 0
        if before + minor > most:
            case.against(Reason.LIMIT_EXCEEDED, "per_day_max")


def may_go_out(case: Case, minor: int, day: str, over: Iterable[Hold] = ()) -> None:
    """Against more than a day may take; holds that are `over` give back what they took of it."""
    most = per_day_max(case)
    if most is not None:
        account = case.account
        before = account.spent_minor if account.spent_day == day else 0
        before -= sum(one.minor for one in over if one.day == account.spent_day == day)
        if before + minor > most:
            case.against(Reason.LIMIT_EXCEEDED, "per_day_max")
