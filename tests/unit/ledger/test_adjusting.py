"""Adjusting: what is posted beside wrong journals brings the books to what they should say."""

from dataclasses import replace

from schemas.ledger import Journal, JournalAdjusted, JournalLine
from schemas.message import Published
from services.ledger.adjusting import JOURNAL_ADJUSTED, books, difference, legs
from services.ledger.journal import derive
from tests.unit.ledger.facts import policy


def journal(*lines: JournalLine, entity: str = "E1") -> Journal:
    return Journal(
        entity=entity,
        currency="USD",
        date="2026-05-01",
        business_date="2026-05-01",
        event="hold_captured",
        fact="f1",
        fact_topic="events",
        lines=list(lines),
    )


RIGHT = journal(
    JournalLine(account="2100", debit=5_400, subject="c1", programme="gift"),
    JournalLine(account="4000", credit=5_000, subject="c1", programme="gift"),
    JournalLine(account="2200", credit=400, subject="c1", programme="gift"),
)
WRONG = journal(
    JournalLine(account="2100", debit=5_400, subject="c1", programme="gift"),
    JournalLine(account="4000", credit=5_400, subject="c1", programme="gift"),
)


def adjustment(body: JournalAdjusted) -> Published:
    dates = {"E1": {"date": "2026-05-15", "business_date": "2026-05-01"}}
    return Published(
        "a1", JOURNAL_ADJUSTED, "service/ledger", "op", 0, body, 1, 1, "operations", "op", dates
    )


def body_for(wanted: list[Journal], posted: list[Journal]) -> JournalAdjusted:
    adjusted = books(difference(legs(wanted), legs(posted)))
    return JournalAdjusted(
        operation="op",
        plan="0" * 64,
        adjusted="f1",
        event="hold_captured",
        currency="USD",
        by="ann",
        approved_by="bob",
        books=adjusted["USD"],
    )


def test_what_is_posted_with_its_adjustment_is_what_is_wanted() -> None:
    fact = adjustment(body_for([RIGHT], [WRONG]))
    [made] = derive(fact, policy())
    assert legs([WRONG, made.body]) == legs([RIGHT])
    assert difference(legs([RIGHT]), legs([WRONG, made.body])) == {}


def test_an_adjustment_touches_only_the_lines_that_differ() -> None:
    fact = adjustment(body_for([RIGHT], [WRONG]))
    [made] = derive(fact, policy())
    assert [(line.account, line.debit, line.credit) for line in made.body.lines] == [
        ("2200", 0, 400),
        ("4000", 400, 0),
    ]
    assert {line.subject for line in made.body.lines} == {"c1"}
    assert (made.body.event, made.body.fact, made.body.date) == (
        "hold_captured",
        "a1",
        "2026-05-15",
    )
    assert made.body.business_date == "2026-05-01"


def test_journals_that_were_never_posted_are_posted_whole() -> None:
    assert body_for([RIGHT], []).books[0].lines == sorted(
        RIGHT.lines, key=lambda line: line.account
    )


def test_journals_that_should_not_be_are_taken_back() -> None:
    [book] = body_for([], [WRONG]).books
    assert [(line.account, line.debit, line.credit) for line in book.lines] == [
        ("2100", 0, 5_400),
        ("4000", 5_400, 0),
    ]


def test_equal_journals_need_nothing_however_their_lines_are_ordered_or_split() -> None:
    halves = [replace(line, debit=line.debit // 2, credit=line.credit // 2) for line in RIGHT.lines]
    split = journal(*reversed(halves), *halves)
    assert difference(legs([RIGHT]), legs([split])) == {}
    assert books({}) == {}
