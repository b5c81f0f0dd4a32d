"""The ledger sink on tables in memory: books, states and histories, each fact once."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from schemas.codec import read_fact
from schemas.redemption_facts import RedemptionRefused, ValueForwarded
from schemas.topics import ISSUANCE_EVENTS, LEDGER_JOURNALS, REDEMPTION_EVENTS
from schemas.value import Balance
from services.ledger import tables
from services.ledger.books import (
    JournalConflictError,
    JournalUnbalancedError,
    header_row,
    header_text,
    line_rows,
    line_text,
)
from services.ledger.sink import LedgerSink
from services.runtime.bulk import copy_text
from services.runtime.progress import ForkError, GapError, RepeatError, UnreadableFactError
from services.runtime.sinks import apply_batch, position_of
from services.runtime.tables import MEMORY_URL, create_tables, open_tables
from tests.unit.ledger.facts import lot, published
from tests.unit.ledger.log import Log, journal_facts, one_life, one_stock

SINK = LedgerSink()


@pytest.fixture
def engine() -> Iterator[Engine]:
    opened = open_tables(MEMORY_URL)
    create_tables(opened, [tables.METADATA])
    yield opened
    opened.dispose()


def rows(engine: Engine, table: Any) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def count(engine: Engine, table: Any) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_journals_become_headers_and_lines(engine: Engine) -> None:
    records = Log(LEDGER_JOURNALS).append(journal_facts(20))
    assert apply_batch(engine, SINK, records) == 20
    assert count(engine, tables.journal) == 20
    lines = rows(engine, tables.journal_line)
    assert sum(line["debit"] - line["credit"] for line in lines) == 0
    assert {line["account"] for line in lines} == {"2100", "4000", "2300", "1200"}
    assert position_of(engine, SINK, LEDGER_JOURNALS, 0) == records[-1].offset + 1


def test_the_fast_ways_to_write_a_journal_say_what_the_plain_ones_say() -> None:
    for record, fact in zip(
        Log(LEDGER_JOURNALS).append(journal_facts(20)), journal_facts(20), strict=True
    ):
        read = read_fact(LEDGER_JOURNALS, record.value or b"")
        assert header_row(read, record.value) == header_row(read)
        assert header_text(7, header_row(read)) == copy_text([(7, *header_row(read))])
        assert line_text(7, read.body) == copy_text(line_rows(7, read.body))
        assert read.body == fact.body


def test_records_that_were_applied_are_left_out(engine: Engine) -> None:
    log = Log(LEDGER_JOURNALS)
    first, rest = log.append(journal_facts(4)), log.append(journal_facts(4, start=4))
    assert apply_batch(engine, SINK, first) == 4
    assert apply_batch(engine, SINK, first) == 0
    assert apply_batch(engine, SINK, [*first, *rest]) == 4
    assert count(engine, tables.journal) == 8


def test_a_missing_fact_stops_the_sink(engine: Engine) -> None:
    records = Log(LEDGER_JOURNALS).append(journal_facts(6))
    with pytest.raises(GapError, match="sequence 4 of"):
        apply_batch(engine, SINK, [*records[:2], *records[3:]])
    assert count(engine, tables.journal) == 0
    assert position_of(engine, SINK, LEDGER_JOURNALS, 0) == 0


def test_a_fact_that_stands_twice_stops_the_sink(engine: Engine) -> None:
    records = Log(LEDGER_JOURNALS).append(journal_facts(3))
    again = replace(records[1], offset=records[-1].offset + 1)
    with pytest.raises(RepeatError, match="once more"):
        apply_batch(engine, SINK, [*records, again])


def test_a_changed_byte_breaks_the_chain(engine: Engine) -> None:
    records = Log(LEDGER_JOURNALS).append(journal_facts(3))
    assert records[0].value is not None
    forged = replace(records[0], value=records[0].value.replace(b'"debit":2000', b'"debit":2001'))
    assert forged.value != records[0].value
    with pytest.raises(ForkError, match="ends chain"):
        apply_batch(engine, SINK, [forged, *records[1:]])


def test_the_chain_goes_on_from_batch_to_batch(engine: Engine) -> None:
    log = Log(LEDGER_JOURNALS)
    apply_batch(engine, SINK, log.append(journal_facts(3)))
    log.chain = "ab" * 32
    with pytest.raises(ForkError):
        apply_batch(engine, SINK, log.append(journal_facts(3, start=3)))


def test_a_record_that_is_no_fact_stops_the_sink(engine: Engine) -> None:
    (record,) = Log(LEDGER_JOURNALS).append(journal_facts(1)[:1])
    with pytest.raises(UnreadableFactError, match="offset 0"):
        apply_batch(engine, SINK, [replace(record, value=b"{}")])


@pytest.mark.parametrize("sign", [b"\t", b"\n", b"\r"])
def test_a_journal_with_what_copy_parts_cells_by_is_none(engine: Engine, sign: bytes) -> None:
    (record,) = Log(LEDGER_JOURNALS).append(journal_facts(1)[:1])
    assert record.value is not None
    torn = replace(record, value=record.value.replace(b'"pos"', b'"p' + sign + b'os"'))
    assert torn.value != record.value
    with pytest.raises(UnreadableFactError, match="control character"):
        apply_batch(engine, SINK, [torn])


def test_a_known_journal_with_other_content_stops_the_sink(engine: Engine) -> None:
    log = Log(LEDGER_JOURNALS)
    facts = journal_facts(4)
    apply_batch(engine, SINK, log.append(facts))
    apply_batch(engine, SINK, log.append(facts[:2]))
    assert count(engine, tables.journal) == 4
    other = replace(facts[0], body=replace(facts[0].body, date="2026-05-02"))
    with pytest.raises(JournalConflictError, match=facts[0].id):
        apply_batch(engine, SINK, log.append([other]))


def test_a_journal_that_does_not_balance_stops_the_sink(engine: Engine) -> None:
    fact = journal_facts(1)[0]
    lines = [replace(fact.body.lines[0], debit=1), *fact.body.lines[1:]]
    broken = replace(fact, body=replace(fact.body, lines=lines))
    with pytest.raises(JournalUnbalancedError, match=fact.id):
        apply_batch(engine, SINK, Log(LEDGER_JOURNALS).append([broken]))


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_an_account_adds_up_from_its_facts_whatever_the_batches(engine: Engine, batch: int) -> None:
    log = Log(REDEMPTION_EVENTS)
    facts = one_life()
    for start in range(0, len(facts), batch):
        apply_batch(engine, SINK, log.append(facts[start : start + batch]))
    (state,) = rows(engine, tables.account_state)
    assert (state["ledger_minor"], state["held_minor"]) == (7_500, 500)
    assert (state["stated_ledger_minor"], state["stated_held_minor"]) == (7_500, 500)
    assert state["holds"] == {"h2": 500}
    history = rows(engine, tables.account_event)
    assert [(e["type"], e["ledger_change"], e["held_change"]) for e in history] == [
        ("value_loaded", 10_000, 0),
        ("hold_placed", 0, 3_000),
        ("hold_captured", -2_500, -3_000),
        ("hold_placed", 0, 500),
        ("hold_placed", 0, 700),
        ("hold_lapsed", 0, -700),
    ]
    assert [e["ledger_after"] for e in history] == [10_000, 10_000, 7_500, 7_500, 7_500, 7_500]
    assert {e["reference"] for e in history} == {"s1", "h1", "r1", "h2", "h3"}


def test_a_balance_that_the_facts_do_not_add_up_to_can_be_seen(engine: Engine) -> None:
    facts = one_life()[:2]
    lying = replace(facts[1].body, balance=Balance(ledger=1, held=0, available=1))
    log = Log(REDEMPTION_EVENTS)
    apply_batch(engine, SINK, log.append([facts[0], replace(facts[1], body=lying)]))
    (state,) = rows(engine, tables.account_state)
    assert (state["ledger_minor"], state["stated_ledger_minor"]) == (10_000, 1)


def test_refusals_and_value_that_only_passed_through_change_no_account(engine: Engine) -> None:
    refused = RedemptionRefused(command="redeem", reason="unknown_account")
    passed = ValueForwarded(
        sender="card-2",
        to="card-1+credit",
        minor=500,
        lots=[lot(500)],
        holds=[],
        programme="gift",
        currency="USD",
    )
    told = [published("redemption_refused", refused), published("value_forwarded", passed)]
    assert apply_batch(engine, SINK, Log(REDEMPTION_EVENTS).append(told)) == 2
    assert (count(engine, tables.account_state), count(engine, tables.account_event)) == (0, 0)


@pytest.mark.parametrize("batch", [1, 100])
def test_a_card_is_known_from_stock_to_sale(engine: Engine, batch: int) -> None:
    log = Log(ISSUANCE_EVENTS)
    facts = one_stock()
    for start in range(0, len(facts), batch):
        apply_batch(engine, SINK, log.append(facts[start : start + batch]))
    (card,) = rows(engine, tables.card_state)
    assert (card["last4"], card["programme"], card["state"]) == ("7K3Q", "gift", "Activated")
    assert (card["value_minor"], card["price_minor"], card["tender"]) == (10_000, 9_000, "cash")
    assert (card["sold_location"], card["sold_entity"], card["shipped_to"]) == ("FA", "A", "FA")
    assert (card["batch"], card["sold_at"]) == ("b1", 1_777_600_000_000)
    assert [e["type"] for e in rows(engine, tables.account_event)] == [
        "cards_prepared",
        "cards_shipped",
        "sale_reserved",
        "card_sold",
    ]


def test_every_dimension_has_one_number(engine: Engine) -> None:
    apply_batch(engine, SINK, Log(LEDGER_JOURNALS).append(journal_facts(6)))
    apply_batch(engine, SINK, Log(REDEMPTION_EVENTS).append(one_life()))
    named = {(m["kind"], m["name"]): m["of"] for m in rows(engine, tables.member)}
    assert named["location", "FA"] == "A"
    assert named["location", "FB"] == "B"
    assert ("channel", "pos") in named
    assert ("programme", "gift") in named
    assert count(engine, tables.member) == len(named)
