"""What a seed is about: which services live, how much is asked of them, what their stores are.

Most seeds are small, for a fault needs few commands to do its harm and many small worlds see more
than one large one; some have every service, and a few are long.
"""

from dataclasses import dataclass
from random import Random
from typing import Final, Literal

Stores = Literal["memory", "warm", "rocksdb"]

DECIDING: Final = ("issuance", "redemption")
DERIVING: Final = ("settlement", "ledger")
SINKS: Final = ("ledger-sink", "settlement-sink")
LEDGER_OUTBOX: Final = "ledger-outbox"
SETTLEMENT_OUTBOX: Final = "settlement-outbox"
OFFICE: Final = "office"
CLERK: Final = "clerk"
BOOKS: Final = (*DECIDING, *DERIVING)
ROWS: Final = (*BOOKS, *SINKS, LEDGER_OUTBOX, OFFICE)
EVERYTHING: Final = (*ROWS, SETTLEMENT_OUTBOX, CLERK)


@dataclass(frozen=True, slots=True)
class Scene:
    """`crowd`: every worker has a rival in its group from the beginning."""

    name: str
    roles: tuple[str, ...]
    commands: int
    cards: int = 2
    partitions: int = 2
    stores: Stores = "memory"
    crowd: bool = False

    @property
    def has_database(self) -> bool:
        """Are there sinks, an outbox and an office?"""
        return OFFICE in self.roles

    @property
    def has_runs(self) -> bool:
        """Does settlement pay?"""
        return CLERK in self.roles


# Of a thousand seeds: how many play this, and between which lengths their histories are.
DRAWN: Final[tuple[tuple[str, int, tuple[str, ...], int, int], ...]] = (
    ("cards", 640, DECIDING, 8, 16),
    ("books", 200, BOOKS, 8, 14),
    ("rows", 80, ROWS, 8, 14),
    ("runs", 70, EVERYTHING, 14, 22),
    ("long", 10, EVERYTHING, 50, 50),
)
ROCKS_OF_A_THOUSAND: Final = 4


def scene_of(seed: int) -> Scene:
    """The scene of a seed."""
    chance = Random(f"{seed}/scene")
    weights = [weight for _, weight, _, _, _ in DRAWN]
    name, _, roles, least, most = chance.choices(DRAWN, weights)[0]
    stores: Stores = "warm" if chance.random() < 0.5 else "memory"
    if name == "cards" and chance.randrange(1000) < ROCKS_OF_A_THOUSAND:
        stores = "rocksdb"
    return Scene(
        name,
        roles,
        commands=chance.randrange(least, most + 1),
        cards=4 if name == "long" else chance.choice((1, 2, 2, 3)),
        partitions=3 if name == "long" else chance.choice((1, 2, 2, 3)),
        stores=stores,
        crowd=chance.random() < 0.3,
    )
