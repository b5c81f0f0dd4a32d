"""What people write is read as it looks, written so that it reads back, or refused by its line."""

import json
from typing import Any

import orjson
import pytest

from schemas.lined import FileUnreadableError, as_yaml, read_lined


def read(text: str) -> Any:
    return read_lined("a.yaml", text).value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010000", 10_000),
        ("-5", -5),
        ("16:15", "16:15"),
        ("no", "no"),
        ("2027-12-31", "2027-12-31"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("!!timestamp 2026-01-01 00:00:00Z", "2026-01-01T00:00:00+00:00"),
        ("true", True),
        ("~", None),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("!!int 5", 5),
        ("'<<'", "<<"),
        ("18446744073709551615", 2**64 - 1),
        ("0x10", "0x10"),
        ("1.5", 1.5),
        ('"\\U0001F600"', "😀"),
    ],
)
def test_a_value_is_what_it_looks_like(text: str, value: Any) -> None:
    found = read(f"a: {text}")["a"]
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    "text",
    [
        *(".inf", "-.inf", ".nan", "1e999", "18446744073709551616", "-9223372036854775809"),
        *(
            "!!binary aGVsbG8=",
            "!!timestamp soon",
            "!!timestamp 2026-13-01",
            "!!bool maybe",
            "!!null x",
            "!!float 5",
        ),
        *("!!int 0x10", "!!set {b}", "!!omap [b: 1]", "!!pairs [b: 1]", "!own {b: 1}", "!own b"),
        *("!!python/name:os.system x", '"\\ud800"', "9" * 5000, '"\\UFFFFFFFF"', "<<"),
        *("{b: 1, b: 2}", '{"\\ud800": 1}', "{1: 2}", "{[b]: 1}", "{<<: 5}", "{<<: {[b]: 1}}"),
        *("{<<: {5: 1}}", '"\\U00110000"', "{? {b: 1} : 2}", "{true: 1}", "{!own b: 1}"),
    ],
)
def test_what_json_has_not_is_refused_by_its_line(text: str) -> None:
    with pytest.raises(FileUnreadableError) as unreadable:
        read(f"# a comment\nz: 1\na: {text}\n")
    [fault] = unreadable.value.faults
    assert fault.value
    assert fault.allowed
    assert fault.line == 3
    assert str(fault).isprintable()


def test_merged_keys_may_be_written_over_wherever_the_mapping_comes_again() -> None:
    found = read("b: &b {x: 1, y: 1}\nc: &c {<<: *b, x: 2}\nd: *c\ne: {<<: *c, y: 3}")
    assert found["c"] == found["d"] == {"x": 2, "y": 1}
    assert found["e"] == {"x": 2, "y": 3}


@pytest.mark.parametrize("value", ["010", "0910", "1e5", "no", "16:15", "2026-01-01", "=", "~", ""])
def test_what_is_written_as_yaml_reads_back(value: str) -> None:
    document = {"a": value, "b": [1, -5, None, True, "z\n", "é😀"], value or "key": {}}
    assert read(as_yaml(document)) == document


def test_json_is_read_as_json() -> None:
    document = {"a": {"b": [1, 2.5, None, True, "16:15", "é", '\n"\\/']}, "": [], "c d": {}}
    for text in (orjson.dumps(document, option=orjson.OPT_INDENT_2).decode(), json.dumps(document)):
        assert read(text) == document
