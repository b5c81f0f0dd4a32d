"""A run that cannot go on stops no other, and its operation says how far it came."""

from sqlalchemy import select

from services.runtime.outbox_table import operation
from services.settlement import tables
from tests.integration.settlement.network import (
    AUGUST,
    MAY_12,
    MAY_19,
    Network,
    network_policy,
    use,
)


def test_a_second_file_that_cannot_be_written_stops_no_other_run(net: Network) -> None:
    net.policy = network_policy(credit_release="after_return_window")
    net.accrue(use("A", "B", 1200, "r1"))
    net.run("run1", MAY_12)
    net.accrue(use("A", "C", 1500, "r2"))
    net.run("run2", MAY_12)
    with net.engine.begin() as connection:
        connection.execute(
            tables.bank_account.update()
            .where(tables.bank_account.c.account == "acct-b")
            .values(routing="021000022")
        )
    net.pass_time("2026-05-16T00:00:00-04:00")
    assert {name: run["files"] for name, run in net.runs().items()} == {
        "run1": ["run1-debits.ach"],
        "run2": ["run2-debits.ach", "run2-credits.ach"],
    }
    assert [found["kind"] for found in net.exceptions()] == ["run_stuck"]


def test_an_operation_is_executed_when_its_run_is_filed_or_closed(net: Network) -> None:
    net.accrue(use("A", "B", 1200, "r1"))
    net.run("run1", MAY_12)
    net.run("run2", MAY_19)
    net.pass_time(AUGUST)
    with net.engine.begin() as connection:
        rows = connection.execute(select(operation).order_by(operation.c.id)).mappings().all()
    assert [(row["id"], row["state"]) for row in rows] == [
        ("run1", "executed"),
        ("run2", "executed"),
    ]
    assert [row["executed_at"] for row in rows] == [row["created_at"] for row in rows]
    assert {row["approved_by"] for row in rows} == {"service/settlement-checker"}


def test_the_parent_is_a_side_of_items_like_any_place_and_its_entry_pays(net: Network) -> None:
    net.accrue(use("HQ", "A", 700, "r1"), use("B", "HQ", 40, "r2"))
    net.run("run1", MAY_12)
    run = net.runs()["run1"]
    assert run["positions"] == {"A": 700, "B": 0, "HQ": -660}
    assert run["carried"] == {"B": -40}
    assert [(e["location"], e["direction"], e["amount"]) for e in run["entries"]] == [
        ("A", "credit", 700),
        ("HQ", "debit", 700),
    ]
