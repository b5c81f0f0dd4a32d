"""Words, accounts, routing numbers and codes of the format."""

import pytest

from schemas import bank_text as text
from schemas import routing
from schemas.bank_text import NachaError
from services.settlement.nacha import codes
from services.settlement.nacha.file_header import modifier_after


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("O'Brien", "O'Brien"),
        ("O\u2019Brien \u2013 Sons", "O'Brien - Sons"),
        ("Café Müller", "Cafe Muller"),
        ("Straße Ærø Łódź", "Strasse AEro Lodz"),
        ("ﬁrst № 5", "first No 5"),
        ("  inner  blanks  ", "inner  blanks"),
        ("\u00a0no-break\u00a0", "no-break"),
    ],
)
def test_letters_are_transliterated(given: str, written: str) -> None:
    assert text.printable(given, "name") == written


@pytest.mark.parametrize("given", ["商店", "a\tb", "a\nb", "x\x00", "€5", "\x7f", "😀", "Ωmega"])
def test_what_has_no_ascii_form_is_an_error_not_a_gap(given: str) -> None:
    with pytest.raises(NachaError, match="not printable ASCII"):
        text.printable(given, "name")


@pytest.mark.parametrize("words", sorted(text.RESERVED_DESCRIPTIONS))
def test_reserved_descriptions_are_refused_in_any_case_and_spacing(words: str) -> None:
    spellings = [words, words.lower(), words.title(), f" {words} "]
    for spelling in spellings:
        with pytest.raises(NachaError, match="is reserved"):
            text.description(spelling)


def test_descriptions_and_company_names_are_never_cut() -> None:
    assert text.description("SETTLEMENT") == "SETTLEMENT"
    assert text.company_name("SIXTEEN LETTERS!") == "SIXTEEN LETTERS!"
    with pytest.raises(NachaError, match="more than 10"):
        text.description("SETTLEMENTS")
    with pytest.raises(NachaError, match="more than 16"):
        text.company_name("SEVENTEEN LETTERS")
    with pytest.raises(NachaError, match="more than 16"):
        text.company_name("ßßßßßßßßß")  # nine letters that become eighteen


@pytest.mark.parametrize("number", ["1", "12345678901234567", "744-5678-99", "AB 12", "0012"])
def test_account_numbers_up_to_17_characters_stand_as_they_are(number: str) -> None:
    assert text.account_problem(number) is None


@pytest.mark.parametrize(
    "number", ["", " ", "123456789012345678", "12 ", " 12", "-1", "1_2", "١٢٣", "000", "0-0", "1\n"]
)
def test_other_account_numbers_are_refused(number: str) -> None:
    assert text.account_problem(number)


@pytest.mark.parametrize(
    "number", ["021000021", "011401533", "091000019", "121042882", "322271627", "800000000"]
)
def test_real_routing_numbers_pass(number: str) -> None:
    if number == "800000000":
        number = f"80000000{routing.check_digit('80000000')}"
    assert routing.problem(number) is None


def test_every_wrong_digit_of_a_routing_number_is_found() -> None:
    good = "021000021"
    for at in range(9):
        for digit in "0123456789".replace(good[at], ""):
            assert routing.problem(good[:at] + digit + good[at + 1 :])


def test_exactly_the_assigned_prefixes_pass() -> None:
    passing = []
    for prefix in range(100):
        first = f"{prefix:02d}123456"
        if routing.problem(first + str(routing.check_digit(first))) is None:
            passing.append(prefix)
    assert passing == [*range(13), *range(21, 33), *range(61, 73), 80]


@pytest.mark.parametrize(
    "number", ["000000000", "", "02100002", "0210000210", "02100002a", "०२१००००२१"]
)
def test_what_is_no_routing_number_is_refused(number: str) -> None:
    assert routing.problem(number)


def test_the_day_has_36_file_modifiers_and_the_37th_is_an_error() -> None:
    letters = [modifier_after(n) for n in range(36)]
    assert "".join(letters) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    for beyond in (36, -1):
        with pytest.raises(NachaError, match="36 files a day"):
            modifier_after(beyond)


def test_transaction_codes_are_the_trades() -> None:
    live = [
        codes.transaction_code("checking", "credit"),
        codes.transaction_code("checking", "debit"),
        codes.transaction_code("savings", "credit"),
        codes.transaction_code("savings", "debit"),
    ]
    assert live == [22, 27, 32, 37]
    assert [codes.returned_as(code) for code in live] == [21, 26, 31, 36]
    assert [codes.returned_as(code + 1) for code in live] == [21, 26, 31, 36]
    assert sorted(codes.TRANSACTIONS) == [21, 22, 23, 26, 27, 28, 31, 32, 33, 36, 37, 38]
