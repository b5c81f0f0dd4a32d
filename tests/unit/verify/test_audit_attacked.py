"""A small history attacked record by record: what `scrip audit verify` finds, and what it cannot.

Whoever attacks may write to one topic; the other topics, the writers' rows and the database are as
they were. What is not found is listed by name: a list that grows is a hole.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import orjson
import pytest
from sqlalchemy import delete

from schemas.identifiers import derived
from schemas.topics import LEDGER_JOURNALS, Topic
from services.ledger import tables as ledger
from services.runtime.records import Headers, Record
from services.runtime.staging import AFTER_HEADER, CHAIN_HEADER
from services.stories.cli import story_of
from services.stories.world import World
from services.verify.auditing import audit, heads
from services.verify.evidence import FACT_TOPICS
from services.verify.verdicts import render
from tests.told import told_world
from tests.unit.verify.changed import (
    Changed,
    breaks_of,
    broken,
    instead,
    partition_as,
    places_of,
    records,
    records_of,
)

STORY = Path(__file__).parents[2] / "stories" / "finance" / "period-and-return.yaml"
Attack = tuple[str, list[Record]]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A sale, a use at another company, a run with its file, a period closed, a debit returned."""
    with told_world(story_of(STORY)) as made:
        yield made


def attacks(there: list[Record], chains: dict[str, str]) -> Iterator[Attack]:
    """What somebody may do to a partition; `chains` are where its inputs' chains end."""
    for n, record in enumerate(there):
        yield f"removed {n}", there[:n] + there[n + 1 :]
        yield f"cut before {n}", there[:n]
        yield f"twice {n}", [*there[: n + 1], *there[n:]]
        yield f"once more {n}", [*there, replace(record, offset=there[-1].offset + 1)]
        yield from _headers(there, n)
    for one, other in combinations(range(len(there)), 2):
        turned = list(there)
        turned[one] = replace(there[other], offset=there[one].offset)
        turned[other] = replace(there[one], offset=there[other].offset)
        yield f"exchanged {one} {other}", turned
    yield "forged", [*there, _forged(there[-1], chains)]
    yield "forged of nobody", [*there, _forged(there[-1], {}, input="scrip.nobody", sequence=1)]


def _headers(there: list[Record], n: int) -> Iterator[Attack]:
    record = there[n]
    for name in ({CHAIN_HEADER, AFTER_HEADER}, {CHAIN_HEADER}, {AFTER_HEADER}):
        left = tuple(one for one in record.headers if one[0] not in name)
        if left != record.headers:
            what = " and ".join(sorted(name))
            yield f"without {what} {n}", _in_place(there, n, left)
    for at, (name, said) in enumerate(record.headers):
        # The lowest bit of a letter or digit is another one: still a name, still a number.
        flipped = name.encode()[:-1] + bytes([name.encode()[-1] ^ 1])
        changed = [(flipped.decode(), said)]
        some = range(0, len(said), 9)
        changed += [(name, said[:i] + bytes([said[i] ^ 1]) + said[i + 1 :]) for i in some]
        for one in changed:
            headers = (*record.headers[:at], one, *record.headers[at + 1 :])
            yield f"header {n} {one}", _in_place(there, n, headers)


def _in_place(there: list[Record], n: int, headers: Headers) -> list[Record]:
    return [*there[:n], replace(there[n], headers=headers), *there[n + 1 :]]


def _forged(
    last: Record, chains: dict[str, str], input: str | None = None, sequence: int | None = None
) -> Record:
    """One more fact, numbered and chained as its writer would have done it."""
    said = orjson.loads(last.value or b"")
    said |= {"id": derived("forged", said["id"]), "input": input or said["input"]}
    said["sequence"] = sequence or said["sequence"] + 1
    value = orjson.dumps(said)
    chain = hashlib.sha256(bytes.fromhex(chains.get(said["input"], "00" * 32)) + value).hexdigest()
    after = str(said["sequence"] - 1).encode()
    headers = ((CHAIN_HEADER, chain.encode()), (AFTER_HEADER, after))
    return replace(last, offset=last.offset + 1, value=value, headers=headers)


def facts_of(there: list[Record]) -> list[tuple[str, int]]:
    """Input and sequence of each record."""
    said = [orjson.loads(record.value or b"") for record in there]
    return [(fact["input"], fact["sequence"]) for fact in said]


