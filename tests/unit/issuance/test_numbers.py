"""Check digits and forms, against published examples; capacity of templates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.policy import Template
from services.issuance import numbers
from services.issuance.templates import capacity, left, possible

CODES = st.integers(min_value=0, max_value=2**80 - 1)


def test_crockford_check_is_the_value_modulo_37() -> None:
    assert numbers.crockford_code(1234) == "0" * 13 + "16J" + "D"  # 1234 = 16J, 1234 % 37 = 13
    assert numbers.crockford_code(0) == "0" * 17
    assert numbers.crockford_code(2**80 - 1)[:16] == "Z" * 16


@pytest.mark.parametrize("number", ["4111111111111111", "79927398713", "5555555555554444"])
def test_luhn_knows_published_numbers(number: str) -> None:
    assert numbers.is_luhn(number)
    assert numbers.luhn_digit(number[:-1]) == number[-1]


@pytest.mark.parametrize("number", ["4006381333931", "9780306406157", "5901234123457"])
def test_ean13_knows_published_barcodes(number: str) -> None:
    assert numbers.is_ean13(number)
    assert numbers.ean13(number[:12]) == number


def test_what_is_no_number_is_no_barcode() -> None:
    assert not numbers.is_ean13("400638133393")
    assert not numbers.is_ean13("400638133393１")
    assert not numbers.is_luhn("４111")


@given(CODES)
def test_a_code_survives_how_people_type_it(bits: int) -> None:
    code = numbers.crockford_code(bits)
    typed = " " + numbers.grouped(code).lower().replace("0", "o").replace("1", "l") + " "
    assert numbers.normalised(typed) == code
    assert numbers.is_crockford_code(code)


@given(CODES, st.integers(0, 15), st.sampled_from(numbers.CROCKFORD))
def test_no_single_wrong_character_passes_the_check(bits: int, place: int, other: str) -> None:
    code = numbers.crockford_code(bits)
    changed = code[:place] + other + code[place + 1 :]
    assert numbers.is_crockford_code(changed) is (changed == code)


@given(CODES, st.integers(0, 14))
def test_no_two_swapped_neighbours_pass_the_check(bits: int, place: int) -> None:
    code = numbers.crockford_code(bits)
    one, two = code[place], code[place + 1]
    swapped = code[:place] + two + one + code[place + 2 :]
    assert numbers.is_crockford_code(swapped) is (one == two)


@given(st.lists(st.integers(0, 9), min_size=10, max_size=10))
def test_a_number_fits_its_template_and_its_check_digit(digits: list[int]) -> None:
    number = numbers.numbered("603571##########C", digits)
    assert number[:6] == "603571"
    assert number[6:16] == "".join(map(str, digits))
    assert len(number) == 17
    assert numbers.is_luhn(number)


def test_a_code_is_printed_in_fours() -> None:
    assert numbers.grouped("ABCDEFGHJKMNPQRST") == "ABCD-EFGH-JKMN-PQRS-T"


def test_a_template_says_what_it_can_make_and_what_is_left() -> None:
    plastic = Template(number="603571##########C", pin=6, capacity=10_000_000)
    assert possible(plastic) == 10**10
    assert capacity(plastic) == 10_000_000
    assert (left(plastic, 9_999_999), left(plastic, 10_000_001)) == (1, 0)
    assert capacity(Template(number="60357112345678#C", capacity=50)) == 10
    assert capacity(Template(code="crockford16")) == 2**80


@pytest.mark.parametrize(("digits", "room"), [(0, 1), (3, 1000), (6, 10**6), (7, 9_900_000)])
def test_a_template_promises_what_chance_can_find(digits: int, room: int) -> None:
    pattern = "603571234567890123"[: 15 - digits] + "#" * digits + "C"
    assert capacity(Template(number=pattern)) == room
    assert capacity(Template(number=pattern, capacity=10**digits)) == room
