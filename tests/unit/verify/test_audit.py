"""`scrip audit verify` in memory: whatever is changed afterwards is found, byte by byte."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from schemas.topics import (
    ISSUANCE_EVENTS,
    LEDGER_JOURNALS,
    REDEMPTION_EVENTS,
    SETTLEMENT_ITEMS,
    Topic,
)
from services.ledger import tables as ledger
from services.ledger.views import history
from services.runtime.records import Record
from services.stories.cli import story_of
from services.stories.world import World
from services.verify.auditing import audit, heads
from services.verify.verdicts import render
from tests.told import told_world
from tests.unit.verify.changed import Changed, broken, instead, places_of, records

STORY = Path(__file__).parents[2] / "stories" / "scenario-b.yaml"
CHAINED = (ISSUANCE_EVENTS, REDEMPTION_EVENTS, LEDGER_JOURNALS, SETTLEMENT_ITEMS)
LONG = bool(os.environ.get("SCRIP_LONG"))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Scenario B has been told; the tests put back what they change."""
    with told_world(story_of(STORY)) as made:
        yield made


def days_of(value: bytes) -> range:
    """Where a fact says its days: names that no class of ours reads."""
    start = value.index(b'"dates"')
    return range(start, value.index(b"}", start))


def test_where_nothing_was_changed_nothing_is_found(world: World) -> None:
    found = audit(world.log, world.engine, heads(world.log))
    assert found.holds, render(found)
    assert len(found.verdicts) == 5
    assert all(verdict.checked for verdict in found.verdicts), render(found)


def test_a_flipped_byte_of_any_fact_is_found(world: World) -> None:
    tried = 0
    for topic in CHAINED:
        for record in records(world, topic.name):
            value = bytearray(record.value or b"")
            place = Random(f"{topic.name}{record.offset}").randrange(len(value))
            value[place] ^= 1
            flip = instead(record, replace(record, value=bytes(value)))
            assert broken(world, Changed(world.log, topic.name, flip)), (record, place)
            tried += 1
    assert tried > 20


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("topic", CHAINED, ids=lambda topic: topic.name)
def test_any_byte_of_a_fact_may_change_and_is_reported_with_its_place(
    world: World, topic: Topic
) -> None:
    """All bytes with SCRIP_LONG; else some of each fact, and of one all that name its days."""
    for number, record in enumerate(records(world, topic.name)):
        value, dice = record.value or b"", Random(f"{topic.name}{record.partition}{record.offset}")
        some = [*dice.sample(range(len(value)), 12), *(() if number else days_of(value))]
        for place in range(len(value)) if LONG else some:
            flipped = bytearray(value)
            flipped[place] ^= 1 << dice.randrange(8)
            other = replace(record, value=bytes(flipped))
            changed = Changed(world.log, topic.name, instead(record, other))
            named = places_of(audit(changed, world.engine))
            assert f"{topic.name}/{record.partition}" in named, (record, place, bytes(flipped))


@pytest.mark.parametrize("topic", CHAINED, ids=lambda topic: topic.name)
def test_what_stands_beside_a_fact_is_held_to_it(world: World, topic: Topic) -> None:
    for record in records(world, topic.name):
        noted = (*record.headers, ("note", b"changed"))
        for other in (
            replace(record, key=b"another"),
            replace(record, key=None),
            replace(record, timestamp=record.timestamp + 1),
            replace(record, timestamp=record.timestamp - 1),
            replace(record, headers=noted),
            replace(record, headers=tuple((f"x{name}", said) for name, said in noted)),
        ):
            found = audit(Changed(world.log, topic.name, instead(record, other)), world.engine)
            spot = f"{topic.name}/{record.partition} offset {record.offset}"
            [one] = [verdict for verdict in found.verdicts if not verdict.holds]
            assert one.name == "facts_are_numbered_and_chained"
            assert one.breaks
            assert all(b.detail.startswith(spot) for b in one.breaks), one.breaks


def test_facts_that_say_what_no_writer_says_are_reported_however_well_they_are_chained(
    world: World,
) -> None:
    loaded = next(r for r in records(world, REDEMPTION_EVENTS.name) if b'"minor":' in r.value)
    for was, now in (
        (rb'"minor":\d+', b'"minor":%d' % 10**30),
        (rb'"dates":{.*?}}', b'"dates":{}'),
    ):
        value = re.sub(was, now, loaded.value or b"")
        assert value != loaded.value
        other = replace(loaded, value=value, headers=())
        changed = Changed(world.log, REDEMPTION_EVENTS.name, instead(loaded, other))
        assert "sinks_remember_the_same_chain" in broken(world, changed)


