"""Imports and ranges, told to the real workers of a small world."""

import hashlib
import hmac
import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, select, update

from schemas.policy_checks import read_policy
from schemas.terms import Policy
from schemas.topics import ISSUANCE_COMMANDS, REDEMPTION_EVENTS, TOPICS
from services.cards.answering import range_done
from services.cards.cli import app as cards
from services.issuance.directory import Directory, PepperMissingError, PinAnswer
from services.issuance.old_cards import OldCard
from services.issuance.operations import (
    Import,
    ImportRefusedError,
    Range,
    RangeDone,
    ask_range,
    plan_import,
)
from services.issuance.press import Press, PrintKey
from services.issuance.runs import Batches, BatchRefusedError, Order
from services.issuance.tables import BATCHES, CARDS, METADATA, SECRETS
from services.runtime.post import Post
from services.runtime.tables import MEMORY_URL, create_tables, open_tables
from tests.small_world import PARTITIONS, POLICY_DOCUMENT, START, SmallWorld, money

POLICY = Policy(1, 0, read_policy(POLICY_DOCUMENT))
DAY = 86_400_000


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = open_tables(MEMORY_URL)
    create_tables(engine, [METADATA])
    yield engine
    engine.dispose()


@pytest.fixture
def world() -> SmallWorld:
    made = SmallWorld()
    made.publish_policy()
    made.start()
    made.settle()
    return made


@pytest.fixture
def directory(engine: Engine) -> Directory:
    return Directory(engine, {1: b"1" * 32})


def post(world: SmallWorld) -> Post:
    return Post(world.log, world.seals, "service/press", world.clock, "press", wait=world.settle)


def batches(directory: Directory) -> Batches:
    press = Press(directory, PARTITIONS)
    return Batches(directory, press, PrintKey(b"k" * 32), PARTITIONS, lambda _: None)


def old(count: int, first: int = 0) -> list[OldCard]:
    return [
        OldCard(
            number + 2,
            f"60357100000{number:05d}",
            1000 + number,
            START - (number + 1) * DAY,
            START + 900 * DAY if number % 2 else None,
            "246810" if number == 0 else None,
        )
        for number in range(first, first + count)
    ]


def imported(world: SmallWorld, directory: Directory, count: int = 30) -> Any:
    wanted = Import("old", "gift", old(count), {"location": "F1"})
    plan_import(directory, PARTITIONS, wanted, POLICY, START)
    return batches(directory).go_on("old", post(world))


def ranged(world: SmallWorld, directory: Directory, wanted: Range) -> RangeDone:
    return ask_range(directory, post(world), wanted, lambda _: None)


def account_of(engine: Engine, number: int) -> str:
    with engine.connect() as connection:
        found = select(CARDS.c.account).where(CARDS.c.number == number)
        return str(connection.execute(found).scalar_one())


def test_imported_cards_are_live_with_their_balances_dates_and_pins(
    world: SmallWorld, directory: Directory
) -> None:
    manifest = imported(world, directory)
    assert (manifest.told, manifest.value_minor) == (30, sum(1000 + n for n in range(30)))
    loads = {
        fact["subject"]: fact["data"]
        for fact in (orjson.loads(record.value or b"") for record in world.read(REDEMPTION_EVENTS))
    }
    for card in old(30):
        account = directory.find(card.code)
        assert account is not None
        [lot] = loads[account]["lots"]
        assert (lot["minor"], lot["origin"], lot["location"]) == (card.minor, "import", "F1")
        assert (lot["sold_at"], lot["expires_at"]) == (card.sold_at, card.expires_at)
    first = directory.find(old(1)[0].code)
    assert first is not None
    assert directory.try_pin(first, "246810", START) is PinAnswer.RIGHT


def test_no_code_of_an_import_travels_or_is_kept_in_clear(
    world: SmallWorld, directory: Directory, engine: Engine
) -> None:
    imported(world, directory)
    log = b"".join(r.value or b"" for topic in TOPICS for r in world.read(topic))
    with engine.connect() as connection:
        kept = [connection.execute(select(table)).all() for table in METADATA.sorted_tables]
    for card in old(30):
        assert card.code.encode() not in log
        assert card.code not in repr(kept)


def test_a_code_that_is_known_refuses_the_whole_import_and_nothing_is_kept(
    world: SmallWorld, directory: Directory, engine: Engine
) -> None:
    imported(world, directory)
    wanted = Import("old2", "gift", old(10, first=25))
    with pytest.raises(ImportRefusedError) as refused:
        plan_import(directory, PARTITIONS, wanted, POLICY, START)
    assert [one.path for one in refused.value.findings] == [
        f"line {number + 2}, code" for number in range(25, 30)
    ]
    assert [one.value for one in refused.value.findings] == [f"…{n:04d}" for n in range(25, 30)]
    with engine.connect() as connection:
        assert connection.execute(select(BATCHES.c.batch)).scalars().all() == ["old"]
        assert len(connection.execute(select(SECRETS)).all()) == 30


def test_the_same_file_goes_on_and_another_under_its_name_is_refused(
    world: SmallWorld, directory: Directory
) -> None:
    imported(world, directory)
    said = len(world.read(ISSUANCE_COMMANDS))
    imported(world, directory)
    assert len(world.read(ISSUANCE_COMMANDS)) == said
    with pytest.raises(BatchRefusedError, match="was another"):
        imported(world, directory, 29)


