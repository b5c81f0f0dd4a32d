"""Makes the demo's day: `python -m services.demo.day` writes `deploy/demo/day.jsonl`.

The file is committed; a test makes it again and compares.
"""

import random
import sys
from pathlib import Path
from typing import Final

from schemas.instants import MINUTE
from schemas.topics import PARTITIONS_EMBEDDED
from services.demo import mischief
from services.demo.publishing import MIDNIGHT, Day, card_name
from services.demo.shopping import Purse, bring_back, give_credit, sell, use
from services.runtime.murmur2 import partition_of

PATH: Final = Path(__file__).parents[2] / "deploy" / "demo" / "day.jsonl"
SEED: Final = 20260508
GIFTS: Final = 760
TREATS: Final = 60
SPARE: Final = 40
CUSTOMERS: Final = 70
USES_MAX: Final = 7
CARDS_PER_BATCH: Final = 50
OPENING: Final = MIDNIGHT + 6 * 60 * MINUTE
VALUES: Final = (1000, 2500, 2500, 5000, 5000, 7500, 10_000, 20_000)


def make_day(seed: int = SEED) -> bytes:
    """The file's bytes; the same seed makes the same file."""
    day = Day(random.Random(seed))  # noqa: S311 — it is a script, and guards nothing
    gifts = [card_name("gift", n) for n in range(GIFTS + SPARE)]
    treats = [card_name("treat", n) for n in range(TREATS)]
    _prepare(day, "gift", gifts)
    _prepare(day, "treat", treats)
    credits = [_customer(day, n) for n in range(CUSTOMERS)]
    purses = [_gift(day, card) for card in gifts[:GIFTS]]
    for card in treats:
        _treat(day, card)
    for purse in [*purses, *credits]:
        _live(day, purse, credits)
    _trouble(day, purses)
    return day.written()


def _prepare(day: Day, programme: str, cards: list[str]) -> None:
    """Stock for the day; a batch holds cards of one partition only (the demo has four)."""
    for number in range(PARTITIONS_EMBEDDED):
        mine = [c for c in cards if partition_of(c.encode(), PARTITIONS_EMBEDDED) == number]
        for start in range(0, len(mine), CARDS_PER_BATCH):
            some = mine[start : start + CARDS_PER_BATCH]
            entries = [{"card": card, "last4": f"{day.between(0, 9999):04d}"} for card in some]
            batch = f"{programme}-{number}-{start}"
            body = {"programme": programme, "batch": batch, "cards": entries}
            day.command(OPENING, "office", "prepare_cards", some[0], body)


def _customer(day: Day, number: int) -> Purse:
    at = OPENING + day.between(50, 110) * MINUTE
    return give_credit(day, f"customer-{number:03d}", at)


def _gift(day: Day, card: str) -> Purse:
    at = OPENING + day.between(60, 330) * MINUTE
    if day.one_in(6):
        at = day.customer_hour(at)
    value = VALUES[day.between(0, len(VALUES) - 1)]
    return sell(day, card, at, value)


def _treat(day: Day, card: str) -> None:
    """A one-time card: sold, and used once for less or more than its value."""
    at = OPENING + day.between(60, 240) * MINUTE
    purse = sell(day, card, at, 2500)
    if purse.minor:
        use(day, purse, day.customer_hour(purse.ready_at))


def _live(day: Day, purse: Purse, credits: list[Purse]) -> None:
    at = purse.ready_at
    visits = day.between(1, USES_MAX)
    for when in sorted(day.customer_hour(purse.ready_at) for _ in range(visits)):
        at = use(day, purse, max(when, at + 5 * MINUTE))
    if day.one_in(8):
        to = credits[day.between(0, len(credits) - 1)].account
        if to != purse.account:
            bring_back(day, purse, at + 10 * MINUTE, to)


def _trouble(day: Day, purses: list[Purse]) -> None:
    def somebody() -> tuple[Purse, int]:
        purse = purses[day.between(0, len(purses) - 1)]
        return purse, day.customer_hour(purse.ready_at)

    for _ in range(260):
        mischief.refused(day, *somebody())
    for _ in range(90):
        mischief.out_of_order(day, *somebody())
    for number in range(48):
        mischief.unreadable(day, *somebody(), number)
    for number in range(16):
        mischief.unsealed(day, *somebody(), number)
    for number in range(20):
        mischief.same_id_again(day, *somebody(), number)


if __name__ == "__main__":
    PATH.parent.mkdir(parents=True, exist_ok=True)
    made = make_day()
    PATH.write_bytes(made)
    sys.stdout.write(f"{PATH.name}: {len(made.splitlines()):,} commands, {len(made):,} bytes\n")
