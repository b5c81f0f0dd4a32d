"""An answer that another service decides comes later, once, to everybody who asked for it."""

from typing import Any

import orjson
import pytest

from schemas.topics import ISSUANCE_EVENTS, REDEMPTION_EVENTS
from services.issuance.worker import SPEC as ISSUANCE
from services.redemption.worker import SPEC as REDEMPTION
from tests.small_world import SmallWorld, money


@pytest.fixture
def world() -> SmallWorld:
    """A card with 40.00 has been imported; redemption does not run yet, so what it owes waits."""
    made = SmallWorld()
    made.publish_policy()
    card = {"card": "c1", "last4": "1111", "value": money(4000)}
    about = {"programme": "gift", "batch": "old", "sold_at": "2025-11-28T09:00:00Z"}
    made.send("import_cards", "c1", "i1", cards=[card], **about)
    made.workers = [made.worker(ISSUANCE)]
    made.settle()
    return made


def answers(world: SmallWorld, command: str) -> list[dict[str, Any]]:
    return [reply for reply in world.replies() if reply["command"] == command]


def types(world: SmallWorld, topic: Any) -> list[str]:
    return [orjson.loads(record.value or b"")["type"] for record in world.read(topic)]


def test_the_answer_waits_for_the_service_that_decides_and_names_all_its_facts(
    world: SmallWorld,
) -> None:
    world.send("undo_import", "c1", "u1")
    world.settle()
    assert answers(world, "u1") == []
    world.workers.append(world.worker(REDEMPTION))
    world.settle()
    [answer] = answers(world, "u1")
    assert answer["outcome"] == "accepted"
    assert answer["facts"] == ["undo_reserved.v1", "import_undone.v1"]
    caused = [orjson.loads(record.value or b"") for record in world.read(ISSUANCE_EVENTS)][1:]
    assert {fact["causationid"] for fact in caused} == {"u1"}
    assert len({fact["id"] for fact in caused}) == 2


def test_whoever_repeats_it_meanwhile_gets_the_same_answer_and_redemption_is_asked_once(
    world: SmallWorld,
) -> None:
    for _ in range(3):
        world.send("undo_import", "c1", "u1")
    world.workers.append(world.worker(REDEMPTION))
    world.settle()
    first, *again = answers(world, "u1")
    assert again == [{**first, "repeated": True}] * 2
    assert types(world, REDEMPTION_EVENTS) == ["value_loaded.v1", "import_taken_back.v1"]
    world.send("undo_import", "c1", "u1")
    world.settle()
    assert answers(world, "u1")[3:] == [{**first, "repeated": True}]


def test_other_content_under_its_id_is_refused_while_it_waits(world: SmallWorld) -> None:
    world.send("undo_import", "c1", "u1")
    world.send("undo_import", "c1", "u1", batch="old")
    world.settle()
    assert [answer.get("reason") for answer in answers(world, "u1")] == ["id_reused"]


def test_a_used_import_is_refused_late_and_stays(world: SmallWorld) -> None:
    world.workers.append(world.worker(REDEMPTION))
    world.settle()
    world.send("redeem", "c1", "r1", amount=money(1000))
    world.settle()
    world.send("undo_import", "c1", "u1")
    world.settle()
    [answer] = answers(world, "u1")
    assert (answer["outcome"], answer["reason"]) == ("refused", "not_unused")
    assert answer["facts"] == ["undo_reserved.v1", "issuance_refused.v1"]
    assert types(world, REDEMPTION_EVENTS)[-1] == "import_kept.v1"


def test_a_worker_that_restarts_while_it_waits_still_answers(world: SmallWorld) -> None:
    world.send("undo_import", "c1", "u1")
    world.settle()
    world.workers[0].close()
    world.start()
    world.settle()
    assert [answer["outcome"] for answer in answers(world, "u1")] == ["accepted"]


def test_an_undo_that_lists_cards_asks_for_each_and_answers_for_its_subject(
    world: SmallWorld,
) -> None:
    about = {"programme": "gift", "batch": "old", "sold_at": "2025-11-28T09:00:00Z"}
    for name in ("d1", "d2"):
        card = {"card": name, "last4": "1111", "value": money(500)}
        world.send("import_cards", name, f"i-{name}", cards=[card], **about)
    world.workers.append(world.worker(REDEMPTION))
    world.settle()
    world.send("redeem", "d2", "r1", amount=money(100))
    world.settle()
    named = [{"card": name} for name in ("c1", "d1", "d2")]
    world.send("undo_import", "c1", "u1", batch="old", cards=named)
    world.settle()
    assert [answer["outcome"] for answer in answers(world, "u1")] == ["accepted"]
    said = [orjson.loads(record.value or b"") for record in world.read(ISSUANCE_EVENTS)]
    assert len({fact["id"] for fact in said}) == len(said)
    outcomes = {fact["subject"]: fact["type"] for fact in said}
    assert outcomes == {
        "c1": "import_undone.v1",
        "d1": "import_undone.v1",
        "d2": "issuance_refused.v1",
    }
    reserved = [fact for fact in said if fact["type"] == "undo_reserved.v1"]
    asked = {fact["subject"]: fact["causationid"] for fact in reserved}
    assert asked.keys() == {"c1", "d1", "d2"}
    assert len(set(asked.values())) == 3
