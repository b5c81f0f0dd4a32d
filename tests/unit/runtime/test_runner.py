"""The runner on a log in memory: what is decided once, answered again, buried or waited for."""

import hashlib
from typing import Any

import orjson
import pytest

from schemas.instants import DAY, format_instant
from schemas.topics import (
    ISSUANCE_COMMANDS,
    ISSUANCE_EVENTS,
    ISSUANCE_MEMORY,
    ISSUANCE_REPLIES,
    REDEMPTION_COMMANDS,
    REDEMPTION_EVENTS,
)
from services.issuance.worker import SPEC as ISSUANCE
from services.runtime.deadletters import read_dead_letter
from services.runtime.murmur2 import partition_of
from services.runtime.partitions import ProgressTornError
from services.runtime.records import Staged
from services.runtime.seals import HmacSeals, SealKey
from tests.small_world import PARTITIONS, START, SmallWorld, money, prepared


@pytest.fixture
def world() -> SmallWorld:
    """A world with a policy, card c1 in stock, and one worker of each service."""
    made = SmallWorld()
    made.publish_policy()
    prepared(made, "c1")
    made.start()
    made.settle()
    return made


def sell(world: SmallWorld, id: str = "s1", card: str = "c1", minor: int = 2500) -> None:
    world.send("sell_card", card, id, value=money(minor), tender="cash", place={"location": "F1"})


def facts(world: SmallWorld, topic: Any = ISSUANCE_EVENTS) -> list[dict[str, Any]]:
    return [orjson.loads(record.value or b"") for record in world.read(topic)]


def causes(world: SmallWorld) -> list[str]:
    return [str(read_dead_letter(record)["cause"]) for record in world.deadletters()]


def test_a_sale_is_decided_and_handed_over_in_one_go(world: SmallWorld) -> None:
    sell(world)
    world.settle()
    assert world.reply("s1")["outcome"] == "accepted"
    assert [f["type"] for f in facts(world)][-1] == "card_sold.v1"
    assert [f["type"] for f in facts(world, REDEMPTION_EVENTS)] == ["value_loaded.v1"]


def test_a_repeated_command_gets_its_first_answer_and_no_new_fact(world: SmallWorld) -> None:
    sell(world)
    sell(world)
    world.settle()
    first, again = (r for r in world.replies() if r["command"] == "s1")
    assert again == {**first, "repeated": True}
    assert [f["type"] for f in facts(world)].count("card_sold.v1") == 1


def test_an_id_with_other_content_is_refused_and_changes_nothing(world: SmallWorld) -> None:
    sell(world)
    sell(world, minor=5000)
    world.settle()
    replies = [r for r in world.replies() if r["command"] == "s1"]
    assert [r.get("reason") for r in replies] == [None, "id_reused"]
    assert [f["type"] for f in facts(world)].count("card_sold.v1") == 1


def test_a_command_before_any_policy_waits_and_is_decided_under_the_first() -> None:
    world = SmallWorld()
    prepared(world, "c1")
    world.start()
    world.settle()
    assert world.replies() == []
    world.publish_policy()
    sell(world)
    world.settle()
    assert [r["outcome"] for r in world.replies()] == ["accepted", "accepted"]


@pytest.mark.parametrize(
    ("offset", "reason"), [(-36 * DAY, "too_old"), (2 * DAY, "too_early"), (-34 * DAY, None)]
)
def test_a_claimed_time_far_from_the_arrival_is_refused(
    world: SmallWorld, offset: int, reason: str | None
) -> None:
    world.clock.move(START + 40 * DAY)
    now = world.clock.now()
    sell(world, "claimed")
    command = next(r for r in world.read(ISSUANCE_COMMANDS) if b"claimed" in (r.value or b""))
    message = orjson.loads(command.value or b"")
    message["time"] = format_instant(now + offset)
    message["id"] = "other"
    value = orjson.dumps(message)
    world.memory.append(Staged(ISSUANCE_COMMANDS.name, None, now, b"c1", value))
    world.settle()
    expected = "not_prepared" if reason is None else reason
    assert world.reply("other").get("reason") == expected


def test_garbage_becomes_a_dead_letter_with_its_bytes_untouched(world: SmallWorld) -> None:
    record = world.memory.append(Staged(ISSUANCE_COMMANDS.name, 1, START, b"k", b"\xff\x00{"))
    world.settle()
    (letter,) = world.deadletters()
    assert (letter.key, letter.value) == (b"k", b"\xff\x00{")
    where = read_dead_letter(letter)
    assert (where["topic"], where["partition"], where["offset"]) == (
        ISSUANCE_COMMANDS.name,
        1,
        record.offset,
    )


def test_an_unreadable_command_with_an_address_is_answered_too(world: SmallWorld) -> None:
    world.send("sell_card", "c1", "bad", value={"minor": 1.5, "currency": "USD"}, tender="cash")
    world.settle()
    reply = world.reply("bad")
    assert (reply["outcome"], reply["reason"]) == ("refused", "unreadable")
    assert "1.5" in reply["detail"]
    assert len(world.deadletters()) == 1


def test_a_record_on_a_foreign_partition_or_key_is_misrouted(world: SmallWorld) -> None:
    sell(world, "right")
    right = next(r for r in world.read(ISSUANCE_COMMANDS) if b'"right"' in (r.value or b""))
    home = partition_of(b"c1", PARTITIONS)
    wrong = Staged(ISSUANCE_COMMANDS.name, (home + 1) % PARTITIONS, START, b"c1", right.value)
    world.memory.append(wrong)
    world.memory.append(Staged(ISSUANCE_COMMANDS.name, home, START, b"c2", right.value))
    world.settle()
    assert [cause.partition(":")[0] for cause in causes(world)] == ["misrouted", "misrouted"]
    told = [reply["outcome"] for reply in world.replies() if reply["command"] == "right"]
    assert told == ["accepted"], "what is not at home here may have been accepted where it is"


