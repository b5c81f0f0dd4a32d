"""Money is integer minor units of one currency, and splitting it loses nothing."""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

MINOR_MAX: Final = 10**15
Minor = Annotated[int, Field(ge=-MINOR_MAX, le=MINOR_MAX, strict=True)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
# A NACHA file says no currency: its amounts are cents of this one.
OF_BANK_FILES: Final = "USD"

# ISO 4217: these have other than two decimals.
_DECIMALS: Final = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV".split(), 0),
    **dict.fromkeys("XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}


class Money(BaseModel):
    """An amount: `minor` in minor units (cents), `currency` an ISO 4217 code."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minor: Minor
    currency: Currency


def in_units(minor: int, currency: str) -> str:
    """An amount for people, and of what: 25.00 USD, 500 JPY."""
    return f"{figure(minor, currency)} {currency}"


def figure(minor: int, currency: str) -> str:
    """An amount for people, with as many decimals as its currency has: 1,234.50, -500, 1.500."""
    decimals = _DECIMALS.get(currency, 2)
    sign, digits = "-" if minor < 0 else "", f"{abs(minor):0{decimals + 1}d}"
    whole, part = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
    return f"{sign}{int(whole):,}{'.' if part else ''}{part}"


def half_up(numerator: int, denominator: int) -> int:
    """The quotient rounded to the nearest integer, halves away from zero; denominator > 0."""
    assert denominator > 0
    if numerator < 0:
        return -half_up(-numerator, denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` ≥ 0 by `weights` ≥ 0 (largest remainder; of equal remainders the earlier).

    The shares add up to `total`; where total ≤ Σ weights no share exceeds its weight.
    """
    weight_total = sum(weights)
    assert total >= 0
    assert weight_total > 0 or total == 0
    if total == 0:
        return [0] * len(weights)
    if total == weight_total:
        return list(weights)
    shares, remainders, rest = [], [], total
    for weight in weights:
        share, remainder = divmod(total * weight, weight_total)
        shares.append(share)
        remainders.append(remainder)
        rest -= share
    if rest:
        # Sorting keeps the order of equals, also in reverse.
        by_remainder = sorted(range(len(weights)), key=remainders.__getitem__, reverse=True)
        for i in by_remainder[:rest]:
            shares[i] += 1
    assert sum(shares) == total
    return shares
