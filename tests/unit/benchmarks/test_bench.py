"""The benchmark's own checks can fail: equality, the limit, the slope; and its workload decides."""

import json
from pathlib import Path

import pytest

from schemas.codec import read_fact
from schemas.topics import LEDGER_JOURNALS, REDEMPTION_EVENTS
from tests.benchmarks import hot_path, judging, stores, telling
from tests.benchmarks.books import facts_of, journals_of
from tests.benchmarks.measuring import Sample, at_count, marginal
from tests.benchmarks.outputs import NotEqualError, Outputs, require_equal, require_rows
from tests.benchmarks.picture import Bar, chart

FACT = b'{"id":"%d","balance":{"ledger":%d,"held":0,"available":1}}'
ROW = b'{"ledger":%d,"held":0,"sweeps":%d}'


def outputs(
    facts: int = 4,
    changed: int | None = None,
    lost_reply: bool = False,
    row: int | None = None,
    sweeps: int = 0,
) -> Outputs:
    """What a contender wrote: so many facts on partition 1, one of them other than it should be."""
    made = Outputs()
    for number in range(facts):
        minor = 999 if number == changed else 100 + number
        made.fact(1, b"card", FACT % (number, minor))
        if not (lost_reply and number == facts - 1):
            made.reply(b"pos", b"answer %d" % number)
    made.row(b"card", ROW % (100 + facts - 1 if row is None else row, sweeps))
    return made


def test_equal_outputs_are_found_equal_and_counted() -> None:
    assert require_equal(outputs(), outputs(), "x") == "4 facts, 4 replies, 1 balances"


def test_a_beginning_of_what_we_wrote_is_equal() -> None:
    assert require_equal(outputs(4), outputs(2), "x").startswith("2 facts")


def test_a_changed_amount_is_found_with_its_place() -> None:
    with pytest.raises(NotEqualError, match="fact 3 of partition 1 differs") as found:
        require_equal(outputs(), outputs(changed=2), "x")
    assert found.value.fact == (1, 2)


def test_a_fact_too_many_is_found() -> None:
    with pytest.raises(NotEqualError, match="5 facts on partition 1, not 4"):
        require_equal(outputs(4), outputs(5), "x")


def test_a_lost_and_a_doubled_reply_are_found() -> None:
    with pytest.raises(NotEqualError, match="replies are missing"):
        require_equal(outputs(), outputs(lost_reply=True), "x")
    twice = outputs()
    twice.reply(b"pos", b"answer 1")
    with pytest.raises(NotEqualError, match="less often"):
        require_equal(outputs(), twice, "x")


def test_a_balance_that_its_last_fact_does_not_state_is_found() -> None:
    with pytest.raises(NotEqualError, match="its last fact says"):
        require_rows(outputs(row=7), "x")


def test_a_row_that_says_otherwise_beside_its_balance_is_found() -> None:
    with pytest.raises(NotEqualError, match="the last row of account b'card' differs"):
        require_equal(outputs(), outputs(sweeps=1), "x")


def test_costs_are_the_slope_between_two_lengths() -> None:
    samples = [Sample(t, t * 1_000, 5 + t * 0.04, 1 + t * 0.02, t * 0.5) for t in range(21)]
    seen = marginal(samples, 1_000, 9_000)
    assert (seen.app_us, seen.broker_us, seen.per_second, seen.others) == (40.0, 20.0, 1_000, 0.5)
    with pytest.raises(ValueError, match="outside"):
        at_count(samples, 30_000)


@pytest.mark.parametrize(("us", "fails"), [(114.0, False), (116.0, True), (60.0, False)])
def test_fifteen_per_cent_more_than_committed_fails(us: float, fails: bool) -> None:
    committed = {"loop": judging.figure(100.0, 40.0)}
    assert [j.fails for j in judging.judged({"loop": judging.figure(us, 40.0)}, committed)] == [
        fails
    ]


def test_a_slower_machine_does_not_fail_by_itself() -> None:
    committed = {"loop": judging.figure(100.0, 40.0)}
    found = judging.judged({"loop": judging.figure(200.0, 80.0, 90.0)}, committed)
    assert [j.worse for j in found] == [0.0]


def test_committed_figures_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "committed.json"
    judging.write_committed({"a": judging.figure(1.0, 2.0)}, {"date": "2026-01-01"}, path)
    judging.write_committed({"b": judging.figure(3.0, 4.0)}, {"date": "2026-01-02"}, path)
    assert set(json.loads(path.read_text())["figures"]) == {"a", "b"}
    assert isinstance(judging.read_committed(), dict)


def test_a_missed_target_is_told_as_missed() -> None:
    seen = {"500": {"p50_ms": 20.0, "p99_ms": 91.0, "max_ms": 99.0}}
    line = telling.lines_of({"latency": seen})[0]
    assert line.met is False
    assert "missed" in telling.markdown([line])
    assert "✗" in telling.table([line])


def test_the_picture_has_a_bar_for_everybody() -> None:
    drawn = chart("t", "s", [Bar("a & b", 10, 1.0, 1.0, True), Bar("c", 5, 2.0, 1.0, False)])
    assert drawn.count("<rect") == 1 + 2 + 4
    assert "a &amp; b" in drawn


def test_the_workload_leads_to_facts_refusals_and_balanced_journals() -> None:
    facts = facts_of(400, 50)
    types = [read_fact(REDEMPTION_EVENTS, r.value or b"").type for part in facts for r in part]
    assert {"value_loaded.v1", "hold_placed.v1", "hold_captured.v1", "capture_refunded.v1"} <= set(
        types
    )
    for journal in journals_of(facts[0]):
        lines = read_fact(LEDGER_JOURNALS, journal.value or b"").body.lines
        assert sum(line.debit - line.credit for line in lines) == 0


def test_a_store_of_many_accounts_is_filled_read_and_changed(tmp_path: Path) -> None:
    figures = stores.memory(2_000, tmp_path)
    assert figures["rows"] == 2_000
    assert figures["us_per_read"] > 0
    assert figures["highest_mib"] >= figures["start_mib"]


def test_the_hot_path_is_measured_by_stage() -> None:
    figures = hot_path.measured(200, 2_000, True)
    assert figures["us_per_command"] > 0
    assert {"decide", "evolve", "rows"} <= set(figures["us_by_stage"])
