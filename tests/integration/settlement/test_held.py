"""What no run can take: items of another entity than their location's now, or in another currency.

Nothing of it is lost: it waits, is listed with its reason, and goes once it can.
"""

from typing import Any

import pytest
from sqlalchemy import select

from schemas.terms import Policy
from services.settlement import tables
from services.settlement.delivery.operations import build_first, pin_filing
from services.settlement.operations import SYSTEM
from services.settlement.runs import RunOrder, approve, calculate, hand_in, locked, start
from tests.integration.settlement.network import (
    AUGUST,
    JUNE_2,
    MAY_12,
    MAY_19,
    MAY_26,
    VAULT,
    Network,
    network_policy,
    use,
)


def changed(policy: Policy, at: str, value: object) -> Policy:
    """A later version in which the key at that path is another."""
    document: Any = policy.document.model_dump(by_alias=True)
    *path, last = at.split(".")
    found = document
    for key in path:
        found = found[key]
    found[last] = value
    later = type(policy.document).model_validate(document)
    return Policy(policy.version + 1, 0, later)


def said(net: Network) -> list[str]:
    """What the exceptions list says of what is held, sorted."""
    return sorted(row["detail"]["said"] for row in net.exceptions())


def approved(net: Network, name: str) -> None:
    """Bring a run to its approval."""
    terms = net.terms(MAY_12)
    with net.engine.begin() as connection:
        start(connection, RunOrder(name, SYSTEM.maker), terms)
        calculate(connection, VAULT, name, terms)
        hand_in(connection, name)
        content = str(locked(connection, name)["content"])
        approve(connection, name, SYSTEM.checker, content, terms)


def test_a_location_that_changes_hands_under_a_run_takes_its_items_out_of_it(net: Network) -> None:
    net.accrue(use("A", "B", 1200, "r1"), use("C", "B", 700, "r2"))
    approved(net, "run1")
    net.policy = changed(net.policy, "locations.A.entity", "EC")
    with net.engine.begin() as connection:
        pin_filing(connection, "run1", net.terms(MAY_12))
        assert not build_first(connection, VAULT, "run1", net.terms(MAY_12))
    assert net.run("run1", MAY_12) == "transmitted"
    run = net.runs()["run1"]
    held = next(item for item in net.items() if item["from"] == "A")
    assert run["positions"] == {"B": 700, "C": -700}
    assert (run["held"], held["state"], held["run"]) == ([held["id"]], "accrued", None)
    assert run["held_reasons"] == {"location_of_another_entity": 1}
    assert said(net) == ["held: 1 of EA's items; A is EC's now"]
    net.policy = changed(net.policy, "locations.A.entity", "EA")
    net.pass_time(MAY_19)
    net.run("run2", MAY_19)
    assert net.runs()["run2"]["positions"] == {"A": -1200, "B": 1200}


def test_what_is_carried_stays_with_the_entity_when_the_location_changes_hands(
    net: Network,
) -> None:
    first = net.policy
    net.accrue(use("A", "B", 60, "r1"))
    net.run("run1", MAY_12)
    net.policy = changed(first, "locations.A.entity", "EC")
    net.accrue(use("C", "B", 60, "r2"))
    net.run("run2", MAY_19)
    run = net.runs()["run2"]
    assert run["positions"] == {"B": 120, "C": 0}
    assert run["carried"] == {"C": -60}
    assert said(net) == ["held: -0.60 USD that EA carries; A is EC's now"]
    with net.engine.begin() as connection:
        rows = connection.execute(select(tables.carried).where(tables.carried.c.amount != 0))
        assert {(r.location, r.entity): r.amount for r in rows} == {
            ("A", "EA"): -60,
            ("C", "EC"): -60,
        }
    net.policy = first
    net.accrue(use("A", "B", 40, "r3"))
    net.pass_time(MAY_26)
    net.run("run3", MAY_26)
    assert net.runs()["run3"]["positions"] == {"A": -100, "B": 0, "C": 0}


def test_a_returned_entry_is_not_presented_to_the_next_owner_of_its_location(net: Network) -> None:
    first = net.policy
    net.accrue(use("A", "B", 1200, "r1"))
    net.run("run1", MAY_12)
    net.pass_time("2026-05-13T12:00:00-04:00")
    net.returned("2026-05-14T12:00:00-04:00", "run1", "A", "R01")
    net.policy = changed(first, "locations.A.entity", "EC")
    net.pass_time(MAY_19)
    assert net.run("run2", MAY_19) == "closed"
    assert net.runs()["run2"]["entries"] == []
    assert said(net) == ["held: a debit of 12.00 USD that came back, EA's; A is EC's now"]
    net.policy = first
    net.run("run3", MAY_26)
    again = next(e for e in net.runs()["run3"]["entries"] if e["location"] == "A")
    assert (again["direction"], again["amount"], again["attempt"]) == ("debit", 1200, 1)


@pytest.mark.parametrize("release", ["with_debits", "after_return_window"])
def test_a_network_of_another_currency_makes_no_bank_file(net: Network, release: str) -> None:
    net.policy = network_policy(credit_release=release)
    net.accrue(use("A", "B", 40, "r1"))
    net.run("run1", MAY_12)
    net.policy = changed(net.policy, "network.currency", "JPY")
    yen = use("A", "B", 30_000, "r2")
    yen.body.currency = "JPY"
    net.accrue(yen, use("A", "C", 5000, "r3"))
    assert net.run("run2", MAY_19) == "closed"
    run = net.runs()["run2"]
    assert (run["currency"], run["positions"], run["entries"]) == ("JPY", {}, [])
    assert run["held_reasons"] == {"not_the_currency_of_bank_files": 2}
    assert net.files() == []
    assert said(net) == [
        f"held: 1 of the items in {currency}; bank files are in USD" for currency in ("JPY", "USD")
    ]


def test_what_a_network_carried_in_another_currency_stays_carried(net: Network) -> None:
    dollars = net.policy
    net.accrue(use("A", "B", 40, "r1"))
    net.run("run1", MAY_12)
    with net.engine.begin() as connection:
        for table in (tables.carried, tables.run):
            connection.execute(table.update().values(currency="JPY"))
        connection.execute(tables.carried.update().values(amount=tables.carried.c.amount * 1000))
    net.policy = changed(dollars, "network.currency", "JPY")
    assert net.run("run2", JUNE_2) == "closed"
    assert net.runs()["run2"]["positions"] == {"A": 0, "B": 0}
    assert net.runs()["run2"]["carried"] == {"A": -40_000, "B": 40_000}
    net.pass_time(AUGUST)
    assert net.files() == []
