"""A file of another system's cards is fit row by row, or says line, value and what is allowed."""

import pytest

from schemas.instants import parse_instant
from services.issuance.old_cards import read_old_cards

NOW = parse_instant("2026-05-01T10:00:00Z")
HEAD = "code,balance_minor,sold_at,expires_at,pin\n"
CODE = "6035-7112-3456-7893"
GOOD = f"{CODE},4000,2025-11-28T09:00:00-05:00,2030-11-28T00:00:00Z,123456\n"


def test_a_fit_row_is_read_with_its_dates_and_no_secret_in_its_repr() -> None:
    [card], wrong = read_old_cards(HEAD + GOOD, NOW)
    assert wrong == []
    assert (card.code, card.minor, card.pin) == ("6035711234567893", 4000, "123456")
    assert card.sold_at == parse_instant("2025-11-28T14:00:00Z")
    assert "6035711234567893" not in repr(card)
    assert "123456'" not in repr(card)


def test_columns_that_may_be_left_out_may_be_left_out() -> None:
    [card], wrong = read_old_cards(
        f"sold_at,code,balance_minor\n2025-01-01T00:00:00Z,{CODE},5", NOW
    )
    assert (wrong, card.expires_at, card.pin) == ([], None, None)


@pytest.mark.parametrize(
    ("row", "path", "value"),
    [
        ("1234,4000,2025-11-28T09:00:00Z,,", "line 2, code", "… (4 characters)"),
        ("60357112!4567893,4000,2025-11-28T09:00:00Z,,", "line 2, code", "… (16 characters)"),
        (f"{CODE},0,2025-11-28T09:00:00Z,,", "line 2, balance_minor", "0"),
        (f"{CODE},-5,2025-11-28T09:00:00Z,,", "line 2, balance_minor", "-5"),
        (f"{CODE},40.00,2025-11-28T09:00:00Z,,", "line 2, balance_minor", "40.00"),
        (f"{CODE},4000,last year,,", "line 2, sold_at", "(not shown)"),
        (f"{CODE},4000,soon,,", "line 2, sold_at", "soon"),
        (f"{CODE},4000,2025-11-28 09:00,,", "line 2, sold_at", "2025-11-28 09:00"),
        (f"{CODE},4000,2025-13-01T00:00:00Z,,", "line 2, sold_at", "2025-13-01T00:00:00Z"),
        (f"{CODE},4000,11/28/2025,,", "line 2, sold_at", "11/28/2025"),
        (f"{CODE},4000,2027-01-01T00:00:00Z,,", "line 2, sold_at", "2027-01-01T00:00:00Z"),
        (f"{CODE},4000,2025-11-28T09:00:00Z,2026-01-01T00:00:00Z,", "line 2, expires_at", None),
        (f"{CODE},4000,2025-11-28T09:00:00Z,,12", "line 2, pin", "(not shown)"),
        (f"{CODE},4000", "line 2", "another number of fields"),
        (f"{CODE},4000,2025-11-28T09:00:00Z,,,6035711234567893", "line 2", None),
    ],
)
def test_a_wrong_row_is_named_by_line_value_and_what_is_allowed(
    row: str, path: str, value: str | None
) -> None:
    cards, [finding] = read_old_cards(HEAD + row, NOW)
    assert cards == []
    assert finding.path == path
    assert value is None or finding.value == value
    assert finding.allowed
    assert "6035711234567893" not in str(finding)


def test_every_wrong_row_is_named_and_not_only_the_first() -> None:
    _, wrong = read_old_cards(HEAD + "x,0,now,,\n" + GOOD + GOOD, NOW)
    assert [one.path for one in wrong] == [
        "line 2, code", "line 2, balance_minor", "line 2, sold_at", "line 4, code",
    ]  # fmt: skip
    assert "it is on line 3 too" in wrong[-1].allowed


def test_a_code_in_a_wrong_column_is_not_shown() -> None:
    _, wrong = read_old_cards(HEAD + f"4000,{CODE.replace('-', '')},{CODE},,\n", NOW)
    assert len(wrong) == 3
    assert not any("3456" in str(one) for one in wrong)


@pytest.mark.parametrize("text", ["", "code,sold_at\n", HEAD, "code,balance_minor,sold_at,name\n"])
def test_a_file_without_cards_or_with_other_columns_is_refused(text: str) -> None:
    cards, wrong = read_old_cards(text, NOW)
    assert cards == []
    assert len(wrong) == 1


@pytest.mark.parametrize(
    "secret", ["482913", "4829", "482913.0", "-482913", "AB12CD34", "20251128"]
)
@pytest.mark.parametrize("column", ["balance_minor", "sold_at", "expires_at", "pin"])
def test_nothing_is_shown_of_what_may_be_a_secret_in_a_wrong_column(
    secret: str, column: str
) -> None:
    row = dict.fromkeys(("expires_at", "pin"), "") | {
        "code": CODE, "balance_minor": "0.5", "sold_at": "now", column: secret,
    }  # fmt: skip
    line = ",".join(row[name] for name in HEAD.strip().split(","))
    _, wrong = read_old_cards(f"{HEAD}{line}\n", NOW)
    assert wrong
    for one in wrong:
        assert secret[-4:] not in str(one)
        assert secret[:4] not in str(one)


def test_a_code_that_is_as_short_as_a_pin_may_be_one_and_shows_nothing() -> None:
    row = "482913482913,5000,2025-11-28T09:00:00Z,,\n"
    _, [twice] = read_old_cards(HEAD + row + row, NOW)
    assert "2913" not in str(twice)


def test_a_code_with_more_behind_it_shows_nothing_of_that() -> None:
    _, [wrong] = read_old_cards(HEAD + f"{CODE};482913,5000,2025-11-28T09:00:00Z,,\n", NOW)
    assert "2913" not in str(wrong)


def test_a_file_without_a_header_shows_no_code_and_no_pin_of_its_first_line() -> None:
    _, [wrong] = read_old_cards(f"{CODE},5000,2020-01-01T00:00:00Z,,482913\n", NOW)
    assert wrong.path == "line 1"
    assert "2020-01-01T00:00:00Z" in wrong.value
    for secret in ("7893", "6035", "482913", "5000"):
        assert secret not in str(wrong)


def test_a_header_with_another_name_shows_the_names_it_knows() -> None:
    _, [wrong] = read_old_cards("code,balance_minor,when,sold_at\n", NOW)
    assert wrong.value == "code,balance_minor,when,sold_at"


def test_a_column_that_is_named_twice_is_refused() -> None:
    text = "code,balance_minor, code,sold_at\nAAAABBBBCCCC,5,XXXXBBBBCCCC,2020-01-01T00:00:00Z\n"
    cards, [wrong] = read_old_cards(text, NOW)
    assert cards == []
    assert str(wrong) == "line 1: code twice — allowed: each column once"
