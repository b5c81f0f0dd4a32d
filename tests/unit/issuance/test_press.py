"""Secrets are made once, kept as digests only, found as people type them, and locked."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select

from schemas.issuance import PrepareCards
from schemas.policy import PolicyDocument
from schemas.policy_checks import read_policy
from services.issuance import numbers
from services.issuance.directory import (
    LOCKED_MS,
    Directory,
    PepperMissingError,
    PinAnswer,
    Secret,
    SecretTakenError,
    TemplateFullError,
)
from services.issuance.press import Press, templates_of
from services.issuance.tables import METADATA, PINS, SECRETS
from services.runtime.murmur2 import partition_of
from services.runtime.tables import MEMORY_URL, create_tables, open_tables
from tests.unit.issuance.sample import document

PEPPERS = {1: b"1" * 32, 2: b"2" * 32}
NOW = 1_780_000_000_000


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = open_tables(MEMORY_URL)
    create_tables(engine, [METADATA])
    yield engine
    engine.dispose()


def policy(**templates: object) -> PolicyDocument:
    made = document()
    made["programmes"]["digital"] = {"kind": "card", "currency": "USD"}
    made["templates"]["plastic"] |= templates
    return read_policy(made)


def everything(engine: Engine) -> str:
    with engine.connect() as connection:
        tables = [connection.execute(select(table)).all() for table in (SECRETS, PINS)]
    return repr(tables)


def test_a_pressed_card_is_found_by_what_its_owner_types(engine: Engine) -> None:
    directory = Directory(engine, PEPPERS)
    [card] = Press(directory, 4).make(policy(), "digital", 1)
    [code] = card.identifiers
    assert numbers.is_crockford_code(code.text)
    assert directory.find(numbers.grouped(code.text).lower().replace("0", "O")) == card.account
    assert directory.find(numbers.crockford_code(1)) is None
    assert card.last4 == code.text[12:16]


def test_no_secret_is_in_any_table_command_or_printed_object(engine: Engine) -> None:
    directory = Directory(engine, PEPPERS)
    press = Press(directory, 4)
    cards = press.make(policy(barcode="ean13"), "gift", 3)
    kept = everything(engine) + repr(cards) + repr(list(press.commands("gift", "b1", cards)))
    for card in cards:
        assert card.pin is not None
        assert f"'{card.pin}'" not in kept
        assert [secret.kind for secret in card.identifiers] == ["number", "barcode"]
        for secret in card.identifiers:
            assert secret.text not in kept


def test_a_batch_is_told_to_issuance_by_partition(engine: Engine) -> None:
    press = Press(Directory(engine, PEPPERS), 4)
    cards = press.make(policy(capacity=1000), "digital", 40)
    told = list(press.commands("digital", "b1", cards, {"minor": 2500, "currency": "USD"}))
    named = []
    for outgoing in told:
        body = PrepareCards.model_validate(outgoing.body)
        accounts = [entry.card for entry in body.cards]
        assert outgoing.subject in accounts
        assert len({partition_of(account.encode(), 4) for account in accounts}) == 1
        named += accounts
    assert sorted(named) == sorted(card.account for card in cards)
    assert len({outgoing.id for outgoing in told}) == len(told)


def test_a_template_that_is_full_makes_no_card(engine: Engine) -> None:
    press = Press(Directory(engine, PEPPERS), 4)
    press.make(policy(), "gift", 2)
    with pytest.raises(TemplateFullError, match="room for 1 more"):
        press.make(policy(), "gift", 2)


def test_an_identifier_in_use_is_drawn_again_until_the_template_is_really_full(
    engine: Engine,
) -> None:
    narrow = policy(number="60357112345678#C", capacity=10)
    cards = Press(Directory(engine, PEPPERS), 4).make(narrow, "gift", 5)
    assert len({card.identifiers[0].text for card in cards}) == 5


@pytest.mark.parametrize("batches", [[10], [7, 3], [1] * 10])
def test_a_template_makes_all_it_has_room_for(engine: Engine, batches: list[int]) -> None:
    narrow = policy(number="60357112345678#C", capacity=None, track=True, barcode="ean13")
    press = Press(Directory(engine, PEPPERS), 4)
    cards = [card for count in batches for card in press.make(narrow, "gift", count)]
    assert {card.identifiers[0].text[14] for card in cards} == set("0123456789")
    assert all(card.identifiers[0].text in card.identifiers[1].text for card in cards)
    with pytest.raises(TemplateFullError, match="room for 0 more"):
        press.make(narrow, "gift", 1)


def test_what_is_left_of_a_template_is_given_out_in_no_order(engine: Engine) -> None:
    narrow = policy(number="603571234567###C", capacity=None, pin=None)
    press = Press(Directory(engine, PEPPERS), 4)
    press.make(narrow, "gift", 900)
    last = [card.identifiers[0].text for card in press.make(narrow, "gift", 100)]
    assert last not in (sorted(last), sorted(last, reverse=True))


def test_numbers_that_others_have_are_said_to_be_missing(engine: Engine) -> None:
    directory = Directory(engine, PEPPERS)
    numbers_of_others = [numbers.numbered("60357112345678#C", [digit]) for digit in range(4)]
    directory.register("a1", [Secret("number", "(import)", text) for text in numbers_of_others])
    narrow = policy(number="60357112345678#C", capacity=None)
    with pytest.raises(TemplateFullError, match=r"plastic has \d free numbers for the last"):
        Press(directory, 4).make(narrow, "gift", 7)
    assert directory.claimed("plastic") == 0
    assert len(Press(directory, 4).make(narrow, "gift", 6)) == 6


def test_two_templates_of_one_form_share_its_numbers(engine: Engine) -> None:
    made = document()
    made["templates"] = {
        name: {"number": "60357112345678#C", "capacity": 5} for name in ("plastic", "paper")
    }
    made["programmes"]["gift"]["templates"] = ["plastic", "paper"]
    cards = Press(Directory(engine, PEPPERS), 4).make(read_policy(made), "gift", 5)
    assert len({secret.text for card in cards for secret in card.identifiers}) == 10


def test_a_rekeyed_card_never_gets_the_number_that_it_had(engine: Engine) -> None:
    narrow = policy(number="60357112345678#C", capacity=None)
    directory = Directory(engine, PEPPERS)
    press = Press(directory, 4)
    old = press.make(narrow, "gift", 10)[0]
    full = "plastic has 0 free numbers for the last 1"
    with engine.begin() as connection, pytest.raises(TemplateFullError, match=full):
        press.rekey(connection, templates_of(narrow, "gift"), [old.account])
    assert directory.find(old.identifiers[0].text) == old.account


def test_an_identifier_belongs_to_one_account_only(engine: Engine) -> None:
    directory = Directory(engine, PEPPERS)
    code = [Secret("code", "digital", numbers.crockford_code(7))]
    directory.register("a1", code)
    with pytest.raises(SecretTakenError):
        directory.register("a2", code, "123456")
    assert directory.find(code[0].text) == "a1"
    assert "a2" not in everything(engine)


def test_a_new_pepper_leaves_old_cards_findable_and_guards_new_ones(engine: Engine) -> None:
    code = Secret("code", "digital", numbers.crockford_code(7))
    Directory(engine, {1: PEPPERS[1]}).register("a1", [code], "123456")
    both = Directory(engine, PEPPERS)
    assert both.find(code.text) == "a1"
    assert both.try_pin("a1", "123456", NOW) is PinAnswer.RIGHT
    with pytest.raises(SecretTakenError):
        both.register("a2", [code])
    assert Directory(engine, {2: PEPPERS[2]}).find(code.text) == "a1"


def test_a_pin_under_a_pepper_that_is_gone_names_that_pepper(engine: Engine) -> None:
    Directory(engine, {1: PEPPERS[1]}).register("a1", [], "123456")
    with pytest.raises(PepperMissingError, match="pepper 1, and there are 2: put 1 back"):
        Directory(engine, {2: PEPPERS[2]}).try_pin("a1", "123456", NOW)
    assert Directory(engine, PEPPERS).under() == {1: 1}


def test_a_rekeyed_card_forgets_its_old_secret_and_pin(engine: Engine) -> None:
    directory = Directory(engine, PEPPERS)
    press = Press(directory, 4)
    [old] = press.make(policy(), "gift", 1)
    with engine.begin() as connection:
        [new] = press.rekey(connection, templates_of(policy(), "gift"), [old.account])
    assert directory.find(old.identifiers[0].text) is None
    assert directory.find(new.identifiers[0].text) == old.account
    assert directory.claimed("plastic") == 1
    assert new.pin is not None
    assert directory.try_pin(old.account, new.pin, NOW) is PinAnswer.RIGHT


def test_five_wrong_pins_lock_it_for_a_while_even_for_the_right_one(engine: Engine) -> None:
    directory = Directory(engine, PEPPERS)
    directory.register("a1", [], "123456")
    for _ in range(5):
        assert directory.try_pin("a1", "000000", NOW) is PinAnswer.WRONG
    assert directory.try_pin("a1", "123456", NOW + LOCKED_MS - 1) is PinAnswer.LOCKED
    assert directory.try_pin("a1", "123456", NOW + LOCKED_MS) is PinAnswer.RIGHT


def test_a_right_pin_forgives_the_wrong_ones_before_it(engine: Engine) -> None:
    directory = Directory(engine, PEPPERS)
    directory.register("a1", [], "123456")
    for pin in ["000000"] * 4 + ["123456"] + ["000000"] * 4:
        last = directory.try_pin("a1", pin, NOW)
    assert last is PinAnswer.WRONG
    assert directory.try_pin("a1", "123456", NOW) is PinAnswer.RIGHT


def test_an_account_without_a_pin_is_always_wrong(engine: Engine) -> None:
    assert Directory(engine, PEPPERS).try_pin("a9", "123456", NOW) is PinAnswer.WRONG
