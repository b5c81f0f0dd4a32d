"""Runs on PostgreSQL and on its stand-in alike: what is claimed, moved, carried."""

import pytest

from services.settlement import tables
from services.settlement.nacha.file import parse
from services.settlement.nacha.validator import problems_of_text
from services.settlement.runs import RunRefusedError
from tests.integration.settlement.network import (
    AUGUST,
    MAY_12,
    MAY_13,
    MAY_19,
    MAY_26,
    Network,
    back,
    network_policy,
    states,
    use,
)


def test_a_run_nets_many_obligations_into_one_entry_a_location(net: Network) -> None:
    net.accrue(
        use("A", "B", 1200, "r1"),
        use("B", "C", 3000, "r2"),
        use("C", "A", 500, "r3"),
        use("A", "C", 750, "r4"),
    )
    assert net.run("run1", MAY_12) == "transmitted"
    run = net.runs()["run1"]
    assert run["positions"] == {"A": -1450, "B": -1800, "C": 3250}
    assert run["carried"] == {}
    assert [(e["location"], e["direction"], e["amount"], e["code"]) for e in run["entries"]] == [
        ("A", "debit", 1450, "27"),
        ("B", "debit", 1800, "27"),
        ("C", "credit", 3250, "22"),
    ]
    (file,) = net.files()
    assert run["files"] == [file["name"]] == ["run1.ach"]
    assert problems_of_text(file["content"]) == ()
    control = parse(file["content"]).control
    assert (control.debit_minor, control.credit_minor) == (3250, 3250)
    assert states(net) == ["in_file"] * 4


def test_the_clock_settles_a_run_and_closes_it_after_the_return_window(net: Network) -> None:
    net.accrue(use("A", "B", 1200, "r1"))
    net.run("run1", MAY_12)
    net.pass_time("2026-05-12T23:59:59-04:00")
    assert net.runs()["run1"]["state"] == "transmitted"
    net.pass_time(MAY_13)
    assert net.runs()["run1"]["state"] == "settled"
    assert states(net) == ["settled"]
    (settled,) = net.told("run_settled.v1")
    assert settled["final"] is True
    assert settled["moved"] == [
        {"entity": "EA", "location": "A", "minor": -1200},
        {"entity": "EB", "location": "B", "minor": 1200},
    ]
    net.pass_time("2026-05-15T23:59:59-04:00")
    assert net.runs()["run1"]["state"] == "settled"
    net.pass_time("2026-05-16T00:00:00-04:00")
    assert net.runs()["run1"]["state"] == "closed"
    assert {e["state"] for e in net.runs()["run1"]["entries"]} == {"final"}


def test_a_refund_before_settlement_voids_both_and_nothing_moves(net: Network) -> None:
    net.accrue(use("A", "B", 1200, "r1"))
    net.accrue(back("A", "B", 1200, "r1"))
    assert states(net) == ["voided", "voided"]
    assert net.run("run1", MAY_12) == "closed"
    assert net.files() == []
    assert [row.type for row in net.outbox()] == ["run_approved.v1", "run_closed.v1"]


def test_a_refund_after_settlement_is_netted_in_the_next_run(net: Network) -> None:
    net.accrue(use("A", "B", 1200, "r1"))
    net.run("run1", MAY_12)
    net.accrue(back("A", "B", 1200, "r1"), use("A", "B", 2000, "r2"))
    assert states(net) == ["accrued", "accrued", "in_file"]
    net.pass_time(MAY_19)
    net.run("run2", MAY_19)
    assert net.runs()["run1"]["positions"] == {"A": -1200, "B": 1200}
    assert net.runs()["run2"]["positions"] == {"A": -800, "B": 800}


def test_a_partly_refunded_use_stays_and_nets_until_the_rest_voids_all(net: Network) -> None:
    net.accrue(use("A", "B", 1000, "r1"))
    net.accrue(back("A", "B", 400, "r1", drawn=1000))
    assert states(net) == ["accrued", "accrued"]
    net.accrue(back("A", "B", 600, "r1", drawn=1000, before=400, number=2))
    assert states(net) == ["voided"] * 3


def test_a_location_that_cannot_settle_holds_its_items_back_on_both_sides(net: Network) -> None:
    net.policy = network_policy(minimum_minor=1)
    with net.engine.begin() as connection:
        connection.execute(
            tables.bank_account.update()
            .where(tables.bank_account.c.account == "acct-c")
            .values(state="blocked")
        )
    net.accrue(use("A", "B", 1200, "r1"), use("C", "A", 500, "r2"))
    net.run("run1", MAY_12)
    run = net.runs()["run1"]
    held = next(item for item in net.items() if item["from"] == "C")
    assert run["positions"] == {"A": -1200, "B": 1200}
    assert (run["held"], held["state"], held["run"]) == ([held["id"]], "accrued", None)
    net.open_accounts(["C"])
    with net.engine.begin() as connection:
        connection.execute(tables.bank_account.update().values(state="active"))
    net.run("run2", MAY_19)
    assert net.runs()["run2"]["positions"] == {"A": 500, "C": -500}


