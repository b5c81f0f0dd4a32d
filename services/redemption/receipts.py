"""Receipts that were paid by several tenders: what of returned goods the card gets back.

The goods are named by their prices; policy (`split_refund`) says whether the card is paid back
first, last or in proportion, and what is left is due by the other tenders. Amounts are minor units.
"""

from dataclasses import replace
from typing import assert_never

from schemas.money import apportion, half_up
from schemas.policy import SplitRefund
from schemas.redemption import RefundCapture
from schemas.redemption_facts import HoldCaptured
from schemas.refusals import Reason
from schemas.value import LineReturned, ReturnedGoods
from services.redemption.case import Case
from services.redemption.rows import Capture, PricedLine, Receipt


def receipt_of(body: HoldCaptured) -> Receipt | None:
    """What is kept of a receipt for its refunds; None where the card paid for all of it."""
    price = sum(line.amount for line in body.lines)
    if price <= body.minor:
        return None
    lines = [
        PricedLine(line=line.line, price=line.amount, covered=line.covered) for line in body.lines
    ]
    return Receipt(lines=lines, exception=body.exception_minor)


def with_goods(receipt: Receipt, goods: ReturnedGoods) -> Receipt:
    """The receipt after these goods came back."""
    came = {one.line: one.price for one in goods.lines}
    lines = [replace(one, returned=one.returned + came.get(one.line, 0)) for one in receipt.lines]
    return replace(receipt, lines=lines, due=receipt.due + goods.due)


def open_goods(receipt: Receipt | None) -> bool:
    """Are there goods of the receipt that have not come back?"""
    return receipt is not None and any(one.returned < one.price for one in receipt.lines)


def by_price(
    case: Case, body: RefundCapture, capture: Capture, left: dict[int, int]
) -> tuple[dict[int, int], ReturnedGoods]:
    """What goes back to the card per line, and the goods with what others give back for them.

    `left` is what of each line's covered amount has not come back.
    """
    receipt = capture.receipt or _paid_whole(capture, left)
    came = _came(case, body, receipt)
    if case.reasons:
        return {}, ReturnedGoods(lines=[], due=0)
    after = with_goods(receipt, ReturnedGoods(lines=_named(came), due=0))
    rule = case.programme.split_refund
    wanted = _to_card(after, came, left, capture.refunded, rule)
    due = max(0, _others(after, rule) - receipt.due)
    return wanted, ReturnedGoods(lines=_named(came), due=due)


def _named(came: dict[int, int]) -> list[LineReturned]:
    return [LineReturned(line=line, price=price) for line, price in came.items()]


def _paid_whole(capture: Capture, left: dict[int, int]) -> Receipt:
    """The card paid for everything: what was covered is the price."""
    covered: dict[int, int] = dict.fromkeys(left, 0)
    for part in capture.parts:
        covered[part.line] += part.minor
    return Receipt(
        lines=[
            PricedLine(line=line, price=minor, covered=minor, returned=minor - left[line])
            for line, minor in covered.items()
        ],
        exception=0,
    )


def _came(case: Case, body: RefundCapture, receipt: Receipt) -> dict[int, int]:
    """The price of what comes back per line; more than was sold is a reason against it."""
    still = {one.line: one.price - one.returned for one in receipt.lines}
    amount = case.amount(body.amount) if body.amount is not None else None
    if amount is not None and amount > sum(still.values()):
        case.against(Reason.AMOUNT_EXCEEDS_CAPTURE)
    if body.lines is None:
        if case.reasons or amount is None:
            return {}
        shares = apportion(amount, list(still.values()))
        return {line: share for line, share in zip(still, shares, strict=True) if share}
    came: dict[int, int] = {}
    for line in body.lines:
        came[line.line] = came.get(line.line, 0) + case.amount(line.amount)
    if any(price > still.get(line, 0) for line, price in came.items()):
        case.against(Reason.AMOUNT_EXCEEDS_CAPTURE, "of a line")
    if amount is not None and amount != sum(came.values()):
        case.against(Reason.LINES_DO_NOT_ADD_UP)
    return came


def _to_card(
    after: Receipt,
    came: dict[int, int],
    left: dict[int, int],
    refunded: int,
    rule: SplitRefund,
) -> dict[int, int]:
    """Cumulative: what the card should have by now, less what it has had, never below 0."""
    if rule == "ratio":
        wanted = {}
        for one in after.lines:
            had = one.covered - left.get(one.line, 0)
            wanted[one.line] = max(0, min(_share(one) - had, left.get(one.line, 0)))
        return {line: minor for line, minor in wanted.items() if minor}
    covered = sum(one.covered for one in after.lines)
    target = _first(after) if rule == "card_first" else _last(after)
    minor = max(0, min(target - refunded, covered - refunded))
    return _over_lines(minor, came, left)


def _over_lines(minor: int, came: dict[int, int], left: dict[int, int]) -> dict[int, int]:
    """To the lines that came back, as far as they were covered; the rest to the others."""
    own = [min(came.get(line, 0), most) for line, most in left.items()]
    mine = apportion(min(minor, sum(own)), own)
    more = [most - given for most, given in zip(left.values(), mine, strict=True)]
    rest = apportion(minor - sum(mine), more)
    sums = (one + other for one, other in zip(mine, rest, strict=True))
    return {line: total for line, total in zip(left, sums, strict=True) if total}


def _share(line: PricedLine) -> int:
    return half_up(line.covered * line.returned, line.price) if line.price else 0


def _returned(receipt: Receipt) -> int:
    return sum(one.returned for one in receipt.lines)


def _paid_by_others(receipt: Receipt) -> int:
    """What other tenders paid; an exception was paid by nobody."""
    paid = sum(one.price - one.covered for one in receipt.lines)
    return max(0, paid - receipt.exception)


def _first(receipt: Receipt) -> int:
    """Card first, cash last."""
    return min(_returned(receipt), sum(one.covered for one in receipt.lines))


def _last(receipt: Receipt) -> int:
    most = sum(one.covered for one in receipt.lines)
    return max(0, min(_returned(receipt) - _paid_by_others(receipt), most))


def _others(receipt: Receipt, rule: SplitRefund) -> int:
    """What the other tenders should have given back by now."""
    returned, most = _returned(receipt), _paid_by_others(receipt)
    match rule:
        case "card_first":
            return min(returned - _first(receipt), most)
        case "card_last":
            return min(returned, most)
        case "ratio":
            price = sum(one.price for one in receipt.lines)
            lost = half_up(receipt.exception * returned, price)
            shares = sum(_share(one) for one in receipt.lines)
            return max(0, min(returned - shares - lost, most))
        case _:
            assert_never(rule)
