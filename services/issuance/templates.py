"""How many identifiers a template can make, and how many of them are left."""

from collections.abc import Iterable
from typing import Final

from schemas.policy import Template
from services.issuance.numbers import CODE_BITS, digits_needed, digits_of, numbered

LOOKED_MAX: Final = 1_000_000
LOOKED_AT_ONCE: Final = 5_000
KEPT_FREE_PERCENT: Final = 1
TEMPLATE_ABSENT: Final = Template(code="crockford16")


def possible(template: Template) -> int:
    """How many different identifiers the template describes (the check digit adds none)."""
    if template.number is not None:
        return int(10 ** template.number.count("#"))
    return int(2**CODE_BITS)


def numbers_at(template: Template, places: Iterable[int]) -> list[str]:
    """The numbers of a template at these places, of all from 0 that it describes."""
    pattern = template.number or ""
    digits = digits_needed(pattern)
    return [numbered(pattern, digits_of(place, digits)) for place in places]


def capacity(template: Template) -> int:
    """How many identifiers it may make: what is possible, or less where policy says so.

    The press finds the last free number among so many as it can look at whole; of more than those
    a few stay free, so that chance finds the others.
    """
    most = possible(template)
    if template.number is not None and most > LOOKED_MAX:
        most -= most * KEPT_FREE_PERCENT // 100
    return most if template.capacity is None else min(most, template.capacity)


def left(template: Template, made: int) -> int:
    """How many more fit, never below 0."""
    return max(0, capacity(template) - made)
