"""The model's stages beside its balance: sales, returns, what is done by hand, and time."""

from dataclasses import replace
from typing import Any, Final

from tests.property.life_model import (
    Rules,
    State,
    Step,
    first,
    known,
    not_alive,
    not_spendable,
    open_holds,
    put,
    rested,
)

SOLD: Final = 3


def reserve_sale(state: State, sale: str) -> Step:
    """Prepared → Activating."""
    if state.life != "Prepared" or sale in dict(state.sales):
        return "not_prepared", state
    return None, replace(state, life="Activating", sales=put(state.sales, sale, "open"))


def confirm_sale(state: State, sale: str) -> Step:
    """Activating → Activated, a new life."""
    how = dict(state.sales).get(sale)
    if how in (None, "confirmed"):
        return ("unknown_sale" if how is None else None), state
    if how != "open":
        return "not_prepared", state
    sales = put(state.sales, sale, "confirmed")
    fresh = State(life="Activated", lives=state.lives + 1, sale=sale, value=SOLD)
    kept: dict[str, Any] = {"sales": sales, "returns": state.returns, "holds": state.holds}
    kept |= {"captures": state.captures, "credit": state.credit, "residual": state.residual}
    return None, replace(fresh, **kept)


def cancel_sale(state: State, sale: str) -> Step:
    """An advice; of an unseen sale a tombstone."""
    how = dict(state.sales).get(sale)
    if how == "confirmed":
        return "not_prepared", state
    if how in ("cancelled", "lapsed"):
        return None, state
    life = "Prepared" if how == "open" else state.life
    return None, replace(state, life=life, sales=put(state.sales, sale, "cancelled"))


def reserve_return(state: State, rules: Rules, name: str) -> Step:
    """Activated → Refunding, if nothing but its sale has touched it."""
    if not known(state):
        return "unknown_account", state
    reasons = not_spendable(state, rules)
    if name in dict(state.returns):
        reasons.append("hold_closed")
    if state.old:
        reasons.append("return_window_closed")
    if state.used or open_holds(state) or state.expired:
        reasons.append("not_unused")
    if reasons:
        return first(reasons), state
    return None, replace(state, life="Refunding", returns=put(state.returns, name, "open"))


def confirm_return(state: State, rules: Rules, name: str) -> Step:
    """Refunding → Refunded, or to stock."""
    if not known(state):
        return "unknown_account", state
    how = dict(state.returns).get(name)
    if how != "open":
        ended = {None: "unknown_return", "confirmed": None, "lapsed": "hold_lapsed"}
        return ended.get(how, "hold_closed"), state
    life = "Blank" if rules.to_stock else "Refunded"
    return None, replace(state, life=life, value=0, returns=put(state.returns, name, "confirmed"))


def cancel_return(state: State, name: str) -> Step:
    """An advice; of an unseen return a tombstone."""
    if not known(state):
        return "unknown_account", state
    how = dict(state.returns).get(name)
    if how == "confirmed":
        return "hold_closed", state
    if how in ("cancelled", "lapsed"):
        return None, state
    life = "Activated" if how == "open" else state.life
    return None, replace(state, life=life, returns=put(state.returns, name, "cancelled"))


def freeze(state: State, frozen: bool) -> Step:
    """An overlay on what is live."""
    if not known(state):
        return "unknown_account", state
    reasons = [] if state.life == "Refunding" else not_alive(state)
    return first(reasons), state if reasons else replace(state, frozen=frozen)


def cancel_account(state: State) -> Step:
    """Ends a card at 0 without holds."""
    if not known(state):
        return "unknown_account", state
    reasons = not_alive(state)
    if state.value or open_holds(state):
        reasons.append("balance_not_zero")
    return first(reasons), state if reasons else replace(state, life="Cancelled")


def cancel_card(state: State) -> Step:
    """Prepared → Cancelled, by hand."""
    if state.life != "Prepared":
        return "not_prepared", state
    return None, replace(state, life="Voided")


def restore_card(state: State) -> Step:
    """Cancelled → Prepared, by hand."""
    if state.life != "Voided":
        return "not_cancelled", state
    return None, replace(state, life="Prepared")


def half_an_hour(state: State) -> State:
    """Sales, returns and holds that are open end."""
    life = {"Activating": "Prepared", "Refunding": "Activated"}.get(state.life, state.life)
    holds = tuple(
        (name, ("lapsed", minor) if how == "open" else (how, minor))
        for name, (how, minor) in state.holds
    )
    sales = tuple((name, "lapsed" if how == "open" else how) for name, how in state.sales)
    returns = tuple((name, "lapsed" if how == "open" else how) for name, how in state.returns)
    return rested(replace(state, life=life, holds=holds, sales=sales, returns=returns))


def a_month(state: State) -> State:
    """And all value ends."""
    after = replace(half_an_hour(state), old=True, residual=0)
    if after.life == "Activated" and after.value:
        return replace(after, life="Expired", value=0, expired=after.value)
    return after
