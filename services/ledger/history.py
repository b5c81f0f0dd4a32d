"""One row of an account's history for each fact: what happened, where, and what it changed."""

from typing import Any, Final

from schemas.message import Published
from services.ledger.statement import Entry

# Rows that were written before these columns say '' there, whatever their facts say.
LATER: Final = frozenset({"approved_by", "case"})
# Which field of a fact names what it is about, first found wins.
_REFERENCES: Final = ("capture", "hold_id", "return_id", "sale", "to", "sender", "operation")


def event_row(published: Published, entry: Entry) -> dict[str, Any]:
    """The row of `ledger.account_event` for a redemption fact; `lines` as the fact has them."""
    body = published.body
    return {
        **_row(published),
        "currency": body.currency,
        "ledger_change": entry.ledger_change,
        "held_change": entry.held_change,
        "ledger_after": entry.ledger_after,
        "held_after": entry.held_after,
    }


def card_event_row(published: Published) -> dict[str, Any]:
    """The row for an issuance fact: stock has no balance."""
    return {
        **_row(published),
        "currency": getattr(published.body, "currency", None),
        "ledger_change": 0,
        "held_change": 0,
        "ledger_after": 0,
        "held_after": 0,
    }


def _row(published: Published) -> dict[str, Any]:
    body = published.body
    where = body.where
    return {
        "fact": published.id,
        "account": published.subject,
        "type": published.type.partition(".")[0],
        "at": published.time,
        "business_date": _business_date(published, where.entity),
        "programme": body.programme,
        "state": body.state,
        "location": where.location,
        "entity": where.entity,
        "channel": where.channel,
        "register": where.register,
        "staff": where.staff,
        "receipt": where.receipt,
        "reference": _reference(body),
        "order": _order(body),
        "reason": getattr(body, "reason", None),
        "note": getattr(body, "note", None),
        "origin": getattr(body, "origin", None),
        "tender": getattr(body, "tender", None),
        "value_minor": getattr(body, "value_minor", None),
        "price_minor": getattr(body, "price_minor", None),
        "lines": getattr(body, "lines", ()),
        "approved_by": getattr(body, "approved_by", None),
        "case": getattr(body, "case", None),
    }


def _business_date(published: Published, entity: str) -> str:
    """The day at the place; facts that post nothing may be dated for no entity or another."""
    dates = published.dates.get(entity) or next(iter(published.dates.values()), None)
    return dates["business_date"] if dates is not None else ""


def _order(body: Any) -> str | None:
    """The order a use belongs to; while it is held its hold knows."""
    order: str | None = getattr(body, "order", None)
    hold = getattr(body, "hold", None)
    return order if hold is None else hold.order


def _reference(body: Any) -> str | None:
    hold = getattr(body, "hold", None)
    named = (getattr(body, name, None) for name in _REFERENCES)
    found = next((name for name in named if name is not None), None)
    if found is None and hold is not None:
        found = hold.hold
    return None if found is None else str(found)
