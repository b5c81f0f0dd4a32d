"""Lines that cover a spending, and its line × lot split, made once for everyone downstream."""

from typing import Final

from schemas.money import apportion
from schemas.redemption import Line
from schemas.refusals import Reason
from schemas.value import CoveredLine, Draw, Lot, Part
from services.redemption.case import Case
from services.redemption.lots import funded_left, part_of

UNCLASSIFIED: Final = "unclassified"


def cover(lines: list[Line] | None, minor: int) -> list[CoveredLine]:
    """How much of each line is covered: largest remainder; no lines: one, unclassified."""
    if lines is None:
        return [CoveredLine(line=1, category=UNCLASSIFIED, amount=minor, covered=minor)]
    amounts = [line.amount.minor for line in lines]
    return [
        CoveredLine(
            line=line.line,
            category=line.category,
            amount=line.amount.minor,
            covered=share,
            product=line.product,
            quantity=line.quantity,
        )
        for line, share in zip(lines, apportion(minor, amounts), strict=True)
    ]


def split(lines: list[CoveredLine], draws: list[Draw], lots: dict[str, Lot]) -> list[Part]:
    """Line × lot: line by line over what is left of each lot's draw, so that lots add up too."""
    left = [one.minor for one in draws]
    minor_left = [lots[one.lot].minor for one in draws]
    funded = [lots[one.lot].funded for one in draws]
    parts = []
    for line in lines:
        shares = [line.covered] if len(left) == 1 else apportion(line.covered, left)
        for i, share in enumerate(shares):
            if share:
                lot = lots[draws[i].lot]
                left[i] -= share
                minor_left[i] -= share
                after = funded_left(lot, minor_left[i])
                parts.append(part_of(lot, line.line, line.category, share, funded[i] - after))
                funded[i] = after
    return parts


def lines_add_up(case: Case, lines: list[Line] | None, minor: int) -> None:
    """Against lines of another currency, below 0, named twice, or short of the amount."""
    if lines is None:
        return
    currency, total, named = case.account.currency, 0, set()
    for line in lines:
        amount = line.amount
        total += amount.minor
        named.add(line.line)
        if amount.currency != currency:
            case.against(Reason.WRONG_CURRENCY, f"of line {line.line}")
        if amount.minor < 0:
            case.against(Reason.AMOUNT_NOT_POSITIVE, f"line {line.line}")
    if total < minor:
        case.against(Reason.LINES_DO_NOT_ADD_UP)
    if len(named) < len(lines):
        case.against(Reason.LINES_DO_NOT_ADD_UP, "a line is named twice")
