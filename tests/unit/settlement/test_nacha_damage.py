"""Text that was damaged on its way is refused, whatever line or digit it was."""

from collections.abc import Callable
from datetime import date

import pytest

from schemas.bank_text import NachaError
from services.settlement.nacha.file import NachaFile, parse, render
from services.settlement.nacha.validator import problems_of_text
from services.settlement.returns import SentEntry
from tests.unit.settlement.bank_files import correction_file
from tests.unit.settlement.samples import good_file


def lines_of(file: NachaFile) -> list[str]:
    """The good file's lines."""
    return render(file).splitlines()


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (lambda t: t[:-95], "are not whole blocks of 10"),
        (lambda t: t + "9" * 94 + "\n", "are not whole blocks of 10"),
        (lambda t: t + ("9" * 94 + "\n") * 10, "not written as we write it"),
        (lambda t: t[:-1], "are not whole blocks of 10"),
        (lambda t: t.replace("\n", "\r\n", 3), "not written as we write it"),
        (lambda t: t.replace("9" * 94, "9" * 93 + " ", 1), "line 19: filling: follows"),
        (lambda t: t[:50] + t[51:], "93 columns instead of 94"),
        (lambda t: t[:50] + "é" + t[51:], "'é' is not printable ASCII"),
        (lambda t: t.replace("094101", "094201", 1), "record format"),
        (lambda t: "", "ends too early"),
        (lambda t: "\n", "0 columns"),
        (lambda t: t.split("\n", 1)[1], "begins with '520' instead of '101'"),
        (lambda t: t.replace("\n6", "\n4", 1), "line 3: batch control: begins with '4'"),
        (lambda t: t.replace("\n705", "\n710", 1), "'10' is not 05, 98 or 99"),
        (lambda t: t.replace("00000014", "0000001x", 1), "amount"),
        (lambda t: t.replace("00000014", "000000 4", 1), "amount"),
        (lambda t: t.replace("\n8", "\n9", 1), "batch control"),
        (lambda t: t.replace("260513", "261313", 1), "is not a date YYMMDD"),
        (lambda t: t.replace("2605121200", "2605122500", 1), "is not HHMM"),
        (lambda t: t[: t.index("\n9") + 1], "ends too early"),
    ],
)
def test_damaged_text_is_found(damage: Callable[[str], str], rule: str) -> None:
    whole = render(good_file())
    damaged = damage(whole)
    assert damaged != whole
    found = "\n".join(f"{p.where}: {p.rule}" for p in problems_of_text(damaged))
    assert rule in found


def test_swapped_and_dropped_lines_are_found() -> None:
    lines = lines_of(good_file())
    last = next(n for n, line in enumerate(lines) if line.startswith("9"))
    for at in range(last):
        dropped = [*lines[:at], *lines[at + 1 :], "9" * 94]
        assert problems_of_text("".join(f"{line}\n" for line in dropped)), f"line {at + 1} dropped"
        swapped = [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]
        assert problems_of_text("".join(f"{line}\n" for line in swapped)), f"line {at + 1} swapped"


def test_every_changed_digit_of_a_number_that_moves_money_is_found() -> None:
    text = render(good_file())
    lines = text.splitlines(keepends=True)
    # Not an entry's second column: checking or savings, nothing else in a file tells which.
    numbers = {"6": range(2, 12), "8": range(1, 44), "9": range(1, 55), "5": range(1, 4)}
    amounts = range(29, 39)
    for at, line in enumerate(lines):
        if line.startswith("9" * 94):
            continue
        columns = [*numbers.get(line[0], ()), *(amounts if line[0] == "6" else ())]
        for column in columns:
            changed = str((int(line[column]) + 1) % 10)
            wrong = line[:column] + changed + line[column + 1 :]
            damaged = "".join([*lines[:at], wrong, *lines[at + 1 :]])
            assert problems_of_text(damaged), f"line {at + 1} column {column + 1}"


def test_a_file_read_is_the_file_written() -> None:
    assert parse(render(good_file())) == good_file()


@pytest.mark.parametrize(("kind", "columns"), [("8", range(74, 80)), ("9", range(56, 95))])
def test_text_in_reserved_columns_is_found_because_it_would_be_lost(
    kind: str, columns: range
) -> None:
    lines = lines_of(good_file())
    at = next(n for n, line in enumerate(lines) if line.startswith(kind))
    for column in columns:
        wrong = lines[at][: column - 1] + "x" + lines[at][column:]
        text = "".join(f"{line}\n" for line in [*lines[:at], wrong, *lines[at + 1 :]])
        assert [p.where for p in problems_of_text(text)] == [f"line {at + 1}"]


def test_text_in_a_corrections_reserved_columns_is_found() -> None:
    sent = SentEntry(
        trace="021000020000002",
        location="B",
        direction="debit",
        amount_minor=1800,
        routing="011401533",
        account="100201",
        attempt=0,
        effective=date(2026, 5, 13),
        effective_first=date(2026, 5, 13),
        state="settled",
    )
    lines = lines_of(correction_file(sent, "C01", "1" * 29))
    at = next(n for n, line in enumerate(lines) if line.startswith("798"))
    for column in (*range(22, 28), *range(65, 80)):
        wrong = lines[at][: column - 1] + "x" + lines[at][column:]
        with pytest.raises(NachaError, match="reserved") as caught:
            parse("\n".join([*lines[:at], wrong, *lines[at + 1 :]]))
        assert caught.value.line == at + 1


def test_a_file_that_stops_says_after_which_line() -> None:
    lines = lines_of(good_file())
    last = next(n for n, line in enumerate(lines) if line.startswith("9"))
    for kept in range(1, last + 1):
        with pytest.raises(NachaError) as caught:
            parse("\n".join(lines[:kept]))
        assert caught.value.line == kept + 1
        assert caught.value.reason == "ends too early"
