"""The directory on PostgreSQL and on its stand-in: the same rules, tested alike."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select

from deploy.migrations.run import upgrade
from services.issuance import numbers
from services.issuance.directory import (
    LOCKED_MS,
    TRIES_MAX,
    Directory,
    Keys,
    PepperMissingError,
    PinAnswer,
    Secret,
    SecretTakenError,
    TemplateFullError,
    claim,
    forget,
)
from services.issuance.tables import METADATA, PINS, SECRETS
from services.runtime.tables import MEMORY_URL, create_tables, is_postgres, open_tables

OLD, NEW = {1: b"1" * 32}, {1: b"1" * 32, 2: b"2" * 32}
NOW = 1_780_000_000_000
CODE = Secret("code", "digital", numbers.crockford_code(7))


@pytest.fixture(params=["stand-in", "postgres"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "stand-in":
        engine = open_tables(MEMORY_URL)
        create_tables(engine, [METADATA])
    else:
        url = request.getfixturevalue("database")
        upgrade(url)
        engine = open_tables(url)
    yield engine
    engine.dispose()


def peppers_used(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        secrets = connection.execute(select(SECRETS.c.pepper)).scalars().all()
        return [*secrets, *connection.execute(select(PINS.c.pepper)).scalars()]


def test_a_card_is_found_by_what_its_owner_types_and_by_nothing_else(engine: Engine) -> None:
    directory = Directory(engine, NEW)
    directory.register("a1", [CODE])
    assert directory.find(numbers.grouped(CODE.text).lower()) == "a1"
    assert directory.find(numbers.crockford_code(8)) is None
    assert directory.find("\ud800") is None  # half a character, as JSON can bring it
    assert directory.last4("a1") == CODE.text[12:16]


def test_an_old_digest_is_found_under_a_new_pepper_and_made_anew_when_used(engine: Engine) -> None:
    Directory(engine, OLD).register("a1", [CODE], "123456")
    Directory(engine, OLD).register("a2", [Secret("code", "digital", "unused")])
    both = Directory(engine, NEW)
    assert both.find(CODE.text) == "a1"
    assert both.try_pin("a1", "000000", NOW) is PinAnswer.WRONG
    assert both.under() == {1: 2, 2: 1}
    assert peppers_used(engine).count(1) == 2, "a wrong PIN proves nothing"
    assert both.try_pin("a1", "123456", NOW) is PinAnswer.RIGHT
    only_new = Directory(engine, {2: NEW[2]})
    assert only_new.find(CODE.text) == "a1"
    assert only_new.try_pin("a1", "123456", NOW) is PinAnswer.RIGHT
    assert only_new.find("unused") is None


def test_a_pin_keeps_an_old_pepper_in_use_and_says_so_once_it_is_gone(engine: Engine) -> None:
    Directory(engine, OLD).register("a1", [CODE], "123456")
    both, only_new = Directory(engine, NEW), Directory(engine, {2: NEW[2], 3: b"3" * 32})
    both.find(CODE.text)
    assert both.under() == {1: 1, 2: 1}
    for pin in ("123456", "000000"):
        with pytest.raises(PepperMissingError, match="pepper 1, and there are 2, 3") as missing:
            only_new.try_pin("a1", pin, NOW)
        assert pin not in str(missing.value)
    assert both.try_pin("a1", "123456", NOW) is PinAnswer.RIGHT
    assert both.under() == {2: 2}
    assert only_new.try_pin("a1", "123456", NOW) is PinAnswer.RIGHT


def test_an_identifier_known_under_an_old_pepper_is_not_given_out_again(engine: Engine) -> None:
    Directory(engine, OLD).register("a1", [CODE])
    with pytest.raises(SecretTakenError):
        Directory(engine, NEW).register("a2", [CODE], "123456")
    assert Directory(engine, NEW).find(CODE.text) == "a1"
    assert Directory(engine, NEW).try_pin("a2", "123456", NOW) is PinAnswer.WRONG


def test_many_cards_are_kept_whole_or_not_at_all(engine: Engine) -> None:
    directory = Directory(engine, NEW)
    with pytest.raises(SecretTakenError), engine.begin() as connection:
        directory.keep(connection, [Keys("a1", (CODE,), "123456"), Keys("a2", (CODE,), "654321")])
    assert directory.find(CODE.text) is None
    assert directory.try_pin("a1", "123456", NOW) is PinAnswer.WRONG


def test_five_wrong_pins_lock_it_for_a_while_even_for_the_right_one(engine: Engine) -> None:
    directory = Directory(engine, NEW)
    directory.register("a1", [], "123456")
    for _ in range(TRIES_MAX):
        assert directory.try_pin("a1", "000000", NOW) is PinAnswer.WRONG
    assert directory.try_pin("a1", "123456", NOW + LOCKED_MS - 1) is PinAnswer.LOCKED
    assert directory.try_pin("a1", "123456", NOW + LOCKED_MS) is PinAnswer.RIGHT


def test_half_a_character_in_a_pin_is_a_wrong_pin_and_is_counted(engine: Engine) -> None:
    directory = Directory(engine, NEW)
    directory.register("a1", [], "123456")
    for pin in ("\ud800", "12345\udfff", "123456\ud83d", "\x00", "1" * 100_000):
        assert directory.try_pin("nobody", pin, NOW) is PinAnswer.WRONG
        assert directory.try_pin("a1", pin, NOW) is PinAnswer.WRONG
    assert directory.try_pin("a1", "123456", NOW) is PinAnswer.LOCKED


def test_wrong_pins_tried_at_once_are_all_counted(engine: Engine) -> None:
    if not is_postgres(engine):
        pytest.skip("the stand-in has one connection")
    directory = Directory(engine, NEW)
    directory.register("a1", [], "123456")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: directory.try_pin("a1", f"{n:06d}", NOW), range(20)))
    assert answers.count(PinAnswer.WRONG) == TRIES_MAX
    assert answers.count(PinAnswer.LOCKED) == 20 - TRIES_MAX


def test_a_forgotten_card_is_found_no_more_and_its_code_may_come_again(engine: Engine) -> None:
    directory = Directory(engine, NEW)
    directory.register("a1", [CODE], "123456")
    with engine.begin() as connection:
        forget(connection, ["a1"])
    assert directory.find(CODE.text) is None
    directory.register("a2", [CODE])
    assert directory.find(CODE.text) == "a2"


def test_a_template_says_what_is_left_and_refuses_what_does_not_fit(engine: Engine) -> None:
    directory = Directory(engine, NEW)
    with engine.begin() as connection:
        assert claim(connection, "plastic", 7, 10) == 3
    with pytest.raises(TemplateFullError, match="room for 3 more"), engine.begin() as connection:
        claim(connection, "plastic", 4, 10)
    assert directory.claimed("plastic") == 7


def test_claims_made_at_once_never_exceed_the_capacity(engine: Engine) -> None:
    if not is_postgres(engine):
        pytest.skip("the stand-in has one connection")

    def one(_: int) -> bool:
        try:
            with engine.begin() as connection:
                claim(connection, "plastic", 3, 20)
        except TemplateFullError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(16))) == 6
    assert Directory(engine, NEW).claimed("plastic") == 18
