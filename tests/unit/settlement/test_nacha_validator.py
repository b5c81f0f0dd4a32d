"""Whatever is wrong with a file is found, and named."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from schemas.bank_text import NachaError
from services.settlement.nacha.addenda import Addenda05, Addenda98, Addenda99
from services.settlement.nacha.file import Entry, NachaFile, batch_of, file_of, render
from services.settlement.nacha.validator import LINES_MAX, problems, problems_of_text
from tests.unit.settlement.samples import good_file


def rules(file: NachaFile) -> str:
    """All problems as one text."""
    return "\n".join(f"{problem.where}: {problem.rule}" for problem in problems(file))


def with_entry(at: int, **changes: Any) -> NachaFile:
    """The good file with one entry of its first batch changed and all sums made to fit."""
    file = good_file()
    first, *others = file.batches
    entries = list(first.entries)
    entries[at] = replace(entries[at], detail=replace(entries[at].detail, **changes))
    return file_of(file.header, [batch_of(first.header, entries), *others])


def with_addenda(addenda: tuple[Any, ...], indicator: int = 1) -> NachaFile:
    """The good file with other addenda on its first entry."""
    file = good_file()
    first, *others = file.batches
    detail = replace(first.entries[0].detail, addenda_indicator=indicator)
    entries = [Entry(detail, addenda), *first.entries[1:]]
    return file_of(file.header, [batch_of(first.header, entries), *others])


def with_header(at: int = 0, **changes: Any) -> NachaFile:
    """The good file with one batch's header changed and all sums made to fit."""
    file = good_file()
    batches = list(file.batches)
    header = replace(batches[at].header, **changes)
    batches[at] = batch_of(header, batches[at].entries)
    return file_of(file.header, batches)


def with_control(**changes: Any) -> NachaFile:
    """The good file with its first batch's control changed, the file's own made to fit."""
    file = good_file()
    first, *others = file.batches
    wrong = replace(first, control=replace(first.control, **changes))
    return file_of(file.header, [wrong, *others])


def test_a_good_file_has_no_problem() -> None:
    assert rules(good_file()) == ""
    assert problems_of_text(render(good_file())) == ()
    assert problems_of_text(render(good_file(), "\r\n")) == ()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"code": 99}, "transaction code 99 is not one we send"),
        ({"code": 26}, "transaction code 26 is not one we send"),
        ({"code": 28}, "a prenote of 1450 instead of 0"),
        ({"amount_minor": 0}, "amount 0 is not 1 to"),
        ({"amount_minor": -5}, "amount -5 is not 1 to"),
        ({"amount_minor": 10_000_000_000}, "amount 10000000000 is not 1 to 9999999999"),
        ({"routing": "021000022"}, "routing number does not match its check digit"),
        ({"routing": "000000000"}, "routing number is all zeros"),
        ({"routing": "500000005"}, "assigned to no bank"),
        ({"account": "12#4"}, "account number is not letters"),
        ({"account": "0000"}, "account number is all zeros"),
        ({"account": "1" * 18}, "account number is longer than 17"),
        ({"name": ""}, "receiving company name is missing"),
        ({"addenda_indicator": 0}, "addenda record indicator does not match"),
        ({"addenda_indicator": 2}, "addenda record indicator does not match"),
        ({"trace": "091000010000001"}, "does not begin with the originating DFI"),
        ({"trace": "021000020000009"}, "trace numbers do not ascend"),
        ({"trace": "021000020000002"}, "trace number 021000020000002 stands 2 times"),
        ({"trace": "021000020000005"}, "trace number 021000020000005 stands 2 times"),
        ({"trace": "021000020000000"}, "has the sequence 0"),
    ],
)
def test_a_wrong_entry_is_found(changes: dict[str, Any], rule: str) -> None:
    assert rule in rules(with_entry(0, **changes))


@pytest.mark.parametrize(
    ("addenda", "indicator", "rule"),
    [
        ((), 1, "addenda record indicator does not match"),
        ((Addenda05("a", 1), Addenda05("b", 1, 2)), 1, "2 addenda"),
        ((Addenda05("a", 2),), 1, "addenda numbers do not match"),
        ((Addenda05("a", 1, 2),), 1, "addenda numbers do not match"),
        ((Addenda05("", 1),), 1, "without text"),
        ((Addenda99("R01", "0" * 15, "0" * 8, "0" * 15),), 1, "other than 05"),
        ((Addenda98("C01", "0" * 15, "0" * 8, "1", "0" * 15),), 1, "other than 05"),
    ],
)
def test_wrong_addenda_are_found(addenda: tuple[Any, ...], indicator: int, rule: str) -> None:
    assert rule in rules(with_addenda(addenda, indicator))


