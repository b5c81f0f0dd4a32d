"""A batch is planned only if its numbers are there, though others may have some of the form."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine, select

from schemas.policy_checks import read_policy
from schemas.terms import Policy
from services.issuance.directory import Directory, TemplateFullError, forget
from services.issuance.old_cards import OldCard
from services.issuance.operations import Import, plan_import
from services.issuance.press import Press, PrintKey
from services.issuance.runs import Batches, Order
from services.issuance.tables import BATCHES, CARDS, CHUNKS, METADATA
from services.issuance.templates import numbers_at
from services.runtime.post import Post
from services.runtime.tables import MEMORY_URL, create_tables, open_tables
from tests.small_world import PARTITIONS, POLICY_DOCUMENT, START, SmallWorld

HUNDRED, THOUSANDS = "60357123456789##C", "603571234567####C"
CARD = {"kind": "card", "currency": "USD"}


class Stock:
    """A small world whose programmes print numbers of small forms."""

    def __init__(self, engine: Engine) -> None:
        document: dict[str, Any] = {
            **POLICY_DOCUMENT,
            "programmes": {
                **POLICY_DOCUMENT["programmes"],
                "small": {**CARD, "templates": ["small"]},
                "pair": {**CARD, "templates": ["small", "twin"]},
                "more": {**CARD, "templates": ["more"]},
            },
            "templates": {
                "small": {"number": HUNDRED},
                "twin": {"number": HUNDRED, "barcode": "ean13"},
                "more": {"number": THOUSANDS},
            },
        }
        self.policy = Policy(1, 0, read_policy(document))
        self.world = SmallWorld()
        self.world.publish_policy(document)
        self.world.start()
        self.world.settle()
        self.directory = Directory(engine, {1: b"1" * 32})
        press = Press(self.directory, PARTITIONS)
        key = PrintKey(b"k" * 32)
        self.batches = Batches(self.directory, press, key, PARTITIONS, lambda _: None)

    def plan(self, batch: str, programme: str, cards: int) -> None:
        self.batches.plan(Order(batch, programme, cards), self.policy, START)

    def told(self, batch: str) -> int:
        world = self.world
        post = Post(
            world.log, world.seals, "service/press", world.clock, "press", wait=world.settle
        )
        return self.batches.go_on(batch, post).told

    def imported(self, batch: str, texts: Sequence[str]) -> None:
        cards = [OldCard(n + 2, t, 100, START - 1, None, None) for n, t in enumerate(texts)]
        wanted = Import(batch, "gift", cards)
        plan_import(self.directory, PARTITIONS, wanted, self.policy, START)

    def numbers(self, template: str, places: range) -> list[str]:
        return numbers_at(self.policy.document.templates[template], places)

    def free(self, template: str, places: range) -> list[str]:
        texts = self.numbers(template, places)
        with self.directory.engine.connect() as connection:
            taken = self.directory.taken(connection, texts)
        return [text for place, text in enumerate(texts) if place not in taken]

    def freed(self, batch: str) -> None:
        """Its codes stop counting, as an undone import's do."""
        mine = select(CARDS.c.account).where(CARDS.c.batch == batch)
        with self.directory.engine.begin() as connection:
            forget(connection, connection.execute(mine).scalars().all())


@pytest.fixture
def stock() -> Iterator[Stock]:
    engine = open_tables(MEMORY_URL)
    create_tables(engine, [METADATA])
    yield Stock(engine)
    engine.dispose()


def test_an_order_for_which_an_import_left_no_numbers_is_refused_with_the_figures(
    stock: Stock,
) -> None:
    stock.imported("old", stock.numbers("small", range(30)))
    said = (
        "template small has room for 70 more, not for 71: of its 100 numbers "
        "an import or another template has 30, and 0 more are promised"
    )
    with pytest.raises(TemplateFullError, match=said):
        stock.plan("b1", "small", 71)
    with stock.directory.engine.connect() as connection:
        assert connection.execute(select(BATCHES.c.batch)).scalars().all() == ["old"]
    assert stock.directory.claimed("small") == 0
    stock.plan("b1", "small", 70)
    assert stock.told("b1") == 70


def test_what_is_planned_and_not_yet_made_has_its_numbers(stock: Stock) -> None:
    stock.imported("old", stock.numbers("small", range(30)))
    stock.plan("b1", "small", 20)
    stock.plan("b2", "small", 30)
    assert stock.told("b2") == 30
    with pytest.raises(TemplateFullError, match=r"20 more, not for 21: .* 30, and 20 more"):
        stock.plan("b3", "small", 21)
    stock.plan("b3", "small", 20)
    assert stock.told("b1") + stock.told("b3") == 40


def test_templates_of_one_form_share_what_is_there(stock: Stock) -> None:
    stock.plan("b1", "pair", 40)
    with pytest.raises(TemplateFullError, match="small has room for 10 more, not for 11"):
        stock.plan("b2", "pair", 11)
    stock.plan("b2", "pair", 9)
    with pytest.raises(TemplateFullError, match="small has room for 2 more, not for 3"):
        stock.plan("b3", "small", 3)
    stock.plan("b3", "small", 2)
    assert [stock.told(batch) for batch in ("b3", "b1", "b2")] == [2, 40, 9]


def test_what_an_undone_import_had_is_there_again(stock: Stock) -> None:
    stock.imported("old", stock.numbers("small", range(100)))
    with pytest.raises(TemplateFullError, match="room for 0 more, not for 1"):
        stock.plan("b1", "small", 1)
    stock.freed("old")
    stock.plan("b1", "small", 100)
    assert stock.told("b1") == 100


@pytest.mark.takes(4)
def test_a_batch_whose_numbers_an_import_has_got_since_says_where_it_stands_and_goes_on(
    stock: Stock,
) -> None:
    """A directory cannot promise numbers: whoever brings them in has them already."""
    stock.imported("old", stock.numbers("more", range(8_000)))
    stock.plan("b1", "more", 2_000)
    stock.imported("late", stock.free("more", range(8_000, 9_100))[:900])
    said = r"for the last \d+ cards: .*; batch b1 stands at 1000 of 2000 cards, and those are good"
    with pytest.raises(TemplateFullError, match=said):
        stock.told("b1")
    with stock.directory.engine.connect() as connection:
        states = connection.execute(select(CHUNKS.c.state).where(CHUNKS.c.batch == "b1"))
        assert sorted(states.scalars()) == ["planned", "told"]
    stock.freed("late")
    assert stock.told("b1") == 2_000
    assert stock.free("more", range(10_000)) == []
