"""Orders: what all uses of one order have of an account, so that they stay within its total.

An account knows its own uses only; of what others cover the sender speaks (`order.covered`).
"""

from dataclasses import replace
from typing import Any

from schemas.decision import Rows
from schemas.message import Fact
from schemas.redemption import Order
from schemas.refusals import Reason
from schemas.value import Hold
from services.redemption.case import Case
from services.redemption.rows import (
    ENDED_KEPT,
    LAPSED_MAX,
    ORDER_KEPT,
    Account,
    EndedHold,
    LapsedHold,
    OrderUse,
    Row,
    order_key,
)


def within_total(case: Case, order: Order, asked: int, covered: int) -> None:
    """Against more than the order's total: asked for at once, or covered together with before."""
    total = order.total
    if total is None:
        return
    if total.currency != case.account.currency:
        case.against(Reason.WRONG_CURRENCY, "of the order's total")
    elsewhere = order.covered.minor if order.covered is not None else 0
    if order.covered is not None and order.covered.currency != case.account.currency:
        case.against(Reason.WRONG_CURRENCY, "of what else covers the order")
    if elsewhere < 0:
        case.against(Reason.AMOUNT_NOT_POSITIVE, "what else covers the order is below 0")
    used = _used(case.rows, case.command.subject, order.id)
    if max(asked, used + covered) + elsewhere > total.minor:
        case.against(Reason.LIMIT_EXCEEDED, "above the order's total")


def within_total_still(case: Case, hold: Hold, minor: int) -> None:
    """Against an increase by which its order's uses would exceed the total."""
    if hold.order_total is None:
        return
    siblings = [one for one in case.account.holds if one.order == hold.order]
    held = sum(one.minor + one.captured for one in siblings)
    if hold.order_taken + held + minor > hold.order_total:
        case.against(Reason.LIMIT_EXCEEDED, "above the order's total")


def within_total_late(case: Case, known: Hold | EndedHold, minor: int, over: list[Hold]) -> None:
    """Against a late capture by which its order's uses would exceed the total.

    Open holds that are `over` count as lapsed, as after their sweeps.
    """
    if known.order_total is None:
        return
    if isinstance(known, Hold):
        taken = known.order_taken
    else:
        lapsed = next((one for one in case.account.lapsed if one.hold == known.hold), None)
        if lapsed is None:
            case.against(Reason.HOLD_LAPSED, f"{LAPSED_MAX} other holds have lapsed since")
            return
        taken = lapsed.taken
    siblings = [one for one in case.account.holds if one.order == known.order]
    held = sum(one.captured + (0 if one in over else one.minor) for one in siblings)
    if taken + held + minor > known.order_total:
        case.against(Reason.LIMIT_EXCEEDED, "above the order's total")


def room_of(case: Case, order: Order | None) -> tuple[str | None, int | None, int]:
    """(id, total less what others cover, what ended uses have taken), as a hold keeps it."""
    if order is None:
        return None, None, 0
    if order.total is None:
        return order.id, None, 0
    total = order.total.minor - (order.covered.minor if order.covered is not None else 0)
    siblings = [one for one in case.account.holds if one.order == order.id]
    held = sum(one.minor + one.captured for one in siblings)
    return order.id, total, _used(case.rows, case.command.subject, order.id) - held


def _used(rows: Rows, subject: str, order: str) -> int:
    use: OrderUse | None = rows.get(order_key(subject, order))
    return 0 if use is None else use.minor


def keys_of(subject: str, body: Any) -> tuple[str, ...]:
    """The rows of the orders that a fact's body names."""
    holds, order = getattr(body, "holds", None), getattr(body, "order", None)
    if order is None and getattr(body, "hold", None) is not None:
        order = body.hold.order
    if not holds:
        return () if order is None else (order_key(subject, order),)
    named = {hold.order: None for hold in holds if hold.order is not None}
    if order is not None:
        named[order] = None
    return tuple(order_key(subject, one) for one in named)


def used(
    rows: Rows, account: Account, fact: Fact, order: str | None, minor: int, ended: int = 0
) -> dict[str, Row | None]:
    """The order's row with so much more, or less; `ended` of it is by a use that is over."""
    if order is None:
        return {}
    if ended:
        account.holds = [
            replace(one, order_taken=one.order_taken + ended) if one.order == order else one
            for one in account.holds
        ]
        for one in account.lapsed:
            one.taken += ended if one.order == order else 0
    key = order_key(fact.subject, order)
    known: OrderUse | None = rows.get(key)
    after = (known.minor if known is not None else 0) + minor
    if after <= 0:
        return {key: None} if known is not None else {}
    return {key: OrderUse(order=order, minor=after, until=fact.time + ORDER_KEPT)}


def keep_lapsed(account: Account, ended: EndedHold, hold: Hold | None, spent: int = 0) -> None:
    """Keep what a late capture will ask of the order, for as long as the ended hold is kept.

    Comes after `used`. `hold` is what was open until now, and so much of it was `spent` just now.
    """
    since, name = ended.ended_at - ENDED_KEPT, ended.hold
    known = [one.taken for one in account.lapsed if one.hold == name]
    if hold is not None:
        known = [hold.order_taken + hold.captured + spent]
    kept = [one for one in account.lapsed if one.hold != name and one.ended_at > since]
    order, bound = ended.order, ended.ended == "lapsed" and ended.order_total is not None
    if known and bound and order is not None:
        kept.append(LapsedHold(hold=name, order=order, taken=known[0], ended_at=ended.ended_at))
    account.lapsed = kept[-LAPSED_MAX:]


def moved(rows: Rows, account: Account, fact: Fact, sign: int) -> dict[str, Row | None]:
    """The rows of orders whose holds came with a transfer (1), or left by one (-1)."""
    by_order: dict[str, int] = {}
    for hold in fact.body.holds:
        if hold.order is not None:
            by_order[hold.order] = by_order.get(hold.order, 0) + hold.minor
    changed: dict[str, Row | None] = {}
    for order, minor in by_order.items():
        changed |= used(rows, account, fact, order, sign * minor)
    return changed
