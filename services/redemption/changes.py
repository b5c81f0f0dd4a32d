"""How an account changes by what facts say: the pieces `evolve` is made of."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from schemas.value import Draw, Hold, Lot, LotMerge
from services.redemption.rows import TRAIL_MAX, Account, Trail


def settle(account: Account, body: Any) -> None:
    """What every fact says of the account after it."""
    account.state = body.state
    account.frozen = body.frozen
    account.ledger = body.balance.ledger
    account.held = body.balance.held


def take_in(account: Account, lots: Iterable[Lot], merged: Iterable[LotMerge] = ()) -> None:
    """Lots come in as copies (facts are never changed), then merges make room."""
    account.lots.extend(replace(lot) for lot in lots)
    for merge in merged:
        kept = [lot for lot in account.lots if lot.lot not in merge.lots]
        account.lots = [*kept, replace(merge.into)]
        account.holds = [_renamed(hold, merge) for hold in account.holds]
        for name in merge.lots:
            sold_as(account, name, merge.into.lot)


def sold_as(account: Account, lot: str, now: str) -> None:
    """What is `now` was (or has in it) a lot of the sale: a charge back finds it by this name."""
    sale = account.sale
    if sale is not None and lot in sale.lots and now not in sale.lots:
        sale.lots.append(now)


def sale_named(card: str, sale: str) -> str:
    """A sale among those of all cards: their ids are unique by card only."""
    return f"{card}/{sale}"


def sale_of(subject: str, account: Account, lot: Lot) -> str | None:
    """Which sale's value a lot is: another card's, or this card's own; None: of none."""
    sale = account.sale
    if lot.of_sale is None and sale is not None and lot.lot in sale.lots:
        return sale_named(subject, sale.sale)
    return lot.of_sale


def trace(account: Account, lots: Iterable[Lot], to: str | None = None) -> None:
    """Lots of sales came here, or went `to` another account: a charge back goes their way."""
    sales = [lot.of_sale for lot in lots if lot.of_sale is not None]
    if not sales:
        return
    trail = account.trail or Trail(of_sales=[], sent_to=[])
    if to is None:
        account.trail = replace(trail, of_sales=_latest(trail.of_sales, sales))
    else:
        account.trail = replace(trail, sent_to=_latest(trail.sent_to, [to]))


def _latest(known: list[str], more: list[str]) -> list[str]:
    """Each once, the latest last."""
    return [*(one for one in known if one not in more), *dict.fromkeys(more)][-TRAIL_MAX:]


def _renamed(hold: Hold, merge: LotMerge) -> Hold:
    draws: list[Draw] = []
    for one in hold.draws:
        name = merge.into.lot if one.lot in merge.lots else one.lot
        same = next((drawn for drawn in draws if drawn.lot == name), None)
        if same is None:
            draws.append(Draw(lot=name, minor=one.minor))
        else:
            same.minor += one.minor
    return replace(hold, draws=draws)


def count_in(account: Account, day: str | None, minor: int) -> None:
    """A network day brought so much more."""
    if account.loaded_day != day:
        account.loaded_day, account.loaded_minor = day, 0
    account.loaded_minor += minor


def count_out(account: Account, day: str | None, minor: int) -> None:
    """A network day took so much more (less, where a hold of the same day gives back)."""
    if account.spent_day != day:
        if minor <= 0:
            return
        account.spent_day, account.spent_minor = day, 0
    account.spent_minor += minor


def count_moved(account: Account, hold: Hold) -> None:
    """A hold that arrives counts in the latest day: what it may give back it has taken here."""
    if hold.day is not None and hold.day >= (account.spent_day or ""):
        count_out(account, hold.day, hold.minor)


def count_back(account: Account, hold: Hold, minor: int) -> None:
    """A hold gives back so much, if it is of the day that is counted."""
    if hold.day == account.spent_day:
        count_out(account, hold.day, -minor)
