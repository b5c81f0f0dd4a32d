"""A bound read from a row's bytes is never later than what the row itself says."""

import operator
from collections.abc import Iterator
from random import Random
from types import ModuleType
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.topics import ISSUANCE_MEMORY, REDEMPTION_BALANCES, REDEMPTION_MEMORY
from services.issuance import card
from services.redemption import balance
from services.runtime.bounds import Bounds
from services.runtime.rowcodec import CoreRows
from tests.property.redemption_history import History, open_network
from tests.property.test_issuance import STEPS, play

DUE = ("ends_at", "expires_at", "return_due")
# Names that are wanted, that end or begin like them; a text that says such a name is not one.
NAMES = st.sampled_from([*DUE, "at", "_at", "sold_at", "friends_at", "ends_at2", "overdue"])
NUMBERS = st.integers(-(10**14), 10**14) | st.integers(10**12, 10**13 - 1)
INSTANTS = st.dictionaries(NAMES, st.none() | NUMBERS, max_size=5)
TEXTS = st.sampled_from(['"ends_at":5,', '{"at":1}', "ends_at"])
ROWS = st.recursive(
    INSTANTS,
    lambda inner: (
        st.dictionaries(
            st.sampled_from(["lots", "holds", "x_"]), inner | st.lists(inner, max_size=3) | TEXTS
        )
        | st.builds(operator.or_, INSTANTS, st.fixed_dictionaries({"lots": st.lists(inner)}))
    ),
    max_leaves=8,
)
DRAW = ["promo", "soonest_expiring", "oldest"]


def bound(core: ModuleType, codec: CoreRows, rows: dict[str, Any]) -> tuple[int, int]:
    """Check every row; how many have a due, and how many are forgotten one day."""
    bounds = Bounds(core, codec)
    dues = forgettings = 0
    for key, row in rows.items():
        value = codec.write(key, row)
        exact = min((due.at for due in core.dues(key, row)), default=None)
        assert [due.at for due in bounds.exactly_due(key, bounds.read(key, value))] == [
            due.at for due in core.dues(key, row)
        ]
        until = core.forgotten_at(key, row)
        assert bounds.exactly_forgotten(key, value) == until
        if exact is not None:
            first = bounds.of(key, value)[0]
            assert first is not None
            assert first <= exact
            dues += 1
        if until is not None:
            first = bounds.of(key, value)[1]
            assert first is not None
            assert first <= until
            forgettings += 1
    return dues, forgettings


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_of_accounts_holds_and_captures(seed: int) -> None:
    codec = CoreRows(balance.ROWS, REDEMPTION_MEMORY, REDEMPTION_BALANCES)
    scenario = open_network("honour_if_available", DRAW)
    history = History(scenario, Random(seed))
    assert bound(balance, codec, scenario.rows)[0] > 0
    for _ in range(6):
        for _ in range(10):
            history.step()
        bound(balance, codec, scenario.rows)


def numbers(row: Any, names: tuple[str, ...]) -> Iterator[int]:
    """Every number that has one of these names, however deep."""
    items = row.items() if isinstance(row, dict) else enumerate(row)
    for name, value in items:
        if isinstance(value, dict | list):
            yield from numbers(value, names)
        elif value is not None and name in names:
            yield value


@settings(max_examples=200, deadline=None)
@given(row=ROWS)
def test_it_is_the_least_number_of_those_names_and_of_no_other(row: dict[str, Any]) -> None:
    core = ModuleType("core")
    vars(core)["DUE_FROM"] = {"": DUE, "one": DUE[:1], "plain": ("at", "ends_at")}
    vars(core)["FORGOTTEN_FROM"] = {"one": ("at", 7)}
    bounds = Bounds(core, CoreRows({}, REDEMPTION_MEMORY, None))
    value = orjson.dumps(row)
    assert bounds.of("a", value) == (min(numbers(row, DUE), default=None), None)
    until = min(numbers(row, ("at",)), default=None)
    assert bounds.of("a/one/1", value) == (
        min(numbers(row, DUE[:1]), default=None),
        None if until is None else until + 7,
    )
    assert bounds.of("a/plain/1", value)[0] == min(numbers(row, ("at", "ends_at")), default=None)


@pytest.mark.parametrize("value", [b'{"ends_at":"soon"}', b'{"ends_at":[1]}', b'{"ends_at":1.5}'])
def test_what_is_no_instant_is_not_passed_over(value: bytes) -> None:
    codec = CoreRows(balance.ROWS, REDEMPTION_MEMORY, REDEMPTION_BALANCES)
    with pytest.raises(ValueError, match="invalid literal"):
        Bounds(balance, codec).of("a", value)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_of_cards_and_sales(steps: list[Any]) -> None:
    codec = CoreRows(card.ROWS, ISSUANCE_MEMORY, None)
    rows = play(steps).rows
    dues, _ = bound(card, codec, rows)
    assert dues == sum("/" not in key and row.state == "Activating" for key, row in rows.items())
