"""The ledger sink on PostgreSQL: each journal once, whatever is repeated, missing or broken."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, func, select, text

from deploy.migrations.run import upgrade
from schemas.issuance import CardsPrepared
from schemas.topics import ISSUANCE_EVENTS, LEDGER_JOURNALS, REDEMPTION_EVENTS
from services.ledger import tables
from services.ledger.books import JournalConflictError
from services.ledger.sink import LedgerSink
from services.ledger.trial import TrialBalance, trial_balance
from services.runtime.progress import ForkError, GapError, Place, RivalSinkError, move
from services.runtime.progress import Position as SinkPosition
from services.runtime.records import Record
from services.runtime.sinks import apply_batch, position_of
from services.runtime.tables import open_tables
from tests.unit.ledger.log import Log, journal_facts, one_life, one_stock

SINK = LedgerSink()


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    upgrade(database)
    opened = open_tables(database)
    yield opened
    opened.dispose()


def batches(count: int, size: int) -> tuple[list[list[Record]], TrialBalance]:
    """So many journals in batches, and the trial balance they make."""
    log, facts = Log(LEDGER_JOURNALS), journal_facts(count)
    made = [log.append(facts[start : start + size]) for start in range(0, count, size)]
    return made, trial_balance(fact.body for fact in facts)


def in_database(engine: Engine) -> TrialBalance:
    found: TrialBalance = {}
    with engine.connect() as connection:
        query = "SELECT entity, gl_account, balance_minor FROM bi.trial_balance ORDER BY 1, 2"
        for entity, account, minor in connection.execute(text(query)):
            found.setdefault(entity, {})[account] = minor
    return found


def journals(engine: Engine) -> int:
    with engine.connect() as connection:
        counted = connection.execute(select(func.count()).select_from(tables.journal))
        return int(counted.scalar_one())


def test_the_trial_balance_in_the_database_is_the_pure_one(engine: Engine) -> None:
    made, expected = batches(200, 30)
    for batch in made:
        apply_batch(engine, SINK, batch)
    assert in_database(engine) == expected
    assert journals(engine) == 200


def test_everything_read_twice_is_there_once(engine: Engine) -> None:
    made, expected = batches(100, 25)
    for batch in (*made, *made):
        apply_batch(engine, SINK, batch)
    assert apply_batch(engine, SINK, [record for batch in made for record in batch]) == 0
    assert (journals(engine), in_database(engine)) == (100, expected)


def test_a_gap_and_a_fork_store_nothing(engine: Engine) -> None:
    made, _ = batches(20, 10)
    with pytest.raises(GapError):
        apply_batch(engine, SINK, [*made[0][:4], *made[0][5:]])
    first = made[0][0]
    forged = replace(first, value=(first.value or b"").replace(b"2000", b"2001"))
    with pytest.raises(ForkError):
        apply_batch(engine, SINK, [forged, *made[0][1:]])
    assert (journals(engine), position_of(engine, SINK, LEDGER_JOURNALS, 0)) == (0, 0)
    assert apply_batch(engine, SINK, made[0]) == 10


def test_a_known_journal_is_compared_and_a_different_one_stops_the_sink(engine: Engine) -> None:
    log, facts = Log(LEDGER_JOURNALS), journal_facts(6)
    apply_batch(engine, SINK, log.append(facts))
    apply_batch(engine, SINK, log.append(facts[2:4]))
    assert journals(engine) == 6
    other = replace(facts[1], body=replace(facts[1].body, date="2026-05-02"))
    with pytest.raises(JournalConflictError, match=facts[1].id):
        apply_batch(engine, SINK, log.append([facts[0], other]))
    renamed = replace(facts[1], id=facts[0].id)
    with pytest.raises(JournalConflictError):
        apply_batch(engine, SINK, Log(LEDGER_JOURNALS, partition=1).append([renamed]))


def test_what_copy_has_to_escape_comes_back_as_it_was(engine: Engine) -> None:
    odd = "tab\there, \\N, line\nend\r"
    fact = journal_facts(1)[0]
    lines = [replace(line, counterparty=odd) for line in fact.body.lines]
    body = replace(fact.body, event=odd, lines=lines)
    apply_batch(engine, SINK, Log(LEDGER_JOURNALS).append([replace(fact, body=body)]))
    with engine.connect() as connection:
        said = set(connection.execute(select(tables.journal.c.event)).scalars())
        said |= set(connection.execute(select(tables.journal_line.c.counterparty)).scalars())
    assert said == {odd}


def test_a_rival_of_the_same_name_gets_nothing_in(engine: Engine) -> None:
    made, expected = batches(20, 10)
    apply_batch(engine, SINK, made[0])
    place = Place(SINK.name, LEDGER_JOURNALS.name, 0)
    for stale in (None, SinkPosition(next_offset=3)):
        with pytest.raises(RivalSinkError), engine.begin() as connection:
            move(connection, SINK.progress, place, stale, SinkPosition(next_offset=99), 0)
    apply_batch(engine, SINK, made[1])
    assert in_database(engine) == expected


def test_reports_read_what_the_sink_wrote(engine: Engine) -> None:
    apply_batch(engine, SINK, Log(ISSUANCE_EVENTS).append(one_stock()))
    spare = [
        replace(fact, id=f"{fact.id[:-1]}z", subject="card-9")
        for fact in one_stock()
        if isinstance(fact.body, CardsPrepared)
    ]
    apply_batch(engine, SINK, Log(ISSUANCE_EVENTS, partition=1).append(spare))
    apply_batch(engine, SINK, Log(REDEMPTION_EVENTS).append(one_life()))
    made, _ = batches(10, 10)
    apply_batch(engine, SINK, made[0])
    with engine.connect() as connection:

        def ask(query: str) -> list[tuple[object, ...]]:
            return [tuple(row) for row in connection.execute(text(query))]

        assert ask(
            "SELECT account, last4, state, available_minor FROM bi.dim_account "
            "WHERE account_key > 0 ORDER BY account"
        ) == [("card-1", "7K3Q", "Activated", 7_000), ("card-9", "7K3Q", "Prepared", 0)]
        assert ask(
            "SELECT l.location, sum(f.ledger_change_minor)::int FROM bi.fact_card_event f "
            "JOIN bi.dim_location l USING (location_key) GROUP BY 1"
        ) == [("FA", 7_500)]
        assert ask(
            "SELECT d.year_month, g.title, sum(f.amount_minor)::int FROM bi.fact_ledger_line f "
            "JOIN bi.dim_date d USING (date_key) JOIN bi.dim_gl_account g USING (gl_account_key) "
            "WHERE g.class = 'income' GROUP BY 1, 2"
        ) == [("2026-05", "Revenue", -10_000)]
        assert ask(
            "SELECT entity, opening_minor, redeemed_minor, closing_minor "
            "FROM bi.mart_liability_rollforward"
        ) == [("A", 0, -10_000, -10_000)]
        assert ask("SELECT redeemed_minor, owed_minor FROM bi.mart_breakage_cohort") == [
            (10_000, -10_000)
        ]
        assert len(ask("SELECT 1 FROM bi.freshness")) == 4
