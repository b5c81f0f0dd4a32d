"""The line × lot split of what was spent, made once; everyone downstream works from it."""

from typing import Final

from schemas.money import apportion
from schemas.redemption import Line
from schemas.value import CoveredLine, Draw, Lot, Part
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
