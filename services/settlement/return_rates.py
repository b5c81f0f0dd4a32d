"""How many of our debits come back, against what the network of banks allows an originator.

Of the debits of the last 60 days: 0.5 % returned as unauthorised, 3 % because of account data, 15 %
in all. Somebody is warned at 80 % of a limit, while there is time to do something.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from schemas.money import half_up

DAYS: Final = 60
WARNING_BP: Final = 8_000
_WHOLE_BP: Final = 10_000

Kind = Literal["unauthorised", "administrative", "overall"]
_LIMITS_BP: Final[Mapping[Kind, int]] = {
    "unauthorised": 50,
    "administrative": 300,
    "overall": 1_500,
}
_CODES: Final[Mapping[Kind, frozenset[str]]] = {
    "unauthorised": frozenset({"R05", "R07", "R10", "R11", "R29", "R51"}),
    "administrative": frozenset({"R02", "R03", "R04"}),
}


@dataclass(frozen=True, slots=True)
class ReturnRate:
    """`returned` of `sent` debits; rates in basis points, halves up."""

    kind: Kind
    sent: int
    returned: int
    rate_bp: int
    limit_bp: int
    state: Literal["fine", "warning", "exceeded"]


def rates(sent: int, returned: Mapping[str, int]) -> list[ReturnRate]:
    """The three rates of so many debits sent, of which these came back, by return code."""
    return [_rate(kind, sent, _of(kind, returned)) for kind in _LIMITS_BP]


def _of(kind: Kind, returned: Mapping[str, int]) -> int:
    codes = _CODES.get(kind)
    return sum(count for code, count in returned.items() if codes is None or code in codes)


def _rate(kind: Kind, sent: int, returned: int) -> ReturnRate:
    limit = _LIMITS_BP[kind]
    # Compared in full, not as rounded: what is over the limit is over.
    reached = returned * _WHOLE_BP
    state: Literal["fine", "warning", "exceeded"] = "fine"
    if reached > limit * sent:
        state = "exceeded"
    elif sent and reached * _WHOLE_BP >= limit * sent * WARNING_BP:
        state = "warning"
    rate = half_up(reached, sent) if sent else 0
    return ReturnRate(kind, sent, returned, rate, limit, state)
