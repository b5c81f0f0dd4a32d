"""The two phases of a sale, and how it ends: confirmed, cancelled, or out of time."""

from collections.abc import Iterator
from typing import Final

from schemas.decision import Accepted, Decided, Decision
from schemas.instants import MINUTE, format_instant
from schemas.issuance import (
    CancelSale,
    CardSold,
    ConfirmSale,
    LapseSale,
    ReserveSale,
    SaleEnded,
    SaleReserved,
)
from schemas.refusals import Reason
from services.issuance import checks
from services.issuance.asking import Asked, decided
from services.issuance.rows import Card, EndedSale, PendingSale
from services.issuance.sale import PROMO, REPLACEMENT, expiry, fixed_of, lots_of

SALE_OPEN_MS: Final = 30 * MINUTE


def sale_key(card: str, sale: str) -> str:
    """The row of a sale that has ended."""
    return f"{card}/sale/{sale}"


def overdue(card: Card, now: int) -> PendingSale | None:
    """The sale that has lapsed by the clock, whether or not the sweeper has said so."""
    pending = card.pending
    return pending if pending is not None and now >= pending.due_at else None


def is_prepared(card: Card, now: int) -> bool:
    """May the card be sold, cancelled or shipped now?"""
    return card.state == "Prepared" or overdue(card, now) is not None


def lapsed_first(card: Card, now: int) -> tuple[Decided, ...]:
    """The lapse that must be told before anything else becomes of the card."""
    pending = overdue(card, now)
    return () if pending is None else (_ended("sale_lapsed.v1", card, pending),)


def reserve(asked: Asked) -> Decision:
    """First phase: Prepared → Activating."""
    return _sell(asked, both_phases=False)


def sell(asked: Asked) -> Decision:
    """Both phases in one: Prepared → Activated."""
    return _sell(asked, both_phases=True)


def _sell(asked: Asked, *, both_phases: bool) -> Decision:
    problem = checks.first_problem(_problems(asked))
    card = asked.card
    if problem is not None:
        return asked.refused(problem)
    assert card is not None, "an unknown card was refused"
    pending = _pending(asked)
    fact = _sold(asked, card, pending) if both_phases else _reserved(card, pending)
    return Accepted((*lapsed_first(card, asked.terms.now), fact))


def _problems(asked: Asked) -> Iterator[checks.Problem]:
    body: ReserveSale = asked.command.body
    yield from checks.rights(asked.command, asked.terms)
    card = asked.card
    if card is None:
        yield Reason.UNKNOWN_CARD, f"no card {asked.command.subject}"
        return
    if sale_key(asked.command.subject, asked.command.id) in asked.rows:
        yield Reason.NOT_PREPARED, "this sale was cancelled before it was reserved"
    if not is_prepared(card, asked.terms.now):
        yield Reason.NOT_PREPARED, f"the card is {card.state}"
    programme = asked.terms.policy.programme(card.programme)
    yield from checks.location(asked.command, asked.terms, programme)
    if programme is None:
        yield Reason.UNKNOWN_PROGRAMME, f"no programme {card.programme} in the policy"
        return
    yield from checks.sale(body, card, asked.terms.policy, programme)
    if body.tender != REPLACEMENT:
        yield from checks.in_time(asked.terms.policy, programme, asked.where, asked.terms.now)


def _pending(asked: Asked) -> PendingSale:
    body: ReserveSale = asked.command.body
    price = 0 if body.tender == PROMO else body.value.minor
    if body.price is not None:
        price = body.price.minor
    return PendingSale(
        sale=asked.command.id,
        value_minor=body.value.minor,
        price_minor=price,
        tender=body.tender,
        where=asked.where,
        due_at=asked.terms.now + SALE_OPEN_MS,
    )


def _reserved(card: Card, pending: PendingSale) -> Decided:
    fact = SaleReserved(
        programme=card.programme,
        life=card.life,
        state="Activating",
        where=pending.where,
        sale=pending.sale,
        value_minor=pending.value_minor,
        price_minor=pending.price_minor,
        currency=card.currency,
        tender=pending.tender,
        due_at=pending.due_at,
    )
    return decided("sale_reserved.v1", fact)


