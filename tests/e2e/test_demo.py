"""`scrip demo` from its first process to its last figure."""

import hashlib

import orjson
import pytest

from deploy.embedded.resolve import Infrastructure
from services.demo.channels import read_day
from services.demo.day import PATH
from tests.e2e.running import scrip_afresh

pytestmark = pytest.mark.timeout(600)


@pytest.mark.takes(60)
def test_the_day_goes_through_with_a_worker_killed_and_everything_holds(
    infra: Infrastructure,
) -> None:
    """On servers that the environment gives, among others that use them too."""
    given = {"SCRIP_KAFKA": infra.bootstrap, "SCRIP_POSTGRES": infra.postgres}
    said = scrip_afresh("demo", "--json", more=given, seconds_max=500)
    assert said.returncode == 0, said.stderr + said.stdout[-2000:]
    found = orjson.loads(said.stdout)
    _everything_is_answered(found)
    _balances_and_books_agree(found)
    _the_run_moves_what_the_items_say(found)
    assert "SIGKILL" in found["killed"]
    assert found["verify"]["holds"]
    assert all(one["checked"] for one in found["verify"]["invariants"])


def _everything_is_answered(found: dict[str, object]) -> None:
    outcomes: dict[str, dict[str, int]] = found["outcomes"]  # type: ignore[assignment]
    assert found["unanswered"] == []
    assert found["published"] == len(read_day(PATH))
    assert sum(sum(kind.values()) for kind in outcomes.values()) == found["published"]
    assert found["deadletters"] == {"unreadable": 48, "unsealed": 16}
    assert outcomes["prepare_cards"]["accepted"] > 20
    refusals: dict[str, int] = found["refusals"]  # type: ignore[assignment]
    for reason in ("insufficient_funds", "unknown_hold", "hold_closed", "wrong_currency"):
        assert refusals[reason] > 5, refusals


def _balances_and_books_agree(found: dict[str, object]) -> None:
    assert found["differing"] == []
    assert int(str(found["accounts"])) > 800
    books: dict[str, dict[str, int]] = found["trial_balance"]  # type: ignore[assignment]
    assert set(books) == {"HQ", "E1", "E2"}
    assert all(sum(accounts.values()) == 0 for accounts in books.values())
    assert all(accounts["2100"] < 0 for accounts in books.values())


def _the_run_moves_what_the_items_say(found: dict[str, object]) -> None:
    run: dict[str, object] = found["run"]  # type: ignore[assignment]
    positions: dict[str, int] = run["positions"]  # type: ignore[assignment]
    owed: dict[str, int] = {}
    pairs: list[dict[str, int]] = found["pairs"]  # type: ignore[assignment]
    for pair in pairs:
        owed[str(pair["from"])] = owed.get(str(pair["from"]), 0) - pair["amount"]
        owed[str(pair["to"])] = owed.get(str(pair["to"]), 0) + pair["amount"]
    assert run["state"] == "transmitted"
    assert positions == {place: minor for place, minor in owed.items() if place in positions}
    assert sum(owed.values()) == 0
    files: list[dict[str, str]] = found["files"]  # type: ignore[assignment]
    (file,) = files
    assert hashlib.sha256(file["content"].encode()).hexdigest() == file["sha256"]
