"""What a new policy may say of days, years, amounts and ledger accounts.

What is in force already is read without: cores count with it as far as the calendar goes.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

from schemas.findings import Finding, show
from schemas.money import MINOR_MAX
from schemas.policy import Law, PolicyDocument, Programme

DAYS_MAX: Final = 36_500
YEARS_MAX: Final = 100
DAY_FIRST: Final = date(1900, 1, 1)
# In any timezone its end is within the instants that messages may bear.
DAY_LAST: Final = date(2999, 12, 30)
ACCOUNT_NUMBER_MAX: Final = 32
# The standard chart (services/ledger/chart.py), any of which policy may give another number.
STANDARD_ACCOUNTS: Final = frozenset(
    "1000 1010 1020 1200 1290 2100 2110 2150 2190 2200 2250 2300 2350 2400 3900 4000 4050 4100"
    " 4200 4290 4300 6100 6110 6950 6960".split()
)

# Standard accounts that nothing posts to yet; policy may number them all the same.
SPARE_ACCOUNTS: Final = frozenset({"1310", "6900"})


def out_of_bounds(policy: PolicyDocument) -> Iterator[Finding]:
    """Every value that is beyond what can be counted with, or kept."""
    for name, programme in policy.programmes.items():
        yield from _programme(f"programmes.{name}", programme)
    for name, membership in policy.memberships.items():
        yield from _most(f"memberships.{name}.amount", membership.amount, MINOR_MAX, "minor units")
    yield from _most("refund_days", policy.refund_days, DAYS_MAX, "days")
    for number, row in enumerate(policy.law):
        yield from _law(f"law.{number}", row)
    yield from _chart(policy.chart)


def _programme(path: str, programme: Programme) -> Iterator[Finding]:
    if programme.validity is not None:
        yield from _most(f"{path}.validity.days", programme.validity.days, DAYS_MAX, "days")
        yield from _day(f"{path}.validity.until", programme.validity.until)
    within = programme.returns.within_days
    yield from _most(f"{path}.returns.within_days", within, DAYS_MAX, "days")
    after = programme.breakage.after_days
    yield from _most(f"{path}.breakage.after_days", after, DAYS_MAX, "days")


def _law(path: str, row: Law) -> Iterator[Finding]:
    yield from _day(f"{path}.from", row.from_)
    yield from _most(f"{path}.expiry_floor_years", row.expiry_floor_years, YEARS_MAX, "years")
    yield from _most(f"{path}.dormancy_years", row.dormancy_years, YEARS_MAX, "years")


def _most(path: str, said: int | None, most: int, what: str) -> Iterator[Finding]:
    if said is not None and said > most:
        yield Finding(path, str(said), f"up to {most} {what}")


def _day(path: str, said: str | None) -> Iterator[Finding]:
    if said is None:
        return
    try:
        fits = DAY_FIRST <= date.fromisoformat(said) <= DAY_LAST
    except ValueError:
        fits = False
    if not fits:
        yield Finding(path, show(said), f"a day of the calendar, {DAY_FIRST} to {DAY_LAST}")


def _chart(chart: dict[str, str]) -> Iterator[Finding]:
    for standard, number in chart.items():
        if standard not in STANDARD_ACCOUNTS | SPARE_ACCOUNTS:
            allowed = f"standard accounts: {', '.join(sorted(STANDARD_ACCOUNTS))}"
            yield Finding("chart", show(standard), allowed)
        elif not _is_account_number(number):
            allowed = f"1 to {ACCOUNT_NUMBER_MAX} characters, blank neither first nor last"
            yield Finding(f"chart.{standard}", show(number), allowed)


def _is_account_number(number: str) -> bool:
    whole = number.isprintable() and number == number.strip()
    return whole and 0 < len(number) <= ACCOUNT_NUMBER_MAX
