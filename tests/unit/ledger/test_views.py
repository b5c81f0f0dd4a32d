"""What can be asked of the books and histories, and what is found when they were tampered with."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from sqlalchemy import Connection, Engine, update

from schemas.issuance import CardChanged
from schemas.topics import ISSUANCE_EVENTS, LEDGER_JOURNALS, REDEMPTION_EVENTS
from schemas.value import Balance
from services.ledger import tables, trial, views
from services.ledger.cli import lines_of
from services.ledger.sink import LedgerSink
from services.runtime.sinks import apply_batch
from services.runtime.tables import MEMORY_URL, create_tables, open_tables
from tests.unit.ledger.log import Log, journal_facts, one_life, one_stock

FACTS = journal_facts(6)


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = open_tables(MEMORY_URL)
    create_tables(made, [tables.METADATA])
    yield made
    made.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    for topic, facts in (
        (LEDGER_JOURNALS, FACTS),
        (REDEMPTION_EVENTS, one_life()),
        (ISSUANCE_EVENTS, [replace(fact, subject="card-2") for fact in one_stock()[:2]]),
    ):
        apply_batch(engine, LedgerSink(), Log(topic).append(facts))
    with engine.connect() as opened:
        yield opened


def test_a_statement_says_before_and_after_and_chains_its_lines(connection: Connection) -> None:
    rows = views.history(connection, one_life()[0].subject)
    lines = lines_of(rows)
    assert len(lines) > 3
    assert lines[0]["ledger_before"] == 0
    for before, line in pairwise(lines):
        assert line["ledger_before"] == before["ledger_after"]
        assert line["held_before"] == before["held_after"]
    for number in range(len(rows)):
        changed = [dict(row) for row in rows]
        changed[number]["reason"] = "another"
        hashes = [line["hash"] for line in lines_of(changed)]
        same = [one == line["hash"] for one, line in zip(hashes, lines, strict=True)]
        assert same == [True] * number + [False] * (len(rows) - number)


def test_a_statement_names_who_approved_and_the_case_and_keeps_the_hashes_of_before(
    connection: Connection,
) -> None:
    rows = views.history(connection, one_life()[0].subject)
    before = [
        {name: value for name, value in row.items() if name not in ("approved_by", "case")}
        for row in rows
    ]
    assert lines_of(rows) == lines_of([{**row, "approved_by": "", "case": ""} for row in before])
    last = {**rows[-1], "approved_by": "Ann Lee", "case": "C-7"}
    line = lines_of([*rows[:-1], last])[-1]
    assert (line["approved_by"], line["case"]) == ("Ann Lee", "C-7")
    assert line["hash"] != lines_of(rows)[-1]["hash"]


@pytest.mark.parametrize("stock_first", [True, False])
def test_what_happened_at_one_instant_is_told_cause_first_whoever_was_read_first(
    engine: Engine, stock_first: bool
) -> None:
    life, moment = one_life(), 1_777_600_000_000
    sold = replace(one_stock()[-1], subject=life[0].subject, time=moment)
    back = CardChanged(programme="gift", life=2, state="Blank", where=sold.body.where)
    stock = [sold, replace(sold, id="back", type="card_restocked.v1", body=back)]
    account = [replace(fact, time=moment) for fact in life]
    told = [(ISSUANCE_EVENTS, stock), (REDEMPTION_EVENTS, account)]
    for topic, facts in told if stock_first else told[::-1]:
        apply_batch(engine, LedgerSink(), Log(topic).append(facts))
    with engine.connect() as opened:
        shown = [row["fact"] for row in views.history(opened, life[0].subject)]
    assert shown == [stock[0].id, *(fact.id for fact in account), stock[1].id]


def test_the_books_read_back_are_the_journals_posted(connection: Connection) -> None:
    read = list(views.journals(connection))
    assert [journal for _, journal in read] == [fact.body for fact in FACTS]
    assert list(views.tampered(read)) == []
    expected = trial.trial_balance(fact.body for fact in FACTS)
    assert views.trial_balance(connection) == {"USD": expected}


def test_a_line_changed_in_the_database_is_found(connection: Connection) -> None:
    connection.execute(
        update(tables.journal_line)
        .where(tables.journal_line.c.journal_id == 2, tables.journal_line.c.number == 1)
        .values(location="elsewhere")
    )
    found = list(views.tampered(views.journals(connection)))
    assert [(f.invariant, f.detail) for f in found] == [
        ("journals_unchanged", f"of fact {FACTS[1].body.fact}")
    ]


def test_an_account_and_a_card_in_stock_can_be_shown(connection: Connection) -> None:
    live, stock = views.account(connection, "card-1"), views.account(connection, "card-2")
    assert live is not None
    assert stock is not None
    assert (live["ledger_minor"], live["held_minor"]) == (7_500, 500)
    assert (stock["state"], stock["shipped_to"]) == ("Prepared", "FA")
    assert views.account(connection, "card-3") is None


def test_a_history_reads_like_a_bank_statement(connection: Connection) -> None:
    said = views.history(connection, "card-1")
    after = 0
    for entry in said:
        after += entry["ledger_change"]
        assert entry["ledger_after"] == after
    assert (len(said), after) == (6, 7_500)


def test_a_balance_that_the_facts_do_not_make_is_found(connection: Connection) -> None:
    assert list(views.misstated(connection)) == []
    connection.rollback()  # in memory there is one connection for all
    fact = one_life()[0]
    lying = replace(fact.body, balance=Balance(ledger=1, held=0, available=1))
    lie = replace(fact, id="lie", subject="card-7", body=lying)
    apply_batch(connection.engine, LedgerSink(), Log(REDEMPTION_EVENTS, partition=1).append([lie]))
    assert [f.detail for f in views.misstated(connection)] == [
        "card-7: facts 10000 held 0, stated 1 held 0"
    ]
