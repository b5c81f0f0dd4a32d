"""Redemption takes an imported balance back while nothing has touched it, else keeps it."""

import pytest

from tests.scenario import Scenario
from tests.unit.redemption.network import policy

SALE = "import-1"


@pytest.fixture
def imported() -> Scenario:
    scenario = Scenario(policy())
    lot = {
        "lot": "l1", "origin": "import", "location": "F1", "entity": "E1", "programme": "gift",
        "jurisdiction": "US-NY", "cohort": "2025-11", "minor": 4000, "funded": 4000,
        "face_start": 4000, "funded_start": 4000, "sold_at": scenario.now, "life": 1,
    }  # fmt: skip
    scenario.do(
        "activate", "c1", programme="gift", life=1, lots=[lot], tender="import", sale=SALE,
        fixed={"sold_at": scenario.now, "face_minor": 4000}, imported=True,
        place={"location": "F1"},
    )  # fmt: skip
    return scenario


def take_back(scenario: Scenario, sale: str = SALE) -> list[str]:
    return scenario.do("take_back_import", "c1", undo="u1", sale=sale).types


def told(scenario: Scenario) -> dict[str, object]:
    return scenario.left[-1].body


def test_an_unused_import_goes_whole_and_issuance_is_told(imported: Scenario) -> None:
    assert take_back(imported) == ["import_taken_back"]
    view = imported.account("c1")
    assert (view["state"], view["ledger"]) == ("Cancelled", 0)
    assert told(imported) == {"undo": "u1"}
    assert imported.folded() == imported.rows


@pytest.mark.parametrize(
    ("type", "body"),
    [
        ("redeem", {"amount": {"minor": 100, "currency": "USD"}}),
        ("place_hold", {"amount": {"minor": 100, "currency": "USD"}}),
        ("load_value", {"amount": {"minor": 100, "currency": "USD"}, "origin": "paid"}),
        ("adjust_balance", {"minor": 5, "reason": "by hand"}),
    ],
)
def test_an_import_that_anything_has_touched_stays(
    imported: Scenario, type: str, body: dict[str, object]
) -> None:
    imported.do(type, "c1", **body)
    before = imported.account("c1")
    assert take_back(imported) == ["import_kept"]
    assert imported.account("c1") == before
    assert told(imported)["reason"] == "not_unused"


def test_a_frozen_import_stays_for_its_case(imported: Scenario) -> None:
    imported.do("freeze_account", "c1", reason="stolen")
    assert take_back(imported) == ["import_kept"]
    assert told(imported)["reason"] == "account_frozen"


def test_an_import_of_an_earlier_life_is_not_taken_from_a_later_one(imported: Scenario) -> None:
    assert take_back(imported, sale="another") == ["import_kept"]
    assert told(imported)["reason"] == "unknown_sale"


def test_what_was_taken_back_is_not_taken_twice(imported: Scenario) -> None:
    take_back(imported)
    assert take_back(imported) == ["import_kept"]
    assert told(imported)["reason"] == "account_cancelled"