@pytest.mark.parametrize("topic", FACT_TOPICS, ids=lambda topic: topic.name)
def test_whatever_is_done_to_the_records_of_a_partition_is_reported_with_its_place(
    world: World, topic: Topic
) -> None:
    known = heads(world.log)
    tried: Counter[str] = Counter()
    missed = []
    for number in range(world.partitions):
        place, there = f"{topic.name}/{number}", records_of(world, topic.name, number)
        if not there:
            continue
        ends = {input: head["chain"] for input, head in known[place].items()}
        for name, left in attacks(there, ends):
            tried[name.split(" ")[0]] += 1
            found = audit(Changed(world.log, topic.name, partition_as(number, left)), world.engine)
            if place not in places_of(found):
                missed.append((number, name))
    # Topics that an older Scrip began have batches that do not say after which fact they begin.
    first = {}
    for number in range(world.partitions):
        there = records_of(world, topic.name, number)
        for n, (input, _) in enumerate(facts_of(there)):
            if there[n].headers and (number, input) not in first:
                first[number, input] = (number, f"without {AFTER_HEADER} {n}")
    assert sorted(missed) == sorted(first.values())
    if records(world, topic.name):
        assert tried["without"] >= 3, tried
        assert tried["removed"] == tried["cut"] == len(records(world, topic.name))


def test_a_chain_that_is_taken_from_a_batch_is_missed_where_the_batch_ended(world: World) -> None:
    tried = 0
    for topic in FACT_TOPICS:
        for record in records(world, topic.name):
            if not record.headers:
                continue
            bare = instead(record, replace(record, headers=()))
            found = audit(Changed(world.log, topic.name, bare), world.engine)
            spot = f"{topic.name}/{record.partition} offset {record.offset}"
            assert [one.detail for one in breaks_of(found)] == [
                f"{spot} has no {CHAIN_HEADER}, and ends a batch"
            ]
            tried += 1
    assert tried > 10


def test_journals_of_two_inputs_in_each_others_place_are_named(world: World) -> None:
    one, other = next(pairs_of_two_inputs(world))
    found = audit(exchanged(world, one, other), world.engine)
    [verdict] = [verdict for verdict in found.verdicts if not verdict.holds]
    assert verdict.name == "journals_stand_as_they_were_booked"
    spot = f"{LEDGER_JOURNALS.name}/{other.partition} offset {other.offset}"
    assert verdict.breaks[-1].detail.startswith(spot), render(found)
    assert verdict.breaks[-1].event


def test_which_of_two_inputs_came_first_nobody_remembers_of_what_is_not_booked_yet(
    world: World,
) -> None:
    with told_world(story_of(STORY)) as late:
        one, other = next(pairs_of_two_inputs(late))
        changed = exchanged(late, one, other)
        assert broken(late, changed) == {"journals_stand_as_they_were_booked"}
        with late.engine.begin() as connection:
            connection.execute(delete(ledger.journal))
        assert broken(late, changed) == set()


def pairs_of_two_inputs(world: World) -> Iterator[tuple[Record, Record]]:
    """Neighbours on a partition of journals that follow from facts of different topics."""
    for number in range(world.partitions):
        there = records_of(world, LEDGER_JOURNALS.name, number)
        for (one, of), (other, of_other) in pairwise(zip(there, facts_of(there), strict=True)):
            if of[0] != of_other[0]:
                yield one, other


def exchanged(world: World, one: Record, other: Record) -> Changed:
    """The log with these two in each other's place."""
    there = records_of(world, LEDGER_JOURNALS.name, one.partition)
    at = there.index(one)
    there[at : at + 2] = [replace(other, offset=one.offset), replace(one, offset=other.offset)]
    return Changed(world.log, LEDGER_JOURNALS.name, partition_as(one.partition, there))


def test_an_installation_set_back_whole_is_found_only_by_heads_that_were_kept_outside(
    world: World,
) -> None:
    """Topics, writers' rows and database agree: so it was once, and nothing in it knows better."""
    story = story_of(STORY)
    with told_world(replace(story, steps=story.steps[:-3])) as before:
        fewer = len(records(before, LEDGER_JOURNALS.name))
        assert 0 < fewer < len(records(world, LEDGER_JOURNALS.name))
        assert broken(before) == set()
        assert broken(before, kept=heads(before.log)) == set()
        kept = heads(world.log)
        assert broken(before, kept=kept) == {"heads_kept_outside_are_still_there"}
