"""`scrip verify` in memory: it holds where nothing is wrong, and finds what is planted."""

from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from sqlalchemy import func, select, text, update

from schemas.topics import (
    LEDGER_JOURNALS,
    REDEMPTION_BALANCES,
    REDEMPTION_COMMANDS,
    REDEMPTION_EVENTS,
    REDEMPTION_REPLIES,
    Topic,
)
from services.ledger import tables as ledger
from services.runtime.records import Staged
from services.settlement import tables as settlement
from services.stories.cli import story_of
from services.stories.world import World
from services.verify.examining import examine
from services.verify.verdicts import Examination, Verdict, render
from tests.told import told_world

STORY = Path(__file__).parents[2] / "stories" / "scenario-b.yaml"


@pytest.fixture
def world() -> Iterator[World]:
    """Scenario B has been told: a sale, uses, a run with its file, a refund."""
    with told_world(story_of(STORY)) as made:
        yield made


def judged(world: World) -> Examination:
    return examine(world.log, world.engine, lambda _line: None, seconds_max=0.0)


def broken(world: World) -> dict[str, Verdict]:
    return {verdict.name: verdict for verdict in judged(world).verdicts if not verdict.holds}


def test_every_invariant_holds_where_nothing_is_wrong(world: World) -> None:
    found = judged(world)
    assert found.holds, render(found)
    assert all(verdict.checked for verdict in found.verdicts), render(found)


def test_every_invariant_holds_where_ids_came_again_after_their_answers_were_forgotten() -> None:
    story = STORY.parent / "rules" / "id-again-when-its-answer-is-forgotten.yaml"
    with told_world(story_of(story)) as world:
        found = judged(world)
        assert found.holds, render(found)


def test_a_missing_journal_line_is_named_with_entity_account_and_event(world: World) -> None:
    with world.engine.begin() as connection:
        row = connection.execute(
            text(
                "SELECT l.journal_id, l.number, l.subject, j.entity, j.fact "
                "FROM ledger.journal_line l JOIN ledger.journal j ON j.id = l.journal_id "
                "WHERE l.account = '2100' LIMIT 1"
            )
        ).one()
        gone = "DELETE FROM ledger.journal_line WHERE journal_id = :journal AND number = :number"
        connection.execute(text(gone), {"journal": row.journal_id, "number": row.number})
    verdict = broken(world)["journals_equal_postgres"]
    (found,) = verdict.breaks
    assert (found.entity, found.account) == (row.entity, row.subject)
    assert row.fact in found.event


def test_lines_whose_journal_is_not_there_are_found(world: World) -> None:
    with world.engine.begin() as connection:
        number = connection.execute(select(func.min(ledger.journal.c.id))).scalar_one()
        mine = ledger.journal_line.c.journal_id == number
        connection.execute(update(ledger.journal_line).where(mine).values(journal_id=900_001))
    details = [one.detail for one in broken(world)["journals_equal_postgres"].breaks]
    assert any("of journal number 900001, which is not there" in detail for detail in details)


def test_a_changed_amount_in_the_books_is_found(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(
            update(ledger.journal_line)
            .where(ledger.journal_line.c.account == "4000")
            .values(credit=ledger.journal_line.c.credit + 1)
        )
    assert "journals_equal_postgres" in broken(world)


def test_a_changed_account_in_postgresql_is_named(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(update(ledger.account_state).values(ledger_minor=1))
    verdict = broken(world)["accounts_equal_postgres"]
    assert verdict.breaks[0].account
    assert "ledger_minor is 1" in verdict.breaks[0].detail


def test_a_changed_balance_row_is_named(world: World) -> None:
    key, row = balance_row(world)
    row["ledger"] += 500
    write(world, REDEMPTION_BALANCES, key, orjson.dumps(row))
    verdict = broken(world)["accounts_equal_fold_of_events"]
    assert verdict.breaks[0].account == key.decode()
    assert "ledger" in verdict.breaks[0].detail


def test_a_changed_item_is_found(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(update(settlement.item).values(amount=settlement.item.c.amount + 1))
    assert "items_equal_postgres" in broken(world)


def test_an_item_that_lost_its_run_is_found(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(update(settlement.item).values(state="accrued", run=None))
    assert "an_item_is_in_one_run" in broken(world)


def test_a_command_that_nobody_decided_on_is_who_is_behind(world: World) -> None:
    key, _ = balance_row(world)
    write(world, REDEMPTION_COMMANDS, key, b"{}")
    assert "redemption" in broken(world)["every_reader_has_caught_up"].breaks[0].detail


Plant = Callable[[World], None]


def again(topic: Topic) -> Plant:
    """The last record of a topic once more."""

    def plant(world: World) -> None:
        for number in range(world.partitions):
            records, _ = world.reader.read(topic.name, number, 0, 100_000)
            if records:
                last = records[-1]
                world.log.append(
                    Staged(topic.name, number, last.timestamp, last.key, last.value, last.headers)
                )
                return

    return plant


@pytest.mark.parametrize(
    ("plant", "name"),
    [
        (again(REDEMPTION_EVENTS), "facts_are_numbered_and_chained"),
        (again(LEDGER_JOURNALS), "facts_are_numbered_and_chained"),
        (again(REDEMPTION_REPLIES), "every_command_has_one_outcome"),
    ],
    ids=["a fact", "a journal", "a reply"],
)
def test_what_stands_twice_on_a_topic_is_found(world: World, plant: Plant, name: str) -> None:
    plant(world)
    assert name in broken(world)


def test_a_break_reads_with_entity_account_and_event(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("DELETE FROM ledger.journal_line WHERE account = '2100'"))
    said = render(judged(world))
    assert "BROKEN  journals_equal_postgres" in said
    assert "entity E1, account c1, event " in said


def balance_row(world: World) -> tuple[bytes, dict[str, int]]:
    for number in range(world.partitions):
        records, _ = world.reader.read(REDEMPTION_BALANCES.name, number, 0, 100_000)
        if records:
            assert records[-1].key is not None
            return records[-1].key, orjson.loads(records[-1].value or b"")
    raise AssertionError("the story has no account")


def write(world: World, topic: Topic, key: bytes, value: bytes) -> None:
    world.log.append(Staged(topic.name, None, 2_000_000_000_000, key, value))