def test_an_import_under_the_name_of_a_batch_of_the_press_is_refused(
    directory: Directory,
) -> None:
    press = Press(directory, PARTITIONS)
    made = Batches(directory, press, PrintKey(b"k" * 32), PARTITIONS, lambda _: None)
    made.plan(Order("b1", "gift", 10), POLICY, START)
    with pytest.raises(BatchRefusedError, match="was another"):
        plan_import(directory, PARTITIONS, Import("b1", "gift", old(10)), POLICY, START)


def test_an_import_goes_on_under_other_peppers_while_its_own_is_there(
    world: SmallWorld, engine: Engine
) -> None:
    zero, one, two = ({version: bytes([version]) * 32} for version in range(3))
    imported(world, Directory(engine, one))
    said = len(world.read(ISSUANCE_COMMANDS))
    for peppers in (one | two, zero | one, zero | one | two):
        imported(world, Directory(engine, peppers))
        with pytest.raises(BatchRefusedError, match="was another"):
            imported(world, Directory(engine, peppers), 29)
    assert len(world.read(ISSUANCE_COMMANDS)) == said
    with pytest.raises(PepperMissingError, match="old was planned under pepper 1, and there are 2"):
        imported(world, Directory(engine, two))


def test_an_import_planned_before_fingerprints_named_their_pepper_goes_on(
    world: SmallWorld, directory: Directory, engine: Engine
) -> None:
    imported(world, directory)
    said = [(c.code, c.minor, c.sold_at, c.expires_at, c.pin) for c in old(30)]
    content = orjson.dumps(["imported", "gift", {"location": "F1"}, said])
    plain = hmac.new(b"1" * 32, content, hashlib.sha256).hexdigest()
    with engine.begin() as connection:
        connection.execute(update(BATCHES).values(content=plain))
    imported(world, Directory(engine, {1: b"1" * 32, 2: b"2" * 32}))
    with pytest.raises(BatchRefusedError, match="was another"):
        imported(world, directory, 29)


def test_a_range_is_shipped_activated_and_voided_once_however_often_it_is_asked(
    world: SmallWorld, directory: Directory
) -> None:
    made = batches(directory)
    made.plan(Order("b1", "gift", 20, 2500), POLICY, 0)
    made.go_on("b1", post(world))
    sale = {"value": money(2500), "tender": "cash", "place": {"location": "F1"}}
    ship = Range("b1", 1, 15, "ship_cards", {"to": "F1"})
    for wanted in (ship, ship, Range("b1", 1, 10, "sell_card", sale)):
        assert ranged(world, directory, wanted).refused == []
    overlapping = ranged(world, directory, Range("b1", 6, 12, "sell_card", sale))
    assert (overlapping.accepted, overlapping.repeated) == (2, 5)
    sold = [orjson.loads(record.value or b"") for record in world.read(REDEMPTION_EVENTS)]
    assert [fact["data"]["minor"] for fact in sold] == [2500] * 12
    void = ranged(world, directory, Range("b1", 11, 20, "cancel_card", {"reason": "bent"}))
    assert (void.accepted, void.reasons) == (8, {"not_prepared": 2})


def test_what_was_answered_before_is_said_apart_and_again_asks_anew(
    world: SmallWorld, directory: Directory
) -> None:
    made = batches(directory)
    made.plan(Order("b1", "gift", 20), POLICY, 0)
    made.go_on("b1", post(world))
    void = Range("b1", 5, 7, "cancel_card", {"reason": "bent"})
    first = ranged(world, directory, void)
    assert (first.accepted, first.repeated) == (3, 0)
    assert "before" not in range_done(void, first).text
    ranged(world, directory, Range("b1", 5, 7, "restore_card", {"reason": "was fine"}))
    second = ranged(world, directory, void)
    assert (second.accepted, second.repeated, second.refused) == (0, 3, [])
    said = range_done(void, second)
    assert "0 accepted, 0 refused" in said.text
    assert "3 answered before, nothing done now: give --again WORD to ask anew" in said.text
    assert (said.found["accepted"], said.found["repeated"]) == (0, 3)
    anew = ranged(world, directory, replace(void, again="x"))
    assert (anew.accepted, anew.repeated) == (3, 0)


def test_every_command_on_a_range_can_be_asked_anew() -> None:
    for name in ("ship", "activate", "void", "undo-import"):
        [command] = [one for one in cards.registered_commands if _called(one) == name]
        assert "again" in inspect.signature(command.callback or print).parameters, name


def _called(command: Any) -> str:
    return command.name or command.callback.__name__


@pytest.mark.parametrize(("first", "last"), [(0, 5), (5, 4), (1, 21)])
def test_a_range_outside_its_batch_is_refused(
    world: SmallWorld, directory: Directory, first: int, last: int
) -> None:
    made = batches(directory)
    made.plan(Order("b1", "gift", 20), POLICY, 0)
    made.go_on("b1", post(world))
    with pytest.raises(BatchRefusedError, match="allowed: 1 to 20"):
        ranged(world, directory, Range("b1", first, last, "ship_cards", {"to": "F1"}))
    with pytest.raises(BatchRefusedError, match="no batch b9"):
        ranged(world, directory, Range("b9", 1, 1, "ship_cards", {"to": "F1"}))
