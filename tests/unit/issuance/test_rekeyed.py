"""Cards that came back to stock get new secrets from the press, told to real workers."""

import copy
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, select

from schemas.policy_checks import read_policy
from schemas.terms import Policy
from schemas.topics import ISSUANCE_EVENTS, TOPICS
from services.cards.answering import rekey_done
from services.issuance.directory import Directory
from services.issuance.old_cards import OldCard
from services.issuance.operations import Import, Range, ask_range, plan_import
from services.issuance.press import Press, PrintKey
from services.issuance.rekeyed.operations import PressRoom, RekeyDone, rekey_range
from services.issuance.runs import Batches, BatchRefusedError, Order
from services.issuance.tables import CARDS, METADATA
from services.issuance.views import Sheet, email, opened, shown
from services.runtime.post import AskedElsewhereError, Post
from services.runtime.tables import MEMORY_URL, create_tables, open_tables
from tests.small_world import PARTITIONS, POLICY_DOCUMENT, START, SmallWorld, money

DOCUMENT: dict[str, Any] = copy.deepcopy(POLICY_DOCUMENT)
DOCUMENT["programmes"]["gift"] |= {"returns": {"to": "prepared"}, "templates": ["plastic"]}
DOCUMENT["templates"] = {"plastic": {"number": "603571##########C", "pin": 6}}
POLICY = Policy(1, 0, read_policy(DOCUMENT))
KEY = PrintKey(b"k" * 32)
SALE = {"value": money(2500), "tender": "cash", "place": {"location": "F1"}}


class Room:
    """A batch b1 of twelve cards in a small world, whose cards can be sold and brought back."""

    def __init__(self, engine: Engine) -> None:
        self.world = SmallWorld()
        self.world.publish_policy(DOCUMENT)
        self.world.start()
        self.world.settle()
        self.directory = Directory(engine, {1: b"1" * 32})
        press = Press(self.directory, PARTITIONS)
        self.room = PressRoom(self.directory, press, KEY, POLICY)
        self.batches = Batches(self.directory, press, KEY, PARTITIONS, lambda _: None)
        self.batches.plan(Order("b1", "gift", 12), POLICY, START)
        self.batches.go_on("b1", self.post())

    def post(self) -> Post:
        world = self.world
        return Post(
            world.log, world.seals, "service/press", world.clock, "press", wait=world.settle
        )

    def sold(self, first: int, last: int, again: str = "") -> int:
        wanted = Range("b1", first, last, "sell_card", SALE, again)
        return ask_range(self.directory, self.post(), wanted, lambda _: None).accepted

    def brought_back(self, number: int, time: int = 1, batch: str = "b1") -> None:
        account, id = self.account(number, batch), f"back-{batch}-{number}-{time}"
        self.world.send("reserve_return", account, id)
        self.world.settle()
        self.world.send("confirm_return", account, f"{id}-c", **{"return": id})
        self.world.settle()
        assert self.state(account) == "Blank"

    def account(self, number: int, batch: str = "b1") -> str:
        mine = (CARDS.c.batch == batch) & (CARDS.c.number == number)
        with self.directory.engine.connect() as connection:
            return str(connection.execute(select(CARDS.c.account).where(mine)).scalar_one())

    def state(self, account: str) -> str:
        facts = [orjson.loads(record.value or b"") for record in self.world.read(ISSUANCE_EVENTS)]
        return [str(f["data"]["state"]) for f in facts if f["subject"] == account][-1]

    def rekeyed(self, first: int, last: int, post: Post | None = None) -> RekeyDone:
        post = post or self.post()
        return rekey_range(self.room, post, "b1", first, last, lambda _: None)

    def sheet(self, first: int, last: int, batch: str = "b1") -> Sheet:
        return opened(self.directory.engine, KEY, batch, first, last)


@pytest.fixture
def room() -> Iterator[Room]:
    engine = open_tables(MEMORY_URL)
    create_tables(engine, [METADATA])
    yield Room(engine)
    engine.dispose()


