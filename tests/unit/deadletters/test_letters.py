"""Dead letters: which ones are asked for, which may go again, and that each goes once."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select, update

from schemas.topics import DEADLETTERS, REDEMPTION_COMMANDS, REDEMPTION_EVENTS
from services.deadletters.letters import (
    REQUEUED,
    Letter,
    Wanted,
    obstacle,
    once_more,
    read_letter,
)
from services.deadletters.operations import LetterChangedError, letters_of, requeue
from services.runtime.deadletters import CAUSE, OFFSET, PARTITION, TOPIC
from services.runtime.outbox_table import METADATA, operation
from services.runtime.records import Record, Staged
from services.runtime.tables import create_tables, open_tables
from tests.small_world import START, SmallWorld, money, prepared

PLACE = {"location": "F1", "channel": "pos"}


@pytest.fixture
def engine() -> Iterator[Engine]:
    opened = open_tables("sqlite://")
    create_tables(opened, [METADATA])
    yield opened
    opened.dispose()


def world_with_a_card() -> SmallWorld:
    world = SmallWorld()
    world.publish_policy()
    prepared(world, "c1")
    world.send("sell_card", "c1", "s1", value=money(5_000), tender="cash", place=PLACE)
    world.start()
    world.settle()
    return world


def buried(world: SmallWorld, record: Record, cause: str) -> None:
    """The record as a dead letter, as a worker that could not read it has left it."""
    burial = (
        (TOPIC, record.topic.encode()),
        (PARTITION, str(record.partition).encode()),
        (OFFSET, str(record.offset).encode()),
        (CAUSE, cause.encode()),
    )
    world.memory.append(
        Staged(
            DEADLETTERS.name,
            record.partition,
            START,
            record.key,
            record.value,
            (*record.headers, *burial),
        )
    )


def redeem_buried_by_an_older_version(world: SmallWorld) -> Letter:
    """A command of a newer channel, which the worker of that day could not read."""
    elsewhere = SmallWorld()
    record = elsewhere.send("redeem", "c1", "r1", amount=money(1_000), place=PLACE)
    record.headers = (("traceparent", b"00-1"), ("scrip-seal", b"pos:abc"))
    buried(world, record, "unreadable: data.amount: an unknown field")
    [letter] = letters_of(world.log)
    return letter


def test_a_letter_whose_cause_is_mended_goes_back_untouched_and_is_decided(engine: Engine) -> None:
    world = world_with_a_card()
    letter = redeem_buried_by_an_older_version(world)
    assert obstacle(letter) is None
    assert requeue(world.log, engine, [letter], "ann", START) == ([letter], [])
    world.settle()
    assert world.reply("r1")["outcome"] == "accepted"
    sent = next(r for r in world.read(REDEMPTION_COMMANDS) if r.header(REQUEUED) == b"1")
    assert (sent.key, sent.value) == (letter.record.key, letter.record.value)
    assert (sent.topic, sent.partition) == (letter.topic, letter.partition)
    assert sent.headers == (
        ("traceparent", b"00-1"),
        ("scrip-seal", b"pos:abc"),
        (REQUEUED, b"1"),
    )


def test_the_same_letter_asked_for_twice_is_sent_once(engine: Engine) -> None:
    world = world_with_a_card()
    letter = redeem_buried_by_an_older_version(world)
    requeue(world.log, engine, [letter], "ann", START)
    assert requeue(world.log, engine, [letter], "bob", START + 1) == ([], [letter])
    with engine.connect() as connection:
        [row] = connection.execute(select(operation)).mappings()
    assert (row["kind"], row["made_by"], row["state"]) == ("requeue_deadletter", "ann", "executed")


def test_after_a_crash_behind_the_commit_the_letter_is_found_and_not_sent_again(
    engine: Engine,
) -> None:
    world = world_with_a_card()
    letter = redeem_buried_by_an_older_version(world)
    requeue(world.log, engine, [letter], "ann", START)
    with engine.begin() as connection:
        connection.execute(update(operation).values(state="begun", executed_at=None))
    assert requeue(world.log, engine, [letter], "ann", START) == ([], [letter])
    times = [r for r in world.read(REDEMPTION_COMMANDS) if r.header(REQUEUED) is not None]
    assert len(times) == 1


def test_after_a_crash_before_the_commit_the_letter_is_sent(engine: Engine) -> None:
    world = world_with_a_card()
    letter = redeem_buried_by_an_older_version(world)
    before = len(world.read(REDEMPTION_COMMANDS))
    with engine.begin() as connection:
        end = world.log.reader().end_in_doubt(letter.topic, letter.partition)
        row = {
            "id": letter.operation,
            "kind": "requeue_deadletter",
            "arguments": {
                "letter": letter.name,
                "topic": letter.topic,
                "partition": letter.partition,
                "sha256": letter.sha256,
                "requeued": 1,
            },
            "made_by": "ann",
            "as_of": {f"{letter.topic}/{letter.partition}": end},
            "state": "begun",
            "created_at": START,
        }
        connection.execute(operation.insert().values(**row))
    assert requeue(world.log, engine, [letter], "ann", START) == ([letter], [])
    assert len(world.read(REDEMPTION_COMMANDS)) == before + 1


def test_a_letter_that_is_not_what_its_operation_was_about_stops_the_requeue(
    engine: Engine,
) -> None:
    world = world_with_a_card()
    letter = redeem_buried_by_an_older_version(world)
    requeue(world.log, engine, [letter], "ann", START)
    with pytest.raises(LetterChangedError, match=letter.name):
        requeue(world.log, engine, [replace(letter, requeued=1)], "ann", START)


def test_the_loop_guard_refuses_a_third_time() -> None:
    letter = redeem_buried_by_an_older_version(world_with_a_card())
    assert obstacle(replace(letter, requeued=1)) is None
    assert "2 times" in str(obstacle(replace(letter, requeued=2)))


def test_the_count_survives_a_second_burial() -> None:
    world = world_with_a_card()
    letter = redeem_buried_by_an_older_version(world)
    staged = once_more(letter)
    record = Record(
        staged.topic, letter.partition, 9, START, staged.key, staged.value, staged.headers
    )
    buried(world, record, "unreadable: still")
    again = list(letters_of(world.log))[-1]
    assert again.requeued == 1
    assert [name for name, _ in once_more(again).headers].count(REQUEUED) == 1
    assert once_more(again).headers[-1] == (REQUEUED, b"2")


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        ("unsealed: the seal is missing", "its sender seals it"),
        ("misrouted: c1 belongs on partition 2 (murmur2)", "sends it right"),
        ("not_permitted: activate comes from services only", "now as then"),
    ],
)
def test_what_only_its_sender_can_mend_is_never_sent_for_him(cause: str, said: str) -> None:
    letter = redeem_buried_by_an_older_version(world_with_a_card())
    assert said in str(obstacle(replace(letter, cause=cause)))


def test_what_this_version_cannot_read_either_is_not_sent() -> None:
    world = SmallWorld()
    garbage = Record(REDEMPTION_COMMANDS.name, 0, 0, START, b"k", b"\x00 no JSON")
    buried(world, garbage, "unreadable: not JSON")
    [letter] = letters_of(world.log)
    assert "cannot read it either" in str(obstacle(letter))


def test_a_fact_is_never_sent_again_for_its_topic_has_one_writer() -> None:
    world = SmallWorld()
    fact = Record(REDEMPTION_EVENTS.name, 1, 7, START, b"c1", b"{}")
    buried(world, fact, "unreadable: type")
    [letter] = letters_of(world.log)
    assert "one writer" in str(obstacle(letter))


def test_a_count_that_is_no_number_guards_like_the_last_one() -> None:
    record = Record(DEADLETTERS.name, 0, 0, START, b"c1", b"{}", ((REQUEUED, b"many"),))
    assert read_letter(record).requeued == 2


def test_letters_are_chosen_by_topic_cause_key_time_and_name() -> None:
    letter = redeem_buried_by_an_older_version(world_with_a_card())
    fitting = Wanted(
        names=frozenset({letter.name}),
        topic=REDEMPTION_COMMANDS.name,
        cause_class="unreadable",
        key="c1",
        since=START,
        until=START + 1,
    )
    assert fitting.includes(letter)
    for other in (
        replace(fitting, names=frozenset({"9/9"})),
        replace(fitting, topic=REDEMPTION_EVENTS.name),
        replace(fitting, cause_class="unsealed"),
        replace(fitting, key="c2"),
        replace(fitting, since=START + 1),
        replace(fitting, until=START),
    ):
        assert not other.includes(letter)
