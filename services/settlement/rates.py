"""What a part of a use in another location's value is worth: its rate, or why it has none.

The policy in force at the capture decides, most specific first (pair and category, pair, category),
and what it decided is written on the item; a later policy touches nothing that has accrued.
"""

from dataclasses import dataclass
from typing import Final

from schemas.money import half_up
from schemas.terms import Policy

BASIS: Final = 10_000
CASH: Final = "cash"
UNCLASSIFIED: Final = "unclassified"


@dataclass(frozen=True, slots=True)
class Rating:
    """`rate_bp` in basis points; not `reconciled`: on the record at 0, but never in a run.

    `unexpected` says why, where nobody meant it so.
    """

    rate_bp: int
    reconciled: bool = True
    unexpected: str | None = None


def rating(policy: Policy, source: str, to: str, category: str) -> Rating:
    """How a category used at `to` from value of `source` settles; a rate of null owes nothing.

    Cash paid out is owed in full, whatever the rates say.
    """
    if not policy.document.settlement.enabled:
        return Rating(0, reconciled=False)
    if category == CASH:
        return Rating(BASIS)
    if not policy.rated(source, to, category):
        return Rating(0, reconciled=False, unexpected=_why_unrated(category))
    return Rating(policy.rate(source, to, category) or 0)


def accrued(base: int, rate_bp: int) -> int:
    """Minor units owed for `base` minor units, halves up.

    >>> accrued(1000, 500), accrued(150, 500), accrued(149, 500)
    (50, 8, 7)
    """
    return half_up(base * rate_bp, BASIS)


def reversed_by(refunded_before: int, refunded_after: int, rate_bp: int) -> int:
    """What a refund takes back of an accrued amount: cumulative, so the last one takes the rest.

    >>> [reversed_by(before, before + 10, 500) for before in (0, 10, 20)], accrued(30, 500)
    ([1, 0, 1], 2)
    """
    assert 0 <= refunded_before <= refunded_after
    return accrued(refunded_after, rate_bp) - accrued(refunded_before, rate_bp)


def _why_unrated(category: str) -> str:
    return "no_lines" if category == UNCLASSIFIED else "category_unknown"