def test_a_fact_that_is_gone_and_facts_in_another_order_are_found(world: World) -> None:
    for topic in CHAINED:
        for record in records(world, topic.name):
            spot = (record.partition, record.offset)

            def cut(found: list[Record], spot: Any = spot) -> list[Record]:
                return [r for r in found if (r.partition, r.offset) != spot]

            assert broken(world, Changed(world.log, topic.name, cut)), record
        turned = Changed(world.log, topic.name, lambda found: found[::-1])
        longest = max(len(world.reader.read(topic.name, n, 0, 100_000)[0]) for n in range(4))
        assert longest < 2 or broken(world, turned), topic.name


def test_a_chain_made_anew_from_a_changed_fact_is_found_by_who_remembers(world: World) -> None:
    kept = heads(world.log)
    place = next(name for name in kept if name.startswith(REDEMPTION_EVENTS.name))
    source = next(iter(kept[place]))
    kept[place][source]["chain"] = "0" * 64
    assert broken(world, kept=kept) == {"heads_kept_outside_are_still_there"}

    def unsigned(found: list[Record]) -> list[Record]:
        changed = [replace(r, value=(r.value or b"").replace(b'"F2"', b'"F1"')) for r in found]
        return [replace(r, headers=()) for r in changed]

    names = broken(world, Changed(world.log, REDEMPTION_EVENTS.name, unsigned))
    assert {"sinks_remember_the_same_chain", "facts_are_numbered_and_chained"} <= names


def test_every_column_of_every_line_of_a_history_is_held_to_its_fact(world: World) -> None:
    table = ledger.account_event
    with world.engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(select(table)).mappings()]
    row = next(row for row in rows if row["type"] == "hold_captured")
    where = update(table).where(table.c.id == row["id"])
    for name in row.keys() - {"id", "fact"}:
        value = row[name]
        other = value + 1 if isinstance(value, int) else "changed"
        with world.engine.begin() as connection:
            connection.execute(where.values({name: other}))
        assert broken(world) == {"histories_equal_facts"}, name
        with world.engine.begin() as connection:
            connection.execute(where.values({name: value}))


def test_a_line_from_before_a_column_was_there_is_held_to_the_others(world: World) -> None:
    table = ledger.account_event
    with world.engine.begin() as connection:
        connection.execute(update(table).values(approved_by="", case=""))
    assert broken(world) == set()
    with world.engine.begin() as connection:
        connection.execute(update(table).values(approved_by=None, case=None))


def test_a_line_that_is_gone_from_a_history_is_found(world: World) -> None:
    table = ledger.account_event
    with world.engine.connect() as connection:
        row = dict(connection.execute(select(table).limit(1)).mappings().one())
    with world.engine.begin() as connection:
        connection.execute(delete(table).where(table.c.id == row["id"]))
    assert broken(world) == {"histories_equal_facts"}
    with world.engine.begin() as connection:
        connection.execute(table.insert().values(**row))


@pytest.mark.parametrize("story", ["scenario-b", "undo-import"])
def test_two_lines_of_a_history_in_each_others_place_are_found_or_shown_as_before(
    story: str,
) -> None:
    table, found = ledger.account_event, 0
    with told_world(story_of(STORY.with_stem(story))) as world:
        assert broken(world) == set()
        with world.engine.connect() as connection:
            rows = list(connection.execute(select(table)).mappings())
        for one, other in combinations(rows, 2):
            if one["account"] != other["account"]:
                continue
            shown = shown_of(world, one["account"])
            exchange(world, one["id"], other["id"])
            names = broken(world)
            if shown_of(world, one["account"]) != shown:
                assert names == {"histories_equal_facts"}, (one, other)
                found += 1
            exchange(world, one["id"], other["id"])
    assert found


def exchange(world: World, one: int, other: int) -> None:
    """Two rows of the table of histories get each other's id."""
    table = ledger.account_event
    with world.engine.begin() as connection:
        for was, now in ((one, -1), (other, one), (-1, other)):
            connection.execute(update(table).where(table.c.id == was).values(id=now))


def shown_of(world: World, account: str) -> list[str]:
    """The facts in the order in which `scrip account show` has them."""
    with world.engine.connect() as connection:
        return [row["fact"] for row in history(connection, account)]
