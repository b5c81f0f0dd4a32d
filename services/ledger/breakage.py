"""How much of a cohort nobody will ever use, by ASC 606-10-55-46…48 and IFRS 15.B44–B47.

All amounts are minor units of `funded` value. A cohort is one entity, currency, programme, month of
sale and jurisdiction. A run posts the difference to what was recognised before, of either sign.
"""

from dataclasses import dataclass
from typing import Literal, assert_never

from schemas.money import half_up

Method = Literal["proportional", "remote", "none"]
WHOLE_BP = 10_000


@dataclass(frozen=True, slots=True)
class Cohort:
    """What a cohort's facts add up to.

    `sold`: paid lots. `gone`: returned, cashed out, adjusted down, charged back. `redeemed`: spent
    less refunded to the same account. `expired`: less what was extended again. `idle`: what is
    left on accounts without activity for the policy's `after_days`, and what expired there.
    `escheated`: handed to the state, never income. `recognized`: by earlier runs.
    """

    sold: int
    redeemed: int
    gone: int = 0
    expired: int = 0
    idle: int = 0
    escheated: int = 0
    recognized: int = 0

    @property
    def ceiling(self) -> int:
        """S − R: what could at most never be used and is not the state's."""
        return max(self.sold - self.gone - self.escheated - self.redeemed, 0)


def target(cohort: Cohort, method: Method, rate_bp: int | None = None) -> int:
    """The cumulative income of the cohort; `rate_bp` (0…10,000) only for proportional."""
    match method:
        case "proportional":
            assert rate_bp is not None
            estimated = _proportional(cohort, rate_bp)
        case "remote":
            estimated = cohort.idle
        case "none":
            estimated = 0
        case _:
            assert_never(method)
    return min(max(cohort.expired, estimated), cohort.ceiling)


def due(cohort: Cohort, method: Method, rate_bp: int | None = None) -> int:
    """What a run recognises now; negative gives income back."""
    return target(cohort, method, rate_bp) - cohort.recognized


def _proportional(cohort: Cohort, rate_bp: int) -> int:
    """min(R·b ÷ (1 − b), b·S), each rounded half up; at b = 1 the whole of S."""
    assert 0 <= rate_bp <= WHOLE_BP
    expected = half_up((cohort.sold - cohort.gone) * rate_bp, WHOLE_BP)
    if rate_bp == WHOLE_BP:
        return expected
    return min(half_up(cohort.redeemed * rate_bp, WHOLE_BP - rate_bp), expected)
