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
        ("60357112!4567893,4000,2025-11-28T09:00:00Z,,", "line 2, code", "…7893 (16 characters)"),
        (f"{CODE},0,2025-11-28T09:00:00Z,,", "line 2, balance_minor", "0"),
        (f"{CODE},-5,2025-11-28T09:00:00Z,,", "line 2, balance_minor", "-5"),
        (f"{CODE},40.00,2025-11-28T09:00:00Z,,", "line 2, balance_minor", "40.00"),
        (f"{CODE},4000,last year,,", "line 2, sold_at", "last year"),
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
