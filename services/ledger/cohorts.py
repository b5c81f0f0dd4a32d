"""Adds a programme's liability lines up to cohorts: what was sold, used, gone and has expired.

Amounts are minor units of `funded` value. Only paid lots count: nobody has paid for the others, so
there is nothing to be entitled to.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from services.ledger.breakage import Cohort

PAID: Final = "paid"
GONE: Final = frozenset({"card_returned", "cashed_out", "balance_adjusted", "sale_charged_back"})
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Move:
    """The net credit of one account's liability in one cohort by one kind of fact.

    `event` is the fact's type without version; `location` is where the value had come in.
    """

    entity: str
    cohort: str | None
    location: str | None
    event: str
    subject: str | None
    origin: str | None
    minor: int


@dataclass(slots=True)
class _Sums:
    sold: int = 0
    redeemed: int = 0
    gone: int = 0
    expired: int = 0
    escheated: int = 0
    left: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)


def cohorts(
    moves: Iterable[Move],
    jurisdiction_of: Callable[[str], str],
    recognized: Mapping[Key, int],
    idle: Callable[[str], bool],
) -> dict[Key, Cohort]:
    """Cohorts by (entity, month of sale, jurisdiction), sorted.

    `recognized` is what earlier runs have recognised; `idle` tells accounts without activity.
    """
    sums: dict[Key, _Sums] = {}
    for move in moves:
        if move.origin == PAID:
            key = (move.entity, move.cohort or "", jurisdiction_of(move.location or ""))
            _add(sums.setdefault(key, _Sums()), move)
    return {
        key: Cohort(
            sold=found.sold,
            redeemed=found.redeemed,
            gone=found.gone,
            expired=found.expired,
            idle=_idle(found, idle),
            escheated=found.escheated,
            recognized=recognized.get(key, 0),
        )
        for key, found in sorted(sums.items())
    }


def _add(sums: _Sums, move: Move) -> None:
    subject = move.subject or ""
    sums.left[subject] = sums.left.get(subject, 0) + move.minor
    match move.event:
        case "value_loaded":
            sums.sold += move.minor
        case "hold_captured" | "capture_refunded":
            sums.redeemed -= move.minor
        case "lots_expired" | "validity_extended":
            sums.expired -= move.minor
            sums.ended[subject] = sums.ended.get(subject, 0) - move.minor
        case "value_escheated":
            sums.escheated -= move.minor
        case event if event in GONE:
            sums.gone -= move.minor
        case _:
            pass  # value that moves between accounts stays in its cohort


def _idle(sums: _Sums, idle: Callable[[str], bool]) -> int:
    """What is left on idle accounts, and what has expired there."""
    subjects = {*sums.left, *sums.ended}
    return sum(
        sums.left.get(subject, 0) + sums.ended.get(subject, 0)
        for subject in sorted(subjects)
        if idle(subject)
    )
