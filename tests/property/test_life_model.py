"""The small model of a card's life, explored to its end; the real cores agree in every state.

Each reachable state is reached twice by the real cores: with every sweep in time, and without any,
for correctness never waits for a sweep. Every move is asked of both, allowed or not, and answered
alike; only who cancels an account whose value has just ended may be told to wait for the sweep.
"""

import os
import pickle
from collections import deque
from typing import Any

import pytest

from tests.both import Cards
from tests.property.life_model import Rules, State, held, open_holds
from tests.property.life_moves import Move, moves
from tests.unit.redemption.network import policy

WAITS = ("balance_not_zero",)
LONG = bool(os.environ.get("SCRIP_LONG"))
STEPS_MAX = 99 if LONG else 4
MOVES = list(moves())
VARIANTS = {
    "reusable": Rules(),
    "reusable-exception": Rules(late="honour_with_exception"),
    "reusable-reject-to-stock": Rules(late="reject", to_stock=True),
    "one-time-residual": Rules(one_time=True),
    "one-time-forfeit-exception": Rules(
        one_time=True, forfeit=True, late="honour_with_exception", to_stock=True
    ),
}


def world(rules: Rules) -> Cards:
    """Card `c` in stock under these rules."""
    gift: dict[str, Any] = {
        "validity": {"days": 30},
        "late_capture": rules.late,
        "use": "one_time" if rules.one_time else "reusable",
        "remainder": "forfeit" if rules.forfeit else "residual",
        "returns": {"to": "prepared" if rules.to_stock else "refunded"},
    }
    cards = Cards(policy(gift=gift), "2026-05-01T14:00:00Z")
    cards.prepare("c")
    return cards


class Twice:
    """The real cores, put into any state they have been in."""

    def __init__(self, rules: Rules) -> None:
        self.cards = world(rules)
        self.number = 0

    def kept(self) -> bytes:
        """All they know."""
        cards = self.cards
        return pickle.dumps((cards.live.rows, cards.stock.rows, cards.now))

    def back(self, kept: bytes) -> None:
        """As they were."""
        live, stock = self.cards.live, self.cards.stock
        live.rows, stock.rows, live.now = pickle.loads(kept)  # noqa: S301 -- our own bytes
        stock.now = live.now
        live.facts, stock.facts = [], []
        live.swept, stock.swept = [], []

    def after(
        self, kept: bytes, move: Move, *, sweeps: bool
    ) -> tuple[str | None, bytes, dict[str, Any]]:
        """What they answer to a move, all they know then, and what of it the model knows too."""
        self.back(kept)
        self.number += 1
        reason = move.ask(self.cards, self.number)
        if sweeps:
            self.cards.sweep()
            now = self.kept()
        else:
            now = self.kept()
            self.cards.sweep()
        return reason, now, self.seen()

    def swept(self, kept: bytes) -> bytes:
        """As they are when the sweep has come."""
        self.back(kept)
        self.cards.sweep()
        return self.kept()

    def seen(self) -> dict[str, Any]:
        """What of it the model knows too; all that is due has been swept."""
        state, live = self.cards.state("c"), self.cards.live.rows.get("c")
        stocked = self.cards.stock.rows["c"].state
        captures = {
            key.rpartition("/")[2]: row.minor - row.refunded
            for key, row in self.cards.live.rows.items()
            if "/capture/" in key
        }
        stock = stocked != "Activated"
        return {
            "life": "Voided" if stocked == "Cancelled" else state,
            "value": 0 if live is None or stock else live.ledger,
            "held": 0 if live is None or stock else live.held,
            "holds": [] if live is None else sorted(hold.hold for hold in live.holds),
            "frozen": live is not None and not stock and live.frozen,
            "expired": 0 if live is None else sum(lot.minor for lot in live.expired),
            "credit": self.cards.ledger("c+credit"),
            "captures": captures,
        }


_CAPTURES = {"h1None": "k-h1", "h21": "k-h2p", "h2None": "k-h2"}


def expected(state: State) -> dict[str, Any]:
    """The same of the model."""
    stock = state.life in ("Prepared", "Activating", "Blank", "Voided")
    return {
        "life": state.life,
        "value": state.value,
        "held": held(state),
        "holds": sorted(open_holds(state)),
        "frozen": state.frozen and not stock,
        "expired": state.expired,
        "credit": state.credit + state.residual,
        "captures": {_CAPTURES[name]: left for name, left in state.captures},
    }


def explore(rules: Rules, steps_max: int) -> int:
    """Every state within so many moves; how many there are."""
    cores = Twice(rules)
    start = State()
    ahead: dict[State, tuple[bytes, bytes]] = {start: (cores.kept(), cores.kept())}
    paths: dict[State, list[str]] = {start: []}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        check(state)
        befores = ahead.pop(state)
        if len(paths[state]) >= steps_max:
            continue
        for move in MOVES:
            if not move.allowed(state):
                continue
            reason, after = move.make(state, rules)
            path = [*paths[state], move.name]
            kept = []
            for sweeps, before in zip((True, False), befores, strict=True):
                told, now, seen = cores.after(before, move, sweeps=sweeps)
                if told != reason and told in WAITS and not sweeps:
                    told, now, seen = cores.after(cores.swept(before), move, sweeps=sweeps)
                assert told == reason, f"{path}: {told}, the model says {reason} ({sweeps=})"
                assert seen == expected(after), f"{path} ({sweeps=})"
                kept.append(now)
            if after not in paths:
                ahead[after] = (kept[0], kept[1])
                paths[after] = path
                queue.append(after)
    return len(paths)


def check(state: State) -> None:
    """What is true in every state of the model: the traps it was made to find."""
    assert 0 <= held(state) <= state.value
    if state.life == "Redeemed":
        assert state.value == 0
        assert not open_holds(state)
    if state.life == "Activated":
        assert state.value > 0 or open_holds(state)
    if state.life in ("Expired", "Cancelled", "Refunded", "Blank", "Prepared", "Activating"):
        assert state.value == 0
        assert not open_holds(state)


@pytest.mark.timeout(3_600 if LONG else 120)
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_cores_agree_with_the_model_in_every_reachable_state(variant: str) -> None:
    states = explore(VARIANTS[variant], STEPS_MAX)
    print(f"{variant}: {states} states of at most {STEPS_MAX} moves, {len(MOVES)} moves in each")
    assert states > 50