def test_a_command_that_names_cards_of_other_partitions_is_answered_and_changes_nothing(
    world: SmallWorld,
) -> None:
    cards = [{"card": f"n{number}", "last4": "0000"} for number in range(8)]
    world.send("prepare_cards", "n0", "mixed", programme="gift", batch="b", cards=cards)
    world.settle()
    reply = world.reply("mixed")
    assert (reply["outcome"], reply["reason"]) == ("refused", "unreadable")
    assert "belongs on partition" in reply["detail"]
    assert "send one for each" in reply["detail"]
    assert [cause.partition(":")[0] for cause in causes(world)] == ["misrouted"]
    home = [c for c in cards if partition_of(c["card"].encode(), PARTITIONS) == _home("n0")]
    world.send("prepare_cards", "n0", "mended", programme="gift", batch="b", cards=home)
    world.settle()
    assert world.reply("mended")["outcome"] == "accepted"


def _home(card: str) -> int:
    return partition_of(card.encode(), PARTITIONS)


def test_internal_commands_and_broadcasts_of_channels_are_turned_away(
    world: SmallWorld,
) -> None:
    world.send(
        "activate", "c1", "a1", programme="gift", life=1, lots=[], fixed={}, tender="x", sale="s"
    )
    world.tell("policy_changed", "channel/pos", {"version": 9, "sha256": "0" * 64, "effective": 0})
    world.settle()
    assert len(causes(world)) == 1 + 2 * PARTITIONS
    assert {cause.partition(":")[0] for cause in causes(world)} == {"not_permitted"}
    assert facts(world, REDEMPTION_EVENTS) == []
    assert world.reply("a1")["reason"] == "not_permitted"


def test_only_the_sealed_source_is_believed() -> None:
    keys = {
        "service": SealKey("service", "service/", b"s" * 32),
        "pos": SealKey("pos", "channel/pos", b"p" * 32),
        "web": SealKey("web", "channel/web", b"w" * 32),
    }
    world = SmallWorld(seals=HmacSeals(keys, "service"))
    world.publish_policy()
    world.seals = HmacSeals(keys, "pos")
    prepared(world, "c1")
    world.seals = HmacSeals(keys, "web")
    sell(world)
    world.seals = HmacSeals(keys, "service")
    world.start()
    world.settle()
    assert [r["command"] for r in world.replies()] == ["prepare-c1"]
    assert [cause.partition(":")[0] for cause in causes(world)] == ["unsealed"]


def test_a_restarted_worker_knows_all_it_knew(world: SmallWorld) -> None:
    sell(world)
    world.settle()
    events = world.read(ISSUANCE_EVENTS)
    world.start()
    sell(world)
    sell(world, "s2")
    world.settle()
    reasons = [r.get("reason") for r in world.replies() if r["command"] in ("s1", "s2")]
    assert reasons == [None, None, "not_prepared"]
    assert world.read(ISSUANCE_EVENTS)[: len(events)] == events


def test_facts_are_numbered_densely_and_chained(world: SmallWorld) -> None:
    prepared(world, *[f"n{i}" for i in range(20)])
    world.settle()
    for number in range(PARTITIONS):
        records = world.memory.read(ISSUANCE_EVENTS.name, number, 0, 1_000)[0]
        chain = "0" * 64
        for i, record in enumerate(records, 1):
            value = record.value or b""
            assert orjson.loads(value)["sequence"] == i
            chain = hashlib.sha256(bytes.fromhex(chain) + value).hexdigest()
            told = record.header("scrip-chain")
            assert told is None or told.decode() == chain
        assert not records or records[-1].header("scrip-chain") is not None


def test_a_group_offset_that_differs_from_the_progress_row_stops_the_worker(
    world: SmallWorld,
) -> None:
    group = world.memory.groups["scrip-issuance"]
    name = (ISSUANCE_COMMANDS.name, partition_of(b"c1", PARTITIONS))
    group.offsets[name] += 1
    torn = world.worker(ISSUANCE)
    with pytest.raises(ProgressTornError, match="group offset"):
        world.settle([torn])


def test_a_lost_group_offset_is_no_matter_because_the_row_is_the_truth(
    world: SmallWorld,
) -> None:
    sell(world)
    world.settle()
    before = len(world.read(ISSUANCE_REPLIES))
    world.memory.groups["scrip-issuance"].offsets.clear()
    world.start()
    world.settle()
    assert len(world.read(ISSUANCE_REPLIES)) == before


def test_answers_are_forgotten_after_their_time_and_not_before(world: SmallWorld) -> None:
    sell(world)
    world.settle()

    def answers() -> set[bytes | None]:
        last = {record.key: record.value for record in world.read(ISSUANCE_MEMORY)}
        return {key for key, value in last.items() if b"/answer/" in (key or b"") and value}

    assert b"c1/answer/s1" in answers()
    world.clock.move(START + 37 * DAY - 1)
    prepared(world, *[f"m{i}" for i in range(20)])
    world.settle()
    assert b"c1/answer/s1" in answers()
    world.clock.move(START + 38 * DAY)
    prepared(world, *[f"n{i}" for i in range(20)])
    world.settle()
    assert b"c1/answer/s1" not in answers()


def test_commands_of_services_are_written_where_murmur2_says(world: SmallWorld) -> None:
    sell(world)
    world.settle()
    (activate,) = (r for r in world.read(REDEMPTION_COMMANDS) if b"activate.v1" in (r.value or b""))
    assert activate.partition == partition_of(b"c1", PARTITIONS)