def test_what_is_below_the_minimum_is_carried_until_it_is_worth_an_entry(net: Network) -> None:
    amounts = [("run1", MAY_12, 50), ("run2", MAY_19, 49), ("run3", MAY_26, 1)]
    for name, at, minor in amounts:
        net.accrue(use("A", "B", minor, name))
        net.pass_time(at)
        net.run(name, at)
    runs = net.runs()
    assert [(r["state"], r["carried"]) for r in runs.values()] == [
        ("closed", {"A": -50, "B": 50}),
        ("closed", {"A": -99, "B": 99}),
        ("transmitted", {}),
    ]
    assert runs["run1"]["positions"] == {"A": 0, "B": 0}
    assert runs["run3"]["positions"] == {"A": -100, "B": 100}
    (closed, _) = net.told("run_closed.v1")
    assert closed["moved_nothing"] is True
    assert closed["obligations"] == [{"debtor": "EA", "creditor": "EB", "minor": 50}]
    assert closed["positions"][0] == {
        "location": "A", "entity": "EA", "before": 0, "net": -50, "moved": 0, "carried": -50,
    }  # fmt: skip


def test_the_parent_balances_what_only_one_side_moves(net: Network) -> None:
    net.accrue(use("A", "B", 150, "r1"), use("A", "C", 60, "r2"))
    net.run("run1", MAY_12)
    run = net.runs()["run1"]
    assert run["positions"] == {"A": -210, "B": 150, "C": 0}
    assert run["carried"] == {"C": 60}
    assert [(e["location"], e["direction"], e["amount"]) for e in run["entries"]] == [
        ("A", "debit", 210),
        ("B", "credit", 150),
        ("HQ", "credit", 60),
    ]
    net.pass_time(MAY_13)
    (settled,) = net.told("run_settled.v1")
    assert settled["moved"][-1] == {"entity": "HQ", "location": "HQ", "minor": 60}


def test_items_within_one_entity_move_money_but_no_obligation(net: Network) -> None:
    net.accrue(use("A", "A2", 900, "r1"))
    net.run("run1", MAY_12)
    assert net.runs()["run1"]["positions"] == {"A": -900, "A2": 900}
    assert net.told("file_built.v1")[0]["obligations"] == []


def test_unreconciled_items_are_in_no_run(net: Network) -> None:
    net.policy = network_policy(mode="percentage")
    net.accrue(use("A", "B", 900, "r1", category="spa"))
    assert net.run("run1", MAY_12) == "closed"
    assert states(net) == ["accrued"]
    assert net.told("run_closed.v1")[0]["items"] == []


def test_a_dry_run_lists_positions_and_claims_nothing(net: Network) -> None:
    net.accrue(use("A", "B", 900, "r1"))
    assert net.run("look", MAY_12, dry=True) == "dry"
    run = net.runs()["look"]
    assert (run["positions"], run["entries"], run["files"]) == ({"A": -900, "B": 900}, [], [])
    assert (states(net), net.outbox()) == (["accrued"], [])
    net.run("run1", MAY_12)
    assert net.runs()["run1"]["positions"] == {"A": -900, "B": 900}


def test_a_run_that_is_repeated_changes_nothing(net: Network) -> None:
    net.accrue(use("A", "B", 900, "r1"))
    net.run("run1", MAY_12)
    before = (net.runs(), net.files(), net.outbox())
    net.accrue(use("A", "B", 5000, "r2"))
    net.run("run1", "2026-05-12T13:00:00-04:00")
    assert (net.runs(), net.files(), net.outbox()) == before
    with pytest.raises(RunRefusedError, match="another operation"):
        net.run("run1", MAY_12, dry=True)


@pytest.mark.parametrize("name", ["2026:w18", "2026+w18", "r" * 101, "../run1"])
@pytest.mark.parametrize("dry", [False, True])
def test_a_run_whose_file_could_not_bear_its_name_claims_nothing(
    net: Network, name: str, dry: bool
) -> None:
    net.accrue(use("A", "B", 900, "r1"))
    with pytest.raises(RunRefusedError, match=r"allowed: 1 to 100 of"):
        net.run(name, MAY_12, dry=dry)
    assert net.run("r" * 100, MAY_12) == "transmitted"


def test_credits_wait_for_the_debits_return_window_if_policy_says_so(net: Network) -> None:
    net.policy = network_policy(credit_release="after_return_window")
    net.accrue(use("A", "B", 1200, "r1"))
    net.run("run1", MAY_12)
    net.pass_time(MAY_13)
    run = net.runs()["run1"]
    assert (run["state"], run["files"]) == ("transmitted", ["run1-debits.ach"])
    assert [e["state"] for e in run["entries"] if e["location"] == "B"] == ["planned"]
    net.pass_time("2026-05-17T00:00:00-04:00")
    assert net.runs()["run1"]["files"] == ["run1-debits.ach", "run1-credits.ach"]
    assert states(net) == ["in_file"]
    net.pass_time(AUGUST)
    assert net.runs()["run1"]["state"] == "closed"
    assert [b["positions"] == [] for b in net.told("file_built.v1")] == [False, True]
    assert [s["final"] for s in net.told("run_settled.v1")] == [False, True]
    assert [problems_of_text(f["content"]) for f in net.files()] == [(), ()]
