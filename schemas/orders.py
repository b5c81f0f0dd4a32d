"""Which store credit covers an order, and in what order: the customer's first, unless policy says.

An account decides alone and knows its own uses of an order only. Whoever composes the order's
payment (a till, a web shop) asks the accounts in this order, tells each what others cover
(`order.covered`), and each refuses what would exceed the order's total.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.policy import OwnerKind


@dataclass(frozen=True, slots=True)
class Share:
    """What one owner's credit is to pay (minor units), and what those before it cover."""

    owner_kind: OwnerKind
    minor: int
    covered: int


def shares(
    total: int, available: Mapping[OwnerKind, int], order: Sequence[OwnerKind]
) -> list[Share]:
    """The shares of an order's total, in `order`; owners with nothing to give are left out.

    >>> shares(6000, {"company": 9000, "customer": 3800}, ["customer", "company"])
    [Share(owner_kind='customer', minor=3800, covered=0), \
Share(owner_kind='company', minor=2200, covered=3800)]
    """
    found: list[Share] = []
    covered = 0
    for kind in order:
        minor = min(max(available.get(kind, 0), 0), total - covered)
        if minor > 0:
            found.append(Share(kind, minor, covered))
            covered += minor
    assert covered <= max(total, 0)
    return found