def _sold(asked: Asked, card: Card, pending: PendingSale) -> Decided:
    policy, now = asked.terms.policy, asked.terms.now
    programme = policy.document.programmes[card.programme]
    expires_at = expiry(policy, programme, pending.where, now)
    fact = CardSold(
        programme=card.programme,
        life=card.life,
        state="Activated",
        where=pending.where,
        sale=pending.sale,
        value_minor=pending.value_minor,
        price_minor=pending.price_minor,
        currency=card.currency,
        tender=pending.tender,
        lots=lots_of(
            policy,
            card.programme,
            asked.command.subject,
            card.life,
            pending,
            sold_at=now,
            expires_at=expires_at,
        ),
        fixed=fixed_of(programme, pending.value_minor, sold_at=now, expires_at=expires_at),
    )
    return decided("card_sold.v1", fact)


def confirm(asked: Asked) -> Decision:
    """Second phase: Activating → Activated; again for a confirmed sale, it changes nothing."""
    body: ConfirmSale = asked.command.body
    problem = checks.first_problem(_unknown(asked))
    card = asked.card
    if problem is not None or card is None:
        return asked.refused(problem or (Reason.UNKNOWN_CARD, "no such card"))
    ended = _how_ended(asked, card, body.sale)
    if ended == "confirmed":
        return Accepted()
    if ended is not None:
        return asked.refused((Reason.NOT_PREPARED, f"the sale was {ended}"))
    pending = card.pending
    if pending is None or pending.sale != body.sale:
        return asked.refused((Reason.UNKNOWN_SALE, f"no sale {body.sale} of this card"))
    if overdue(card, asked.terms.now) is not None:
        due = format_instant(pending.due_at)
        return asked.refused((Reason.NOT_PREPARED, f"the sale lapsed at {due}"))
    return Accepted((_sold(asked, card, pending),))


def cancel(asked: Asked) -> Decision:
    """An advice: Activating → Prepared, however often; of an unseen sale it leaves a tombstone."""
    body: CancelSale = asked.command.body
    problem = checks.first_problem(_unknown(asked, needs_programme=False))
    card = asked.card
    if problem is not None or card is None:
        return asked.refused(problem or (Reason.UNKNOWN_CARD, "no such card"))
    ended = _how_ended(asked, card, body.sale)
    if ended == "confirmed":
        return asked.refused((Reason.NOT_PREPARED, "the sale was confirmed"))
    if ended is not None:
        return Accepted()
    if card.pending is not None and card.pending.sale == body.sale:
        return Accepted((_ended("sale_cancelled.v1", card, card.pending),))
    fact = SaleEnded(
        programme=card.programme,
        life=card.life,
        state=card.state,
        where=asked.where,
        sale=body.sale,
        unseen=True,
    )
    return Accepted((decided("sale_cancelled.v1", fact),))


def lapse(asked: Asked) -> Decision:
    """The sweeper's: the sale is over if its time is; else nothing happens and is remembered."""
    body: LapseSale = asked.command.body
    card = asked.card
    pending = overdue(card, asked.terms.now) if card is not None else None
    if card is None or pending is None or pending.sale != body.sale:
        return Accepted(remember=False)
    return Accepted((_ended("sale_lapsed.v1", card, pending),))


def _unknown(asked: Asked, *, needs_programme: bool = True) -> Iterator[checks.Problem]:
    yield from checks.rights(asked.command, asked.terms)
    card = asked.card
    if card is None:
        yield Reason.UNKNOWN_CARD, f"no card {asked.command.subject}"
    elif needs_programme and asked.terms.policy.programme(card.programme) is None:
        yield Reason.UNKNOWN_PROGRAMME, f"no programme {card.programme} in the policy"


def _how_ended(asked: Asked, card: Card, sale: str) -> str | None:
    if card.sold_as == sale:
        return "confirmed"
    row: EndedSale | None = asked.rows.get(sale_key(asked.command.subject, sale))
    return row.ended if row is not None else None


def _ended(type: str, card: Card, pending: PendingSale) -> Decided:
    fact = SaleEnded(
        programme=card.programme,
        life=card.life,
        state="Prepared",
        where=pending.where,
        sale=pending.sale,
    )
    return decided(type, fact)