@pytest.mark.parametrize(
    ("at", "changes", "rule"),
    [
        (0, {"service_class": 220}, "service class 220 does not fit its entries"),
        (0, {"service_class": 225}, "service class 225 does not fit its entries"),
        (1, {"service_class": 200}, "service class 200 does not fit its entries"),
        (0, {"service_class": 280}, "service class 280 is not 200, 220 or 225"),
        (0, {"entry_class": "PPD"}, "class 'PPD' is not CCD"),
        (0, {"company": ""}, "company name or identification is missing"),
        (0, {"company_id": ""}, "company name or identification is missing"),
        (0, {"description": ""}, "description is missing"),
        (0, {"description": "PAYROLL"}, "'PAYROLL' is reserved"),
        (0, {"description": "return fee"}, "'return fee' is reserved"),
        (0, {"description": "RETRY PYMT"}, "RETRY PYMT is for debits only"),
        (0, {"effective": None}, "is no banking day"),
        (0, {"effective": date(2026, 5, 16)}, "2026-05-16 is no banking day"),
        (0, {"effective": date(2026, 5, 12)}, "is not after the file's"),
        (0, {"odfi": "0210000"}, "originating DFI '0210000' is not eight digits"),
        (0, {"odfi": "00000000"}, "originating DFI '00000000' is not eight digits"),
        (0, {"originator_status": 2}, "originator status 2"),
        (0, {"number": 2}, "batch numbers [2, 2] do not ascend"),
        (1, {"number": 1}, "batch numbers [1, 1] do not ascend"),
        (0, {"number": 0}, "batch numbers [0, 2] do not ascend"),
    ],
)
def test_a_wrong_batch_header_is_found(at: int, changes: dict[str, Any], rule: str) -> None:
    assert rule in rules(with_header(at, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"service_class": 225},
        {"count": 9},
        {"entry_hash": 1},
        {"debit_minor": 1},
        {"credit_minor": 1},
        {"company_id": "1"},
        {"odfi": "09100001"},
        {"number": 7},
    ],
)
def test_a_wrong_batch_control_is_found(changes: dict[str, Any]) -> None:
    (field,) = changes
    assert f"batch 1: control says {field} {changes[field]}, not" in rules(with_control(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"batches": 1},
        {"blocks": 3},
        {"count": 1},
        {"entry_hash": 1},
        {"debit_minor": 1},
        {"credit_minor": 1},
    ],
)
def test_a_wrong_file_control_is_found(changes: dict[str, Any]) -> None:
    file = good_file()
    (field,) = changes
    wrong = replace(file, control=replace(file.control, **changes))
    assert f"file: control says {field} {changes[field]}, not" in rules(wrong)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"destination": "021000022"}, "immediate destination '021000022'"),
        ({"origin": "0000000000"}, "immediate origin is missing"),
        ({"time": ""}, "creation time is missing"),
    ],
)
def test_a_wrong_file_header_is_found(changes: dict[str, Any], rule: str) -> None:
    file = good_file()
    assert rule in rules(replace(file, header=replace(file.header, **changes)))


def test_an_entry_repeated_under_another_trace_is_found() -> None:
    file = good_file()
    first, second = file.batches
    twin = second.entries[1]
    detail = replace(twin.detail, identification=second.entries[0].detail.identification)
    entries = [second.entries[0], replace(twin, detail=detail)]
    repeated = file_of(file.header, [first, batch_of(second.header, entries)])
    assert (
        rules(repeated) == "batch 2 entry 2: repeats an earlier entry in all but its trace number"
    )


def test_empty_files_and_batches_are_found() -> None:
    file = good_file()
    assert "file: holds no batch" in rules(file_of(file.header, []))
    empty = file_of(file.header, [batch_of(file.batches[0].header, [])])
    assert "batch 1: holds no entry" in rules(empty)


def test_a_file_longer_than_banks_take_is_found() -> None:
    file = good_file()
    (batch, _) = file.batches
    entry = batch.entries[0]
    many = [
        Entry(replace(entry.detail, trace=f"02100002{n:07d}", amount_minor=n, addenda_indicator=0))
        for n in range(1, LINES_MAX)
    ]
    long = file_of(file.header, [batch_of(replace(batch.header, service_class=225), many)])
    assert rules(long) == f"file: {LINES_MAX + 3} lines are more than {LINES_MAX}"


def test_what_does_not_fit_its_columns_is_never_written() -> None:
    for wrong in (
        with_entry(0, account="1" * 18),
        with_entry(0, amount_minor=10**10),
        with_entry(0, amount_minor=-1),
        with_entry(0, name="a name of twenty-three!"),
        with_header(company="SEVENTEEN LETTERS"),
        with_header(effective=date(1999, 12, 31)),
        with_control(debit_minor=10**12),
    ):
        with pytest.raises(NachaError):
            render(wrong)