def test_a_card_that_came_back_is_rekeyed_printed_with_its_new_secret_and_sold_again(
    room: Room,
) -> None:
    before = dict(room.sheet(1, 12).cards)
    assert room.sold(1, 2) == 2
    for number in (1, 2):
        room.brought_back(number)
    done = room.rekeyed(1, 2)
    assert (done.rekeyed, done.before, done.refused) == ([1, 2], [], [])
    after = dict(room.sheet(1, 12).cards)
    for number in (1, 2):
        account = room.account(number)
        assert room.state(account) == "Prepared"
        assert room.directory.find(shown(before[number])) is None
        assert room.directory.find(shown(after[number])) == account == after[number].account
        assert room.directory.last4(account) == after[number].last4
        assert shown(after[number]) in email(room.sheet(number, number))[1]
        assert after[number].pin is not None
    assert {n: after[n] for n in range(3, 13)} == {n: before[n] for n in range(3, 13)}
    assert room.sold(1, 2, again="second life") == 2
    log = b"".join(r.value or b"" for topic in TOPICS for r in room.world.read(topic))
    assert after[1].identifiers[0].text.encode() not in log


def test_a_card_that_is_not_blank_keeps_its_secret_and_is_named(room: Room) -> None:
    before = room.sheet(1, 3).cards
    room.sold(1, 2)
    room.brought_back(2)
    done = room.rekeyed(1, 3)
    assert done.rekeyed == [2]
    assert [number for number, _ in done.refused] == [1, 3]
    assert done.refused[1][1] == "the card is Prepared; allowed: Blank"
    assert "live" in done.refused[0][1]
    after = room.sheet(1, 3).cards
    assert (after[0], after[2]) == (before[0], before[2])
    assert room.directory.find(shown(before[0][1])) == room.account(1)
    assert "rekeyed: 1 cards, 2 refused" in rekey_done("b1", done).text


def test_whoever_was_killed_rekeys_on_with_the_secret_that_was_made(room: Room) -> None:
    room.sold(1, 1)
    room.brought_back(1)
    world = room.world

    def overtaken() -> None:
        world.settle()
        world.log.producer("press")

    post = Post(world.log, world.seals, "service/press", world.clock, "press", wait=overtaken)
    with pytest.raises(AskedElsewhereError):
        room.rekeyed(1, 1, post)
    assert room.state(room.account(1)) == "Blank"
    [(_, made)] = room.sheet(1, 1).cards
    assert room.rekeyed(1, 1).rekeyed == [1]
    assert room.sheet(1, 1).cards == [(1, made)]
    assert room.state(room.account(1)) == "Prepared"
    again = room.rekeyed(1, 1)
    assert (again.rekeyed, again.before, again.refused) == ([], [1], [])
    assert room.sheet(1, 1).cards == [(1, made)]
    said = rekey_done("b1", again).text
    assert "1 have their new secret already" in said
    assert "scrip cards print --batch b1 --from 1 --to 1 --out" in said


def test_a_card_has_a_new_secret_for_every_life(room: Room) -> None:
    seen = {shown(room.sheet(1, 1).cards[0][1])}
    for time in (1, 2):
        assert room.sold(1, 1, again=str(time)) == 1
        room.brought_back(1, time)
        assert room.rekeyed(1, 1).rekeyed == [1]
        seen.add(shown(room.sheet(1, 1).cards[0][1]))
    assert len(seen) == 3
    assert [bool(room.directory.find(text)) for text in seen].count(True) == 1


def test_an_imported_card_that_came_back_is_printed_though_its_batch_has_no_print_file(
    room: Room,
) -> None:
    cards = [OldCard(n, f"60357100000{n:05d}", 1000, START - 1, None, None) for n in (1, 2)]
    plan_import(room.directory, PARTITIONS, Import("old", "gift", cards), POLICY, START)
    room.batches.go_on("old", room.post())
    room.brought_back(1, batch="old")
    done = rekey_range(room.room, room.post(), "old", 1, 2, lambda _: None)
    assert (done.rekeyed, [number for number, _ in done.refused]) == ([1], [2])
    [(_, card)] = room.sheet(1, 1, "old").cards
    assert room.directory.find(shown(card)) == room.account(1, "old")
    with pytest.raises(BatchRefusedError, match="no print file"):
        room.sheet(1, 2, "old")


def test_a_range_outside_its_batch_is_not_rekeyed(room: Room) -> None:
    with pytest.raises(BatchRefusedError, match="allowed: 1 to 12"):
        room.rekeyed(1, 13)
