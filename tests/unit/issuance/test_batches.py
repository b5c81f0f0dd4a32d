"""Batches in memory, told to the real worker: whole, numbered, sealed, resumed."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, select

from schemas.policy_checks import read_policy
from schemas.reply import Reply
from schemas.terms import Policy
from schemas.topics import ISSUANCE_COMMANDS, ISSUANCE_EVENTS
from services.issuance.directory import Directory, TemplateFullError
from services.issuance.press import Press, PrintFileError, PrintKey
from services.issuance.runs import Batches, BatchRefusedError, Order
from services.issuance.tables import BATCHES, CHUNKS, METADATA
from services.runtime.murmur2 import partition_of
from services.runtime.post import AskedElsewhereError, Post
from services.runtime.tables import MEMORY_URL, create_tables, open_tables
from tests.small_world import PARTITIONS, POLICY_DOCUMENT, SmallWorld

PEPPERS = {1: b"1" * 32}
KEY = PrintKey(b"k" * 32)
DOCUMENT: dict[str, Any] = {
    **POLICY_DOCUMENT,
    "programmes": {
        "gift": {"kind": "card", "currency": "USD"},
        "plastic": {
            "kind": "card",
            "currency": "USD",
            "templates": ["embossed"],
            "value": {"fixed": [2500]},
        },
        "credit": {"kind": "credit", "currency": "USD"},
    },
    "templates": {
        "embossed": {"number": "603571##########C", "pin": 6, "track": True, "capacity": 1200}
    },
}
POLICY = Policy(1, 0, read_policy(DOCUMENT))


class StoppedError(Exception):
    """The process ended here."""


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = open_tables(MEMORY_URL)
    create_tables(engine, [METADATA])
    yield engine
    engine.dispose()


@pytest.fixture
def world() -> SmallWorld:
    made = SmallWorld()
    made.publish_policy(DOCUMENT)
    made.start()
    made.settle()
    return made


def batches(engine: Engine, peppers: Mapping[int, bytes] = PEPPERS) -> Batches:
    directory = Directory(engine, peppers)
    return Batches(directory, Press(directory, PARTITIONS), KEY, PARTITIONS, lambda _: None)


def post(world: SmallWorld) -> Post:
    return Post(
        world.log, world.seals, "service/press", world.clock, "scrip-press", wait=world.settle
    )


class DyingPost(Post):
    """Asks so many times, and then the process is gone: before or after it hears the answer."""

    lives = 1
    heard = False

    def ask(self, asked: Any) -> dict[str, Reply]:
        if self.lives == 0 and not self.heard:
            raise StoppedError
        answers = super().ask(asked)
        if self.lives == 0:
            raise StoppedError
        self.lives -= 1
        return answers


class DyingKey(PrintKey):
    """Seals so many parts, and then the process is gone."""

    def __init__(self, lives: int) -> None:
        super().__init__(b"k" * 32)
        self.lives = lives

    def seal(self, *arguments: Any) -> bytes:
        if self.lives == 0:
            raise StoppedError
        self.lives -= 1
        return super().seal(*arguments)


def dying(world: SmallWorld, lives: int, *, heard: bool) -> Post:
    made = DyingPost(
        world.log, world.seals, "service/press", world.clock, "scrip-press", wait=world.settle
    )
    made.lives, made.heard = lives, heard
    return made


def prepared(world: SmallWorld) -> list[str]:
    facts = [orjson.loads(record.value or b"") for record in world.read(ISSUANCE_EVENTS)]
    assert {fact["type"] for fact in facts} <= {"cards_prepared.v1"}
    return [fact["subject"] for fact in facts]


def test_a_batch_is_in_stock_whole_with_its_value_and_hash(
    engine: Engine, world: SmallWorld
) -> None:
    made = batches(engine)
    made.plan(Order("b1", "gift", 2_300, 2500), POLICY, 0)
    manifest = made.go_on("b1", post(world))
    assert (manifest.cards, manifest.told, manifest.value_minor) == (2_300, 2_300, 2_300 * 2500)
    assert len(manifest.sha256) == 64
    accounts = prepared(world)
    assert len(accounts) == len(set(accounts)) == 2_300
    for record in world.read(ISSUANCE_COMMANDS):
        cards = orjson.loads(record.value or b"")["data"].get("cards", [])
        assert len(cards) <= 1_000
        assert {partition_of(c["card"].encode(), PARTITIONS) for c in cards} <= {record.partition}


@pytest.mark.parametrize("heard", [False, True])
def test_a_batch_killed_twice_goes_on_without_a_duplicate_or_a_hole(
    engine: Engine, world: SmallWorld, heard: bool
) -> None:
    made = batches(engine)
    for lives in (1, 1):
        made.plan(Order("b1", "gift", 4_000), POLICY, 0)
        with pytest.raises(StoppedError):
            made.go_on("b1", dying(world, lives, heard=heard))
    made.plan(Order("b1", "gift", 4_000), POLICY, 0)
    manifest = made.go_on("b1", post(world))
    accounts = prepared(world)
    assert len(accounts) == len(set(accounts)) == manifest.told == 4_000
    assert made.go_on("b1", post(world)) == manifest
    assert len(prepared(world)) == 4_000


def test_a_death_while_pressing_leaves_no_card_of_that_chunk(
    engine: Engine, world: SmallWorld
) -> None:
    made = batches(engine)
    made.plan(Order("b1", "gift", 2_000), POLICY, 0)
    directory = Directory(engine, PEPPERS)
    with pytest.raises(StoppedError):
        Batches(directory, Press(directory, PARTITIONS), DyingKey(1), PARTITIONS, print).go_on(
            "b1", post(world)
        )
    assert directory.under() == {1: 1_000}
    assert made.go_on("b1", post(world)).told == 2_000
    assert directory.under() == {1: 2_000}
    assert len(set(prepared(world))) == 2_000


def test_a_template_is_metered_over_all_partitions_and_says_what_is_left(
    engine: Engine, world: SmallWorld
) -> None:
    made = batches(engine)
    made.plan(Order("b1", "plastic", 700), POLICY, 0)
    with pytest.raises(TemplateFullError, match="room for 500 more, not for 501"):
        made.plan(Order("b2", "plastic", 501), POLICY, 0)
    made.plan(Order("b3", "plastic", 20), POLICY, 0)
    manifest = made.go_on("b3", post(world))
    assert manifest.left == {"embossed": 480}
    assert len(prepared(world)) == 20


@pytest.mark.parametrize("orders", [[1_000], [900], [550, 450]])
def test_every_number_that_a_template_promises_can_be_made(
    engine: Engine, world: SmallWorld, orders: list[int]
) -> None:
    narrow = {**DOCUMENT, "templates": {"embossed": {"number": "603571234567###C"}}}
    world.publish_policy(narrow, version=2)
    made = batches(engine)
    for name, cards in enumerate(orders):
        made.plan(Order(f"b{name}", "plastic", cards), Policy(2, 0, read_policy(narrow)), 0)
    for name, cards in enumerate(orders):
        assert made.go_on(f"b{name}", post(world)).told == cards
    assert len(set(prepared(world))) == sum(orders)
    assert made.directory.under() == {1: sum(orders)}


def test_the_print_file_opens_with_its_key_only_and_holds_what_was_pressed(
    engine: Engine, world: SmallWorld
) -> None:
    made = batches(engine)
    made.plan(Order("b1", "plastic", 20), POLICY, 0)
    made.go_on("b1", post(world))
    with engine.connect() as connection:
        wrapped = connection.execute(select(BATCHES.c.wrapped)).scalar_one()
        sealed = connection.execute(select(CHUNKS.c.sealed)).scalar_one()
    cards = KEY.open(wrapped, "b1", 0, sealed)
    assert [number for number, _ in cards] == list(range(1, 21))
    directory = Directory(engine, PEPPERS)
    for _, card in cards:
        assert [secret.kind for secret in card.identifiers] == ["number", "track"]
        assert {directory.find(secret.text) for secret in card.identifiers} == {card.account}
        assert card.identifiers[0].text.encode() not in sealed
    for key, batch, part in (
        (PrintKey(b"x" * 32), "b1", sealed),
        (KEY, "b2", sealed),
        (KEY, "b1", sealed[:-1] + bytes([sealed[-1] ^ 1])),
    ):
        with pytest.raises(PrintFileError):
            key.open(wrapped, batch, 0, part)


def test_a_batch_of_another_order_under_the_same_name_is_refused(engine: Engine) -> None:
    made = batches(engine)
    made.plan(Order("b1", "gift", 10), POLICY, 0)
    made.plan(Order("b1", "gift", 10), POLICY, 5)
    with pytest.raises(BatchRefusedError, match="was another"):
        made.plan(Order("b1", "gift", 11), POLICY, 0)


def test_a_batch_goes_on_whatever_became_of_the_pepper_it_was_planned_under(
    engine: Engine, world: SmallWorld
) -> None:
    batches(engine).plan(Order("b1", "gift", 10), POLICY, 0)
    for peppers in ({2: b"2" * 32}, {0: b"0" * 32, 1: b"1" * 32}, {1: b"1" * 32, 2: b"2" * 32}):
        made = batches(engine, peppers)
        made.plan(Order("b1", "gift", 10), POLICY, 5)
        with pytest.raises(BatchRefusedError, match="was another"):
            made.plan(Order("b1", "gift", 10, place={"location": "F1"}), POLICY, 0)
    assert made.go_on("b1", post(world)).told == 10


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (Order("b", "unheard", 1), "no card programme"),
        (Order("b", "credit", 1), "no card programme"),
        (Order("b", "gift", 0), "allowed: 1 to"),
        (Order("b", "plastic", 1, 2400), "does not offer"),
    ],
)
def test_an_order_that_cannot_be_is_refused_before_anything_is_made(
    engine: Engine, order: Order, said: str
) -> None:
    with pytest.raises(BatchRefusedError, match=said):
        batches(engine).plan(order, POLICY, 0)
    assert batches(engine).directory.under() == {}


def test_what_issuance_refuses_is_told_and_asked_anew_once_it_may_be(
    engine: Engine, world: SmallWorld
) -> None:
    made = batches(engine)
    elsewhere = Order("b1", "gift", 10, place={"location": "F9"})
    made.plan(elsewhere, POLICY, 0)
    with pytest.raises(BatchRefusedError, match="location_not_allowed"):
        made.go_on("b1", post(world))
    opened = {**DOCUMENT, "locations": {**DOCUMENT["locations"], "F9": {"entity": "E1"}}}
    world.publish_policy(opened, version=2)
    assert made.go_on("b1", post(world)).told == 10
    accounts = [fact["subject"] for fact in map(_read, world.read(ISSUANCE_EVENTS))]
    assert len(set(accounts)) == 10


def _read(record: Any) -> Any:
    found = orjson.loads(record.value or b"")
    return found if found["type"] == "cards_prepared.v1" else {"subject": found["subject"]}


def test_a_second_process_that_carries_a_batch_on_stops_the_first(
    engine: Engine, world: SmallWorld
) -> None:
    made = batches(engine)
    made.plan(Order("b1", "gift", 2_000), POLICY, 0)
    first = dying(world, 1, heard=False)
    with pytest.raises(StoppedError):
        made.go_on("b1", first)
    assert made.go_on("b1", post(world)).told == 2_000
    made.plan(Order("b2", "gift", 10), POLICY, 0)
    first.lives = 1
    with pytest.raises(AskedElsewhereError):
        made.go_on("b2", first)
