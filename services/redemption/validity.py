"""When value ends: by its own date, but never before the law lets it."""

from typing import Final

from schemas.instants import years_after
from schemas.policy import Programme
from schemas.terms import Terms
from schemas.value import Lot, LotValidity
from services.redemption.rows import Account

# Where the law knows no end at all, an end this far away stands for it.
YEARS_WITHOUT_END: Final = 100


def floor(terms: Terms, jurisdiction: str, counted_from: int) -> int | None:
    """The earliest end the law in force allows (ms UTC); None where it says nothing."""
    policy = terms.policy
    if not policy.document.law:
        return None
    if any(row.no_expiry for row in policy.laws(jurisdiction, terms.now)):
        return years_after(counted_from, YEARS_WITHOUT_END)
    return policy.expiry_floor(jurisdiction, terms.now, counted_from)


def floor_of(terms: Terms, lot: Lot, loaded_at: int) -> int | None:
    """A lot's floor, counted from the later of its issue and the account's last load."""
    return floor(terms, lot.jurisdiction, max(lot.sold_at, loaded_at))


def ended(lot: Lot, account: Account, terms: Terms) -> bool:
    """Is the lot expired at this instant, swept or not?"""
    if lot.expires_at is None or lot.expires_at > terms.now:
        return False
    earliest = floor_of(terms, lot, account.loaded_at)
    return earliest is None or earliest <= terms.now


def end_of(
    terms: Terms, programme: Programme, jurisdiction: str, own: int | None = None
) -> int | None:
    """The end of value that comes in now: its own or the programme's, at least the floor."""
    end = own if own is not None else terms.policy.expiry(programme, terms.now)
    if end is None:
        return None
    return max(end, floor(terms, jurisdiction, terms.now) or end)


def end_of_days(terms: Terms, programme: Programme, jurisdiction: str) -> int | None:
    """The end of value that comes back where it had ended: it lives the programme's days anew.

    A programme that ends on one day for all has none: what comes back to it does not end.
    """
    validity = programme.validity
    if validity is None or validity.days is None:
        return None
    return end_of(terms, programme, jurisdiction)


def put_off(account: Account, terms: Terms) -> list[LotValidity]:
    """A load now moves the law's floor for every lot: those that end before it live longer."""
    later = []
    for lot in account.lots:
        if lot.expires_at is not None:
            earliest = floor_of(terms, lot, terms.now)
            if earliest is not None and earliest > lot.expires_at:
                later.append(LotValidity(lot=lot.lot, expires_at=earliest))
    return later


def nothing_live(account: Account, terms: Terms) -> bool:
    """Is there no value on this card but what has ended, held or not?"""
    if account.kind != "card" or account.state != "Activated":
        return False
    for lot in account.lots:
        if lot.expires_at is None or lot.expires_at > terms.now or not ended(lot, account, terms):
            return False
    return bool(account.lots)


def all_ended(account: Account, terms: Terms) -> bool:
    """Has everything on this card expired, and every hold lapsed, though no sweep has come yet?"""
    if any(hold.ends_at > terms.now for hold in account.holds):
        return False
    return nothing_live(account, terms)
