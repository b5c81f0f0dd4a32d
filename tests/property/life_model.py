"""A small model of a card's life, operations and balance, written from domain.md alone.

A card of 3 is sold in two phases (sales s1, s2), held twice (h1 of 1, h2 of 2), captured in whole
or in part, refunded by 1, loaded by 1, returned (b1), frozen, expired and extended. Time passes by
half an hour (sales, returns and holds end) or, once in a life, by a month (all value ends).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from schemas.refusals import PRECEDENCE, Reason

AMOUNTS: Final = {"h1": 1, "h2": 2}
STOCK: Final = ("Prepared", "Activating", "Blank", "Voided")
Pairs = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Rules:
    """What policy says of the card's programme."""

    one_time: bool = False
    forfeit: bool = False
    late: str = "honour_if_available"
    to_stock: bool = False


@dataclass(frozen=True)
class State:
    """All that counts; `Voided` is a card of stock that was cancelled by hand.

    `credit` and `residual` are store credit of the card: from refunds, and a one-time card's rest
    (which ends when the card would have). `sales`, `returns`: how each ended; `holds`: {hold:
    (open|released|lapsed|captured, minor)}; `captures`: what of each has not come back; `expired`
    may be given back; `lives`: how often the card was sold, `sale` the one that made it live.
    """

    life: str = "Prepared"
    lives: int = 0
    sale: str = ""
    value: int = 0
    frozen: bool = False
    used: bool = False
    old: bool = False
    loaded: bool = False
    expired: int = 0
    credit: int = 0
    residual: int = 0
    sales: Pairs = ()
    returns: Pairs = ()
    holds: Pairs = ()
    captures: Pairs = ()


Step = tuple[str | None, State]
Step_of = Callable[[State, Rules], Step]


def put(pairs: Pairs, key: str, value: Any) -> Pairs:
    """The pairs with one more, or another."""
    return tuple(sorted({**dict(pairs), key: value}.items()))


def held(state: State) -> int:
    """What open holds reserve."""
    return sum(minor for how, minor in dict(state.holds).values() if how == "open")


def open_holds(state: State) -> list[str]:
    """The holds that are open."""
    return [name for name, (how, _) in state.holds if how == "open"]


def first(reasons: Iterator[str] | list[str]) -> str | None:
    """Of several reasons the first of the contract's list."""
    return min(reasons, key=lambda name: PRECEDENCE[Reason(name)], default=None)


def known(state: State) -> bool:
    """Has the card ever been live?"""
    return state.lives > 0


def not_alive(state: State) -> list[str]:
    """Against what is on its way back, was returned, or was cancelled."""
    if state.life in ("Refunding", "Refunded", *STOCK):
        return ["not_active"]
    return ["account_cancelled"] if state.life == "Cancelled" else []


def not_usable(state: State, rules: Rules) -> list[str]:
    """Against value coming in by choice."""
    reasons = not_alive(state)
    if state.life == "Expired":
        reasons.append("account_expired")
    if state.life == "Redeemed" and rules.one_time:
        reasons.append("already_used")
    return reasons


def not_spendable(state: State, rules: Rules) -> list[str]:
    """Against anything new going out."""
    return [*not_usable(state, rules), *(["account_frozen"] if state.frozen else [])]


def rested(state: State) -> State:
    """A card at 0 without a hold is Redeemed, whatever took it there."""
    if state.life not in ("Activated", "Redeemed"):
        return state
    live = state.value > 0 or bool(open_holds(state))
    return replace(state, life="Activated" if live else "Redeemed")


def place_hold(state: State, rules: Rules, hold: str) -> Step:
    """Reserve."""
    if not known(state):
        return "unknown_account", state
    reasons = not_spendable(state, rules)
    if rules.one_time and open_holds(state):
        reasons.append("hold_already_open")
    if hold in dict(state.holds):
        reasons.append("hold_closed")
    if state.value - held(state) < AMOUNTS[hold]:
        reasons.append("insufficient_funds")
    if reasons:
        return first(reasons), state
    return None, replace(state, holds=put(state.holds, hold, ("open", AMOUNTS[hold])))


def release_hold(state: State, hold: str) -> Step:
    """An advice; of an unseen hold a tombstone."""
    if not known(state):
        return "unknown_account", state
    how, minor = dict(state.holds).get(hold, ("unseen", 0))
    if how == "captured":
        return "hold_closed", state
    if how in ("released", "lapsed"):
        return None, state
    return None, rested(replace(state, holds=put(state.holds, hold, ("released", minor))))


def capture_hold(state: State, rules: Rules, hold: str, part: int | None) -> Step:
    """Spend all of a hold, or `part` of it and leave it open."""
    if not known(state):
        return "unknown_account", state
    how, left = dict(state.holds).get(hold, ("unseen", 0))
    if how == "unseen":
        return "unknown_hold", state
    if how in ("released", "captured"):
        return first([*not_alive(state), "hold_closed"]), state
    wanted = left if part is None else part
    reasons = ["amount_exceeds_hold"] if wanted > left else []
    if wanted == 0:
        reasons.append("amount_not_positive")
    taken = wanted
    if how == "lapsed":
        taken, late = _late(state, rules, wanted)
        reasons += late
    if reasons:
        return first(reasons), state
    final = part is None or rules.one_time
    ended = ("captured", 0) if final else (how, left - wanted)
    after = replace(
        state,
        value=state.value - taken,
        used=state.used or taken > 0,
        holds=put(state.holds, hold, ended),
        captures=put(state.captures, f"{hold}{part}", taken) if taken else state.captures,
    )
    if rules.one_time and taken and not open_holds(after):
        rest = 0 if rules.forfeit else after.value
        return None, replace(after, life="Redeemed", value=0, residual=after.residual + rest)
    return None, rested(after)


def _late(state: State, rules: Rules, wanted: int) -> tuple[int, list[str]]:
    """The goods have left the shop: what is taken anew, and the reasons against it."""
    reasons = not_alive(state) + (["account_frozen"] if state.frozen else [])
    spent = rules.one_time and (open_holds(state) or state.life == "Redeemed")
    taken = 0 if spent else min(wanted, state.value - held(state))
    if rules.late == "reject" or (rules.late == "honour_if_available" and taken < wanted):
        reasons.append("hold_lapsed")
        if rules.one_time and state.life == "Redeemed":
            reasons.append("already_used")
    return taken, reasons


def refund(state: State, capture: str) -> Step:
    """1 of a capture comes back; onto an expired or cancelled card as store credit."""
    if not known(state):
        return "unknown_account", state
    left = dict(state.captures).get(capture)
    if left is None:
        return "unknown_capture", state
    if left < 1:
        return "amount_exceeds_capture", state
    after = replace(state, captures=put(state.captures, capture, left - 1))
    if state.life in ("Expired", "Cancelled"):
        return None, replace(after, credit=state.credit + 1)
    return None, rested(replace(after, value=state.value + 1))


def load(state: State, rules: Rules) -> Step:
    """1 more."""
    if not known(state):
        return "unknown_account", state
    reasons = not_usable(state, rules)
    if reasons:
        return first(reasons), state
    return None, rested(replace(state, value=state.value + 1, used=True, loaded=True))


def extend(state: State, rules: Rules) -> Step:
    """What expired is given back; a card that is used up for good has nothing to come."""
    if not known(state):
        return "unknown_account", state
    reasons = not_alive(state)
    if state.life == "Redeemed" and rules.one_time:
        reasons.append("already_used")
    if reasons or not state.expired:
        return first(reasons), state
    back = replace(state, value=state.value + state.expired, expired=0, used=True)
    return None, replace(back, life="Activated")
