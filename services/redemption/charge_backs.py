"""Charge backs: the payment of a sale was taken back, and so is all of its value that is unspent.

Of a sale no more is taken than its face, nor more of what the books owe than its price, over all
rounds and accounts together: what may still be taken is either with the card that was sold or in
the hands of the one command that follows its value to other accounts, and ends at home.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from schemas.charge_backs import Followed, SaleChargedBack
from schemas.decision import Decided, Decision
from schemas.redemption import ChargeBackSale
from schemas.redemption_facts import ValidityExtended
from schemas.refusals import Reason
from schemas.value import AccountState, Draw, Lot, Part
from services.redemption import lots as of_lots
from services.redemption.case import Case, accepted, refused, unchanged
from services.redemption.changes import sale_named, sale_of, settle
from services.redemption.expiry import BY_BANK, VALIDITY_EXTENDED, again
from services.redemption.rows import Account, Sale, Untaken
from services.redemption.standing import alive, resting

SALE_CHARGED_BACK = "sale_charged_back.v1"


@dataclass(slots=True)
class Taken:
    """What one account gives back: `draws` on lots that are there, and on `back`, which expired.

    `restored` are the names under which `back` had expired.
    """

    draws: list[Draw]
    parts: list[Part]
    back: list[Lot]
    restored: list[str]

    @property
    def minor(self) -> int:
        """Σ face (minor units)."""
        return of_lots.total(self.draws)

    @property
    def funded(self) -> int:
        """What the books owed for it (minor units)."""
        return sum(part.funded for part in self.parts)


def charge_back_sale(case: Case, body: ChargeBackSale) -> Decision:
    """Freeze, take back what of the sale is unspent, and report what is lost.

    Asked again it takes what came back since. A card that was replaced or used up is no longer
    alive, but the bank takes the money all the same.
    """
    account = case.account
    sale = account.sale
    if sale is None or sale.sale != body.sale:
        case.against(Reason.UNKNOWN_SALE)
        return refused(case)
    if account.state != "Cancelled" or not account.used:
        alive(case)
    if case.reasons:
        return refused(case)
    card = case.command.subject
    left, lost = _may_be_taken(sale)
    taken = take(case, sale_named(card, sale.sale), left, lost)
    left, lost = left - taken.minor, lost - taken.funded
    ahead = sent_to(account) if left else []
    first = not sale.charged_back
    if not (first or taken.draws or ahead):
        return unchanged(account)
    back = SaleChargedBack(
        **case.told(*after(account, taken), account.frozen or first or bool(taken.draws)),
        sale=sale.sale,
        minor=taken.minor,
        spent_minor=lost if first else -taken.funded,
        tender=sale.tender,
        parts=taken.parts,
        sale_where=sale.where,
        left_minor=left,
        lost_minor=lost,
        follow=_followed(card, ahead, first),
    )
    return accepted(*facts_of(case, taken, back))


def _followed(card: str, ahead: list[str], first: bool) -> Followed | None:
    if not ahead:
        return None
    return Followed(card=card, to=ahead[0], ahead=ahead[1:], seen=[card], first=first)


def _may_be_taken(sale: Sale) -> tuple[int, int]:
    """Face, and what the books owe for it (minor units)."""
    if not sale.charged_back:
        return sale.face_minor, sale.price_minor
    untaken = sale.untaken  # None: charged back before this was kept
    return (untaken.face_minor, untaken.lost_minor) if untaken is not None else (0, 0)


def take(case: Case, sale: str, left: int, lost: int) -> Taken:
    """What is there of the sale and not held, then what of it had expired and can come back.

    A lot of the sale may have been merged with one of a load, which is nobody's to take back.
    """
    account, subject = case.account, case.command.subject
    there = [lot for lot in account.lots if sale_of(subject, account, lot) == sale]
    expired = {
        lot.lot: again(case.command, lot, case.terms.now)
        for lot in of_lots.joined(account.expired)
        if sale_of(subject, account, lot) == sale
    }
    draws = _draws([*there, *expired.values()], left, lost)
    drawn = {one.lot for one in draws}
    back = [lot for lot in expired.values() if lot.lot in drawn]
    return Taken(
        draws=draws,
        parts=of_lots.parts_taken(of_lots.by_id([*there, *back]), draws, "charge_back"),
        back=back,
        restored=[name for name, lot in expired.items() if lot.lot in drawn],
    )


def _draws(lots: Iterable[Lot], left: int, lost: int) -> list[Draw]:
    """As much as fits into both; rounding may leave a coin."""
    draws = []
    for lot in lots:
        most = min(lot.minor - lot.held, left)
        minor = bisect_right(range(most + 1), lost, key=partial(_owed, lot)) - 1
        if minor > 0:
            draws.append(Draw(lot=lot.lot, minor=minor))
            left, lost = left - minor, lost - _owed(lot, minor)
    return draws


def _owed(lot: Lot, minor: int) -> int:
    return lot.funded - of_lots.funded_left(lot, lot.minor - minor)


def after(account: Account, taken: Taken) -> tuple[int, int, AccountState]:
    """Ledger, held and state once it is taken; what had expired is so still."""
    ledger = account.ledger + sum(lot.minor for lot in taken.back) - taken.minor
    if account.state == "Expired":
        return ledger, account.held, "Activated" if ledger else "Expired"
    return ledger, account.held, resting(account, ledger, len(account.holds))


def facts_of(case: Case, taken: Taken, back: SaleChargedBack) -> tuple[Decided, ...]:
    """What had expired is back first: so it is out of recognised breakage, and of its cohort."""
    units: list[Any] = [*back.parts]
    if back.sale_where is not None:
        units.append(back.sale_where)
    return *_restored(case, taken), case.fact(SALE_CHARGED_BACK, back, units)


def _restored(case: Case, taken: Taken) -> tuple[Decided, ...]:
    account, back = case.account, taken.back
    if not back:
        return ()
    ledger = account.ledger + sum(lot.minor for lot in back)
    dead = account.state in ("Expired", "Redeemed")
    extended = ValidityExtended(
        **case.told(ledger, account.held, "Activated" if dead else account.state),
        expires_at=case.terms.now,
        reason="its sale was charged back",
        approved_by=BY_BANK,
        parts=[of_lots.part_of(lot, 1, "expired", lot.minor, lot.funded) for lot in back],
        lots=back,
        restored=taken.restored,
    )
    return (case.fact(VALIDITY_EXTENDED, extended, back),)


def sent_to(account: Account) -> list[str]:
    """Where it sent value of sales."""
    return account.trail.sent_to if account.trail is not None else []


def sale_charged_back(account: Account, body: SaleChargedBack) -> None:
    """The account, frozen, without what was taken back; the card knows what may still be taken."""
    settle(account, body)
    account.used = True
    sale = account.sale
    if sale is not None and body.card is None:
        sale.charged_back = True
        if body.follow is not None:
            sale.untaken = Untaken(face_minor=0, lost_minor=0)
        elif body.left_minor is not None and body.lost_minor is not None:
            sale.untaken = Untaken(face_minor=body.left_minor, lost_minor=body.lost_minor)
    of_lots.take_out(account.lots, [Draw(lot=p.lot, minor=p.minor) for p in body.parts])
