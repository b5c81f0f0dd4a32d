"""Facts read back: in the normal case they are compared, after a loss they rebuild the rows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import MetaData, Table, select

from schemas.message import Published
from services.runtime import outbox_table
from services.runtime.outbox_table import OutboxConflictError, Telling, publish
from services.settlement import tables
from services.settlement.sink import ContentConflictError
from tests.integration.settlement.network import (
    JUNE_2,
    MAY_12,
    MAY_19,
    MAY_26,
    Network,
    account,
    as_published,
    back,
    empty,
    states,
    use,
)


def lived(net: Network) -> tuple[list[Published], list[Published]]:
    """A month of runs: settled, returned, carried, voided, waiting. Its items, its run facts."""
    net.accrue(use("A", "B", 3800, "r1"), use("B", "C", 1200, "r2"), use("A", "C", 40, "r3"))
    net.run("run1", MAY_12)
    net.accrue(back("B", "C", 1200, "r2"), use("A", "B", 700, "r4"), back("A", "B", 700, "r4"))
    net.pass_time(MAY_19)
    net.returned(MAY_19, "run1", "A", "R01")
    net.run("run2", MAY_19)
    net.pass_time(MAY_26)
    net.accrue(use("C", "A", 30, "r5"))
    net.run("run3", MAY_26)
    net.pass_time(JUNE_2)
    net.accrue(use("A", "B", 100, "r6"), back("A", "B", 3800, "r1"))
    return net.sunk, as_published(net.outbox())


def shown(net: Network) -> dict[str, Any]:
    """What must come out the same: everything but a file's bytes and how the rows came to be."""
    with net.engine.begin() as connection:
        rows = {
            table.name: sorted(
                [
                    sorted((k, v) for k, v in row.items() if k in _same_columns(table))
                    for row in connection.execute(select(table)).mappings()
                ]
            )
            for table in (tables.carried, tables.owed, tables.run_position)
        }
    files = [{k: v for k, v in f.items() if k != "content"} for f in net.files()]
    return {"items": net.items(), "runs": net.runs(), "files": files, "rows": rows}


def _same_columns(table: Table) -> set[str]:
    return {column.name for column in table.columns}


@pytest.mark.parametrize("items_first", [True, False])
def test_rows_rebuilt_from_the_log_are_those_that_were_lost(
    net: Network, items_first: bool
) -> None:
    items, facts = lived(net)
    before = shown(net)
    assert {"voided", "settled", "accrued"} <= set(states(net))
    empty(net.engine)
    net.open_accounts()
    if items_first:
        net.sink_items(items)
    # Runs have their own partitions: of two of them, either may be read back first.
    for run in sorted({fact.subject for fact in facts}, reverse=True):
        net.sink_run_facts([fact for fact in facts if fact.subject == run])
    if not items_first:
        net.sink_items(items)
    after = shown(net)
    assert after["items"] == before["items"]
    assert after["rows"] == before["rows"]
    assert after["files"] == before["files"]
    assert _without_order(after["runs"]) == _without_order(before["runs"])


def _without_order(runs: dict[str, Any]) -> dict[str, Any]:
    return {name: dict(sorted(run.items())) for name, run in runs.items()}


def test_facts_that_come_back_in_the_normal_case_change_nothing(net: Network) -> None:
    items, facts = lived(net)
    before = (shown(net), net.outbox(), net.exceptions())
    net.sink_run_facts(facts)
    net.sink_items(items)
    assert (shown(net), net.outbox(), net.exceptions()) == before


def test_a_known_fact_with_other_content_stops_the_sink(net: Network) -> None:
    items, facts = lived(net)
    other = replace(facts[0], body=replace(facts[0].body, made_by="mallory"))
    with pytest.raises(ContentConflictError):
        net.sink_run_facts([other])
    changed = replace(items[0], body=replace(items[0].body, amount=1))
    with pytest.raises(ContentConflictError):
        net.sink_items([changed])


def test_a_fact_read_back_twice_with_other_content_stops_the_sink(net: Network) -> None:
    _, facts = lived(net)
    empty(net.engine)
    net.sink_run_facts(facts[:1])
    net.sink_run_facts(facts[:1])
    with pytest.raises(ContentConflictError):
        net.sink_run_facts([replace(facts[0], body=replace(facts[0].body, made_by="mallory"))])


def test_an_operation_run_again_makes_the_same_fact_and_never_another(net: Network) -> None:
    telling = Telling("topic", "run1", "told.v1", 0, "run1", {"a": 1}, {}, 1, 1)
    with net.engine.begin() as connection:
        assert publish(connection, telling) == publish(connection, telling) == 1
        with pytest.raises(OutboxConflictError):
            publish(connection, replace(telling, body={"a": 2}))


def test_account_numbers_are_in_no_table_and_no_fact(net: Network) -> None:
    lived(net)
    numbers = _numbers()
    assert len(numbers) == 5
    found = []
    with net.engine.begin() as connection:
        for declared in (outbox_table.METADATA, tables.METADATA):
            for table in _tables(declared):
                for row in connection.execute(select(table)):
                    text = repr(tuple(row))
                    found += [(table.name, n) for n in numbers if n in text]
    assert found == []


def _tables(declared: MetaData) -> Sequence[Table]:
    return declared.sorted_tables


def _numbers() -> set[str]:
    return {account(f"acct-{name}").number for name in ("a", "b", "c", "a2", "hq")}
