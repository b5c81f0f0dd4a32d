"""Imports that are taken back by who knows the whole list, told to the real workers of four
partitions.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, select

from schemas.policy_checks import read_policy
from schemas.terms import Policy
from schemas.topics import ISSUANCE_COMMANDS, ISSUANCE_EVENTS
from services.cards.answering import undo_done
from services.issuance.directory import Directory
from services.issuance.old_cards import OldCard
from services.issuance.operations import Import, Range, plan_import
from services.issuance.press import Press, PrintKey
from services.issuance.rekeyed.operations import PressRoom, rekey_range
from services.issuance.runs import Batches, BatchRefusedError, Order
from services.issuance.tables import CARDS, METADATA
from services.issuance.undone.operations import UndoDone, undo_range
from services.runtime.cli import DONE, NO
from services.runtime.post import Post
from services.runtime.tables import MEMORY_URL, create_tables, open_tables
from tests.small_world import PARTITIONS, POLICY_DOCUMENT, START, SmallWorld, money

DOCUMENT: dict[str, Any] = copy.deepcopy(POLICY_DOCUMENT)
DOCUMENT["programmes"]["gift"] |= {"returns": {"to": "prepared"}}
POLICY = Policy(1, 0, read_policy(DOCUMENT))
KEY = PrintKey(b"k" * 32)
COUNT = 30


def old(count: int = COUNT) -> list[OldCard]:
    return [
        OldCard(n + 2, f"60357100000{n:05d}", 1000 + n, START - 86_400_000, None, None)
        for n in range(count)
    ]


class Office:
    """An import `old` of thirty cards, on every partition some, and what is done with them."""

    def __init__(self, engine: Engine) -> None:
        self.world = SmallWorld()
        self.world.publish_policy(DOCUMENT)
        self.world.start()
        self.world.settle()
        self.directory = Directory(engine, {1: b"1" * 32})
        self.press = Press(self.directory, PARTITIONS)
        self.batches = Batches(self.directory, self.press, KEY, PARTITIONS, lambda _: None)
        plan_import(self.directory, PARTITIONS, Import("old", "gift", old()), POLICY, START)
        assert self.batches.go_on("old", self.post()).told == COUNT

    def post(self) -> Post:
        world = self.world
        return Post(
            world.log, world.seals, "service/press", world.clock, "press", wait=world.settle
        )

    def do(self, type: str, number: int, **data: Any) -> None:
        """A command about one of the cards, and its effect."""
        id = f"{type}-{number}"
        self.world.send(type, self.account(number), id, **data)
        self.world.settle()
        assert self.world.reply(id)["outcome"] == "accepted"

    def undo(
        self,
        first: int = 1,
        last: int = COUNT,
        *,
        unused_only: bool = False,
        say: Callable[[str], None] = lambda _: None,
    ) -> UndoDone:
        wanted = Range("old", first, last, "undo_import", {"batch": "old"})
        return undo_range(self.directory, self.post(), wanted, unused_only, say)

    def account(self, number: int, batch: str = "old") -> str:
        mine = (CARDS.c.batch == batch) & (CARDS.c.number == number)
        with self.directory.engine.connect() as connection:
            return str(connection.execute(select(CARDS.c.account).where(mine)).scalar_one())

    def known(self) -> list[int]:
        """The numbers of cards whose codes still lead to them."""
        return [n for n, card in enumerate(old(), 1) if self.directory.find(card.code)]

    def undone(self) -> int:
        """How many cards issuance says are undone."""
        facts = [orjson.loads(record.value or b"") for record in self.world.read(ISSUANCE_EVENTS)]
        return sum(fact["type"] == "import_undone.v1" for fact in facts)


@pytest.fixture
def office() -> Iterator[Office]:
    engine = open_tables(MEMORY_URL)
    create_tables(engine, [METADATA])
    yield Office(engine)
    engine.dispose()


ALL = list(range(1, COUNT + 1))


def test_an_unused_import_is_undone_whole_and_its_codes_may_come_again(office: Office) -> None:
    done = office.undo()
    assert (done.undone, done.before, done.refused, done.left) == (ALL, [], [], 0)
    assert (undo_done(done).status, office.undone(), office.known()) == (DONE, COUNT, [])
    plan_import(office.directory, PARTITIONS, Import("anew", "gift", old()), POLICY, START)
    assert office.batches.go_on("anew", office.post()).told == COUNT


def test_one_card_that_must_stay_leaves_the_others_on_every_partition_as_they_are(
    office: Office,
) -> None:
    office.do("redeem", 3, amount=money(100))
    office.do("place_hold", 9, amount=money(100))
    office.do("freeze_account", 21, reason="lost")
    sent = len(office.world.read(ISSUANCE_COMMANDS))
    done = office.undo()
    assert done.refused == [(3, "not_unused"), (9, "not_unused"), (21, "account_frozen")]
    assert (done.undone, done.left, office.undone(), office.known()) == ([], 27, 0, ALL)
    assert len(office.world.read(ISSUANCE_COMMANDS)) == sent, "nobody was asked"
    said = undo_done(done)
    assert said.status == NO
    for line in ("0 undone, 3 cannot be", "27 others could be", "card 21: account_frozen"):
        assert line in said.text
    assert said.found["reasons"] == {"not_unused": 2, "account_frozen": 1}


def test_only_unused_cards_are_undone_if_so_asked_and_the_others_are_named(office: Office) -> None:
    office.do("redeem", 3, amount=money(100))
    done = office.undo(unused_only=True)
    rest = [number for number in ALL if number != 3]
    assert (done.undone, done.refused, office.known()) == (rest, [(3, "not_unused")], [3])
    assert undo_done(done).status == NO
    again = office.undo(unused_only=True)
    assert (again.undone, again.before, again.refused) == ([], rest, [(3, "not_unused")])
    assert office.undone() == COUNT - 1
    assert "29 were undone before, nothing done now" in undo_done(again).text


def test_what_was_interrupted_goes_on_when_it_is_asked_again(office: Office) -> None:
    office.undo(1, 10)
    # Card 11 was undone, and whoever asked for it was killed before its code was forgotten.
    office.do("undo_import", 11, batch="old")
    assert 11 in office.known()
    done = office.undo()
    assert (done.before, done.undone) == (list(range(1, 12)), list(range(12, COUNT + 1)))
    assert (office.undone(), office.known(), undo_done(done).status) == (COUNT, [], DONE)


def test_a_card_used_after_the_look_is_named_and_the_others_are_undone(office: Office) -> None:
    def then(said: str) -> None:
        if said.endswith("looked at"):
            office.do("redeem", 7, amount=money(100))

    done = office.undo(say=then)
    assert (done.refused, len(done.undone)) == ([(7, "not_unused")], COUNT - 1)
    assert office.known() == [7]
    assert undo_done(done).status == NO


def test_a_card_that_came_back_and_was_sold_anew_is_no_import_any_more(office: Office) -> None:
    office.do("reserve_return", 5)
    assert office.undo().refused == [(5, "not_active")]
    office.do("confirm_return", 5, **{"return": "reserve_return-5"})
    room = PressRoom(office.directory, office.press, KEY, POLICY)
    assert rekey_range(room, office.post(), "old", 5, 5, lambda _: None).rekeyed == [5]
    office.do("sell_card", 5, value=money(2500), tender="cash", place={"location": "F1"})
    done = office.undo()
    assert (done.refused, done.left, office.undone()) == ([(5, "unknown_sale")], COUNT - 1, 0)


def test_cards_that_were_made_here_are_no_import(office: Office) -> None:
    office.batches.plan(Order("made", "gift", 5), POLICY, START)
    office.batches.go_on("made", office.post())
    wanted = Range("made", 1, 5, "undo_import", {"batch": "made"})
    with pytest.raises(BatchRefusedError, match="was prepared; allowed: one that was imported"):
        undo_range(office.directory, office.post(), wanted, False, lambda _: None)
