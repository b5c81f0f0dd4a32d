"""Every command in every state with every fate of its batch: what is to be hit, and worlds for it.

A pair of command and state has worlds of its own: cards are brought into the state, the command is
sent for each of them, and while it is in a batch the fates that are still wanted befall it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from tests.simulation.channels import Delivery, command, policy
from tests.simulation.faults import (
    DROP,
    FREEZE,
    KILL,
    KILL_AFTER,
    LABELS,
    UNKNOWN_IN,
    UNKNOWN_OUT,
    Deed,
    Faults,
)
from tests.simulation.mixture import OF_STOCK
from tests.simulation.network import DAY, MINUTE, SECOND, START
from tests.simulation.scenes import DECIDING, Scene
from tests.simulation.simulation import Outcome, play
from tests.simulation.workload import Workload

Pair = tuple[str, str]
CARDS: Final = 5
TRIES_MAX: Final = 6
SCENE: Final = Scene("cells", DECIDING, commands=0, cards=CARDS, partitions=1, stores="warm")
WAIT: Final = "wait"
# How a card comes into a state (the policy's version says what becomes of returned ones).
LIVE: Final[dict[str, tuple[int, tuple[str, ...]]]] = {
    "Activated": (1, ("sell_card",)),
    "frozen": (1, ("sell_card", "freeze_account")),
    "Refunding": (1, ("sell_card", "reserve_return")),
    "Refunded": (2, ("sell_card", "reserve_return", "confirm_return")),
    "Blank": (1, ("sell_card", "reserve_return", "confirm_return")),
    "Redeemed": (1, ("sell_card", "redeem")),
    "Expired": (1, ("sell_card", WAIT)),
    "Cancelled": (1, ("sell_card", "redeem", "cancel_account")),
    "none": (1, ()),
}
STOCK: Final[dict[str, tuple[int, tuple[str, ...]]]] = {
    "none": (1, ()),
    "Prepared": (1, ("prepare_cards",)),
    "Activating": (1, ("prepare_cards", "reserve_sale")),
    "Activated": (1, ("prepare_cards", "sell_card")),
    "Cancelled": (1, ("prepare_cards", "cancel_card")),
}
OF_ACCOUNTS: Final = (
    *("enquire", "load_value", "place_hold", "increase_hold", "capture_hold", "release_hold"),
    *("redeem", "refund_capture", "reserve_return", "confirm_return", "cancel_return"),
    *("adjust_balance", "freeze_account", "unfreeze_account", "extend_validity", "cash_out"),
    *("expire_credit", "charge_back_sale", "transfer_balance", "cancel_account"),
)
OF_CARDS: Final = tuple(sorted(OF_STOCK - {"enquire_card", "import_cards"}))
# What services tell each other, and what falls due: which command brings it about, and when.
CAUSED: Final[dict[Pair, tuple[str, tuple[str, ...]]]] = {
    ("activate", "none"): ("sell_card", ("prepare_cards",)),
    ("restock", "Activated"): ("confirm_return", ("prepare_cards", "sell_card", "reserve_return")),
    ("lapse_sale", "Activating"): (WAIT, ("prepare_cards", "reserve_sale")),
    ("lapse_hold", "Activated"): (WAIT, ("prepare_cards", "sell_card", "place_hold")),
    ("lapse_hold", "frozen"): (
        WAIT,
        ("prepare_cards", "sell_card", "place_hold", "freeze_account"),
    ),
    ("lapse_return", "Refunding"): (WAIT, ("prepare_cards", "sell_card", "reserve_return")),
    ("expire_lots", "Activated"): (WAIT, ("prepare_cards", "sell_card")),
    ("expire_lots", "frozen"): (WAIT, ("prepare_cards", "sell_card", "freeze_account")),
}
# Value that another card sends, to an account in any state: it is never refused.
RECEIVED: Final = "receive_value"
# A charge back that follows it, to an account that is then still in the state it was in.
FOLLOWED: Final = "follow_charge_back"
FOLLOWED_IN: Final = tuple(state for state in LIVE if state not in ("Redeemed", "Expired"))
STRIKES: Final[dict[str, tuple[str, str]]] = {
    "killed before": ("after_produce", KILL),
    "dropped": ("send_offsets", DROP),
    UNKNOWN_OUT: ("commit", UNKNOWN_OUT),
    "stands still before": ("send_offsets", FREEZE),
    "killed behind": ("commit", KILL_AFTER),
    UNKNOWN_IN: ("commit", UNKNOWN_IN),
    "stands still behind": ("after_commit", FREEZE),
}


def every_pair() -> list[Pair]:
    """Commands of channels in every state of their accounts and cards; others where they occur."""
    accounts = [(type, state) for type in OF_ACCOUNTS for state in LIVE]
    cards = [(type, state) for type in OF_CARDS for state in STOCK]
    moved = [(RECEIVED, state) for state in LIVE] + [(FOLLOWED, state) for state in FOLLOWED_IN]
    return [*accounts, *cards, *CAUSED, *moved]


def every_cell() -> set[tuple[str, str, str]]:
    """Each pair with each fate of its batch."""
    return {(*pair, fate) for pair in every_pair() for fate in LABELS}


class Aimed(Faults):
    """Strikes whatever batch holds the pair, in each of the ways that are still wanted."""

    def __init__(self, chance: Random, pair: Pair, fates: Sequence[str]) -> None:
        super().__init__(chance, rates={})
        self.left = [fate for fate in STRIKES if fate in fates]
        self._pair = pair

    def drawn(self, boundary: str, batch: Sequence[Deed]) -> str | None:
        """The next wanted fate, if this is where it strikes."""
        if self._pair not in batch:
            return None
        for fate in self.left:
            where, fault = STRIKES[fate]
            if where == boundary:
                self.left.remove(fate)
                return fault
        return None


def hit(pair: Pair) -> tuple[list[Outcome], set[str]]:
    """Play worlds for a pair until every fate has befallen it; the fates that never did."""
    left, outcomes = set(LABELS), []
    for number in range(TRIES_MAX):
        seed = f"{pair}/{number}"
        faults = Aimed(Random(seed), pair, sorted(left))
        coming = list(_coming(Random(f"{seed}/coming"), pair))
        outcome = play(number, SCENE, coming, faults, 0, patient=True)
        outcomes.append(outcome)
        left -= {fate for type, state, fate in outcome.cells if (type, state) == pair}
        if not left or outcome.violation is not None:
            break
    return outcomes, left


def _coming(chance: Random, pair: Pair) -> Iterator[Delivery]:
    """The policy, the way of each card, then the command for each, and an enquiry in the end."""
    version, way, event = _way(pair)
    yield policy(version, START, 1)
    workload = Workload(chance, START, SCENE)
    cards = [f"c{number}" for number in range(CARDS)]
    at = START + MINUTE
    for step in way:
        if step == WAIT:
            at += 46 * DAY
            continue
        for card in cards:
            at += SECOND
            yield _told(workload, step, card, at)
    for card in cards:
        at += 46 * DAY if event == WAIT else SECOND
        if event in (RECEIVED, FOLLOWED):
            yield from _sent(workload, card, at, event)
        else:
            yield _told(workload, "enquire" if event == WAIT else event, card, at)
    for card in cards:
        at += MINUTE
        yield _told(workload, "enquire", card, at)


def _sent(workload: Workload, card: str, at: int, event: str) -> Iterator[Delivery]:
    """A card of its own is sold, and sends all it has; its sale may be charged back then."""
    sender = f"{card}-sender"
    for step in ("prepare_cards", "sell_card"):
        yield _told(workload, step, sender, at)
    asked = workload.meant("transfer_balance", sender, at)
    yield command(at, replace(asked, body={**asked.body, "to": card, "reason": "wish"}), asks=True)
    if event == FOLLOWED:
        yield _told(workload, "charge_back_sale", sender, at + 1)


def _way(pair: Pair) -> tuple[int, tuple[str, ...], str]:
    if pair in CAUSED:
        event, way = CAUSED[pair]
        return 1, way, event
    type, state = pair
    if type in OF_CARDS:
        return *STOCK[state], type
    version, way = LIVE[state]
    return version, ("prepare_cards", *way) if way else (), type


def _told(workload: Workload, type: str, card: str, at: int) -> Delivery:
    """The command as a sender means it who knows what it needs."""
    asked = workload.meant(type, card, at)
    return command(at, asked, asks=True)
