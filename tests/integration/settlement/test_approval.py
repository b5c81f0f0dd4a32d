"""Who may do what to a run, and what an approval is worth when something changes after it."""

import pytest
from sqlalchemy import Engine, select

from schemas.terms import Policy
from services.runtime.outbox_table import operation
from services.settlement.delivery.operations import build_first, pin_filing
from services.settlement.directory import block
from services.settlement.operations import carry_out
from services.settlement.runs import (
    RunOrder,
    RunRefusedError,
    approve,
    calculate,
    cancel,
    hand_in,
    start,
)
from tests.integration.settlement.network import (
    MAY_12,
    MAY_19,
    VAULT,
    Network,
    back,
    network_policy,
    states,
    use,
)


def pending(net: Network, name: str = "run1", by: str = "ann") -> str:
    """A run made by ann waits for its approval; its content hash."""
    with net.engine.begin() as connection:
        start(connection, RunOrder(name, by), net.terms(MAY_12))
    with net.engine.begin() as connection:
        calculate(connection, VAULT, name, net.terms(MAY_12))
    with net.engine.begin() as connection:
        return hand_in(connection, name)


def approved(net: Network, content: str, by: str = "bob") -> None:
    """Bob approves it."""
    with net.engine.begin() as connection:
        approve(connection, "run1", by, content, net.terms(MAY_12))


def test_who_made_a_run_may_not_approve_it(net: Network) -> None:
    net.accrue(use("A", "B", 1200, "r1"))
    content = pending(net)
    with pytest.raises(RunRefusedError, match="may not approve"):
        approved(net, content, by="ann")
    approved(net, content)
    assert net.runs()["run1"]["state"] == "approved"
    assert net.told("run_approved.v1")[0]["approved_by"] == "bob"


def test_only_who_has_the_right_settles_and_releases(net: Network) -> None:
    document = network_policy().document
    people = document.model_copy(update={"people": {"ann": ["settle"], "bob": ["release"]}})
    net.policy = Policy(1, 0, people)
    net.accrue(use("A", "B", 1200, "r1"))
    with pytest.raises(RunRefusedError, match="bob may not settle"):
        pending(net, by="bob")
    content = pending(net)
    with pytest.raises(RunRefusedError, match="eve may not release"):
        approved(net, content, by="eve")


def test_an_approval_binds_to_the_content_that_was_seen(net: Network) -> None:
    net.accrue(use("A", "B", 1200, "r1"))
    pending(net)
    with pytest.raises(RunRefusedError, match="has changed since"):
        approved(net, "0" * 64)


def test_a_change_after_the_approval_voids_it_and_files_nothing(net: Network) -> None:
    net.accrue(use("A", "B", 1200, "r1"), use("A", "C", 500, "r2"))
    approved(net, pending(net))
    with net.engine.begin() as connection:
        block(connection, "acct-c@1", revoke=False)
        pin_filing(connection, "run1", net.terms(MAY_12))
    with net.engine.begin() as connection:
        assert build_first(connection, VAULT, "run1", net.terms(MAY_12)) is False
    assert (net.runs()["run1"]["state"], net.files()) == ("calculated", [])
    carry_out(net.desk, RunOrder("run1", "ann"), "bob", net.terms(MAY_12))
    assert net.runs()["run1"]["positions"] == {"A": -1200, "B": 1200}
    assert states(net) == ["accrued", "in_file"]
    assert len(net.told("run_approved.v1")) == 2


def test_a_cancelled_run_gives_its_items_back_and_they_pair(net: Network) -> None:
    net.accrue(use("A", "B", 1200, "r1"), use("A", "C", 500, "r2"))
    pending(net)
    net.accrue(back("A", "B", 1200, "r1"))
    assert states(net) == ["accrued", "assigned", "assigned"]
    with net.engine.begin() as connection:
        cancel(connection, "run1", "ann", "wrong week", net.terms(MAY_12))
    assert states(net) == ["accrued", "voided", "voided"]
    assert net.told("run_cancelled.v1")[0]["reason"] == "wrong week"
    net.run("run2", MAY_19)
    assert net.runs()["run2"]["positions"] == {"A": -500, "C": 500}


def test_a_run_that_is_approved_is_not_cancelled_any_more(net: Network) -> None:
    net.accrue(use("A", "B", 1200, "r1"))
    approved(net, pending(net))
    with (
        pytest.raises(RunRefusedError, match="too late"),
        net.engine.begin() as connection,
    ):
        cancel(connection, "run1", "ann", "late", net.terms(MAY_12))


def test_while_a_run_is_not_filed_no_other_starts(net: Network) -> None:
    net.accrue(use("A", "B", 1200, "r1"))
    pending(net)
    with pytest.raises(RunRefusedError, match="another run"):
        net.run("run2", MAY_12)
    assert _operations(net.engine) == ["run1"]


def _operations(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return list(connection.execute(select(operation.c.id)).scalars())
