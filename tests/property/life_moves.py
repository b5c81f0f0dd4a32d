"""Every move of the small model, as the model makes it and as the real cores are asked to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.both import Cards
from tests.property import life_model as model
from tests.property import life_stages as stages
from tests.property.life_model import AMOUNTS, Rules, State, Step
from tests.unit.redemption.network import usd

FAR = "2036-01-01T00:00:00Z"


@dataclass(frozen=True)
class Move:
    """One thing that may happen: `allowed` says whether the model asks for it in this state."""

    name: str
    make: Callable[[State, Rules], Step]
    command: str | None = None
    data: tuple[tuple[str, Any], ...] = ()
    id: str | None = None
    days: int = 0
    allowed: Callable[[State], bool] = lambda _state: True

    def ask(self, cards: Cards, number: int) -> str | None:
        """Do it with the real cores; the reason if they refuse."""
        if self.command is None:
            cards.later(days=self.days, seconds=31 * 60)
            return None
        id = self.id or f"{self.name}#{number}"
        return cards.do(self.command, "c", id, **dict(self.data)).reason


def moves() -> Iterator[Move]:
    """All of them."""
    yield from _sales()
    for hold in AMOUNTS:
        yield from _of_hold(hold)
    for capture, named in (("h1None", "h1"), ("h21", "h2p"), ("h2None", "h2")):
        data = {"capture": f"k-{named}", "amount": usd(1)}
        yield _move("refund", f"refund {named}", _no_rules(model.refund, capture), **data)
    yield from _returns()
    yield from _by_hand()
    yield Move("half an hour", lambda state, _rules: (None, stages.half_an_hour(state)))
    yield Move(
        "a month",
        lambda state, _rules: (None, stages.a_month(state)),
        days=30,
        allowed=lambda state: state.lives > 0 and not state.old,
    )


_COMMANDS = {"refund": "refund_capture"}


def _no_rules(make: Callable[..., Step], *rest: Any) -> Callable[[State, Rules], Step]:
    return lambda state, _rules: make(state, *rest)


def _rules(make: Callable[..., Step], *rest: Any) -> Callable[[State, Rules], Step]:
    return lambda state, rules: make(state, rules, *rest)


def _move(kind: str, name: str, make: Callable[[State, Rules], Step], **data: Any) -> Move:
    return Move(name, make, _COMMANDS.get(kind, kind), tuple(data.items()))


def _once(name: str, pairs: str) -> Callable[[State], bool]:
    """A command id is decided once; the runner answers it from then on."""

    def allowed(state: State) -> bool:
        ended = dict(getattr(state, pairs)).get(name)
        return ended in (None, "cancelled", ("released", 0))

    return allowed


def _sales() -> Iterator[Move]:
    for sale in ("s1", "s2"):
        yield Move(
            f"reserve {sale}",
            _no_rules(stages.reserve_sale, sale),
            "reserve_sale",
            (("value", usd(stages.SOLD)), ("tender", "cash")),
            sale,
            allowed=_once(sale, "sales"),
        )
        for kind in ("confirm_sale", "cancel_sale"):
            make = _no_rules(getattr(stages, kind), sale)
            yield _move(kind, f"{kind} {sale}", make, sale=sale)


def _of_hold(hold: str) -> Iterator[Move]:
    yield Move(
        f"place {hold}",
        _rules(model.place_hold, hold),
        "place_hold",
        (("amount", usd(AMOUNTS[hold])),),
        hold,
        allowed=_once(hold, "holds"),
    )
    release = _no_rules(model.release_hold, hold)
    yield _move("release_hold", f"release {hold}", release, hold=hold)
    # An id is one capture's: a refused one may be asked for again by another id.
    yield Move(
        f"capture {hold}",
        _rules(model.capture_hold, hold, None),
        "capture_hold",
        (("hold", hold),),
        f"k-{hold}",
        allowed=lambda state: f"{hold}None" not in dict(state.captures),
    )
    if AMOUNTS[hold] > 1:
        yield Move(
            f"capture part of {hold}",
            _rules(model.capture_hold, hold, 1),
            "capture_hold",
            (("hold", hold), ("amount", usd(1)), ("final", False)),
            f"k-{hold}p",
            allowed=lambda state: f"{hold}1" not in dict(state.captures),
        )


def _returns() -> Iterator[Move]:
    yield Move(
        "reserve b1",
        _rules(stages.reserve_return, "b1"),
        "reserve_return",
        (),
        "b1",
        allowed=_once("b1", "returns"),
    )
    back = {"return": "b1"}
    yield _move("confirm_return", "confirm b1", _rules(stages.confirm_return, "b1"), **back)
    yield _move("cancel_return", "cancel b1", _no_rules(stages.cancel_return, "b1"), **back)


def _by_hand() -> Iterator[Move]:
    why = {"reason": "by hand"}
    yield _move("freeze_account", "freeze", _no_rules(stages.freeze, True), **why)
    yield _move("unfreeze_account", "unfreeze", _no_rules(stages.freeze, False), **why)
    yield _move("cancel_account", "cancel account", _no_rules(stages.cancel_account), **why)
    yield _move("cancel_card", "cancel card", _no_rules(stages.cancel_card), **why)
    yield _move("restore_card", "restore card", _no_rules(stages.restore_card), **why)
    yield Move(
        "load",
        _rules(model.load),
        "load_value",
        (("amount", usd(1)), ("origin", "paid"), ("tender", "cash")),
        allowed=lambda state: not state.loaded,
    )
    yield Move(
        "extend",
        _rules(model.extend),
        "extend_validity",
        (("expires_at", FAR), ("approved_by", "eve"), *why.items()),
        allowed=lambda state: state.old,
    )
    yield Move(
        "rekey",
        lambda state, _rules: (
            None,
            replace(state, life="Prepared") if state.life == "Blank" else state,
        ),
        "rekeyed",
        (("last4", "0002"),),
    )
