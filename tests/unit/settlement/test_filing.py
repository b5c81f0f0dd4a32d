"""The file of a run: its bytes, dates, traces and refusals."""

from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from hashlib import sha256

import pytest

from schemas.bank_text import NachaError
from schemas.findings import Finding
from schemas.originator import originator_findings
from schemas.policy import Originator as OriginatorSaid
from services.settlement.corrections import Notice, interpret
from services.settlement.entries import PlannedFile, plan
from services.settlement.filing import SEQUENCE_MAX, Originator, build, identification
from services.settlement.nacha.file import parse
from services.settlement.nacha.validator import problems_of_text
from services.settlement.netting import net
from tests.unit.settlement.samples import (
    CYCLE,
    ORIGINATOR,
    account,
    accounts,
    filing,
    items,
    representment,
    terms,
)


def planned(*retries: int) -> PlannedFile:
    """The published example, with debits of B presented again."""
    netting = net(CYCLE, {}, terms("A", "B", "C"))
    again = [representment("B", amount, trace=n) for n, amount in enumerate(retries, start=1)]
    (file,) = plan(netting, again, accounts("A", "B", "C"), "with_debits")
    return file


def test_the_file_of_the_published_example_is_these_lines() -> None:
    built = build(planned(), ORIGINATOR, filing())
    assert built.text.split("\n") == [
        "101 02100002112345678902605121200A094101"
        "FIRST BANK             SCRIP NETWORK                  ",
        "5200SCRIP NETWORK                       1987654321CCDGIFT CARDS"
        "      260513   1021000020000001",
        "627021000021100200           0000001450A              Shop A                "
        "  0021000020000001",
        "627011401533100201           0000001800B              Shop B                "
        "  0021000020000002",
        "632091000019100202           0000003250C              Shop C                "
        "  0021000020000003",
        "820000000300123401560000000032500000000032501987654321"
        "                         021000020000001",
        "9000001000001000000030012340156000000003250000000003250" + " " * 39,
        "9" * 94,
        "9" * 94,
        "9" * 94,
        "",
    ]
    assert built.effective == date(2026, 5, 13)
    assert built.name == "run1.ach"
    assert built.sha256 == sha256(built.text.encode()).hexdigest()
    assert built.sequence_next == 4


def test_the_same_inputs_give_the_same_bytes() -> None:
    assert build(planned(3800), ORIGINATOR, filing()) == build(planned(3800), ORIGINATOR, filing())


def test_a_built_file_reads_back_as_it_was_meant_and_has_no_problem() -> None:
    built = build(planned(3800, 3800), ORIGINATOR, filing())
    assert parse(built.text) == built.file
    assert problems_of_text(built.text) == ()


def test_entries_presented_again_have_a_batch_of_their_own_that_says_so() -> None:
    built = build(planned(3800), ORIGINATOR, filing())
    first, second = built.file.batches
    assert (first.header.description, second.header.description) == ("GIFT CARDS", "RETRY PYMT")
    assert (first.header.service_class, second.header.service_class) == (200, 225)
    assert second.header.company == first.header.company
    assert second.header.company_id == first.header.company_id
    (again,) = second.entries
    assert again.detail.amount_minor == 3800
    assert again.detail.identification == "021000020000001"
    assert [row.batch for row in built.entries] == [1, 1, 1, 1, 2]


def test_a_file_of_retries_alone_without_a_parents_account_has_one_batch() -> None:
    retries = planned(3800).retries
    built = build(PlannedFile("all", (), retries), ORIGINATOR, filing())
    assert [b.header.description for b in built.file.batches] == ["RETRY PYMT"]


def test_trace_numbers_ascend_over_the_whole_file_from_the_first_given() -> None:
    built = build(planned(3800), ORIGINATOR, filing(sequence_first=41))
    assert [row.trace for row in built.entries] == [f"02100002{n:07d}" for n in range(41, 46)]
    assert built.sequence_next == 46


def test_trace_numbers_start_again_only_between_batches() -> None:
    built = build(planned(3800), ORIGINATOR, filing(sequence_first=SEQUENCE_MAX - 2))
    assert [int(row.trace[8:]) for row in built.entries] == [1, 2, 3, 4, 5]
    last = build(planned(3800), ORIGINATOR, filing(sequence_first=SEQUENCE_MAX - 3))
    assert [int(row.trace[8:]) for row in last.entries] == [*range(9999996, 10000000), 1]
    assert last.sequence_next == 2
    full = build(planned(), ORIGINATOR, filing(sequence_first=SEQUENCE_MAX - 2))
    assert full.sequence_next == 1


@pytest.mark.parametrize("sequence", [0, SEQUENCE_MAX + 1])
def test_a_trace_sequence_out_of_range_is_refused(sequence: int) -> None:
    with pytest.raises(NachaError, match="out of range"):
        build(planned(), ORIGINATOR, filing(sequence))


def test_dates_are_the_banks_not_utcs() -> None:
    late = datetime(2026, 5, 13, 1, 30, tzinfo=UTC)  # still the 12th in New York, after cut-off
    built = build(planned(), ORIGINATOR, filing(built_at=late))
    assert (built.file.header.created, built.file.header.time) == (date(2026, 5, 12), "2130")
    assert built.effective == date(2026, 5, 14)


def test_lines_may_end_in_crlf() -> None:
    built = build(planned(), ORIGINATOR, filing(line_end="\r\n"))
    assert built.text.count("\r\n") == built.text.count("\n") == 10
    assert parse(built.text) == build(planned(), ORIGINATOR, filing()).file


def test_remittance_goes_with_every_entry_as_one_addenda() -> None:
    built = build(planned(), ORIGINATOR, filing(remittance="Run 2026-19, café"))
    entries = built.file.batches[0].entries
    assert [e.detail.addenda_indicator for e in entries] == [1, 1, 1]
    assert built.text.count("705Run 2026-19, cafe") == 3
    assert built.file.control.count == 6
    assert parse(built.text) == built.file


def test_split_amounts_are_entries_of_their_own_in_a_valid_file() -> None:
    netting = net(items(("A", "B", 20_000_000_005)), {}, terms("A", "B"))
    (file,) = plan(netting, [], accounts("A", "B"), "with_debits")
    built = build(file, ORIGINATOR, filing())
    assert problems_of_text(built.text) == ()
    assert built.file.control.debit_minor == built.file.control.credit_minor == 20_000_000_005


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"routing": "021000022"}, "check digit"),
        ({"routing": "000000000"}, "all zeros"),
        ({"routing": "02100002"}, "is not 9 digits"),
        ({"number": "1" * 18}, "at most 17 fit"),
        ({"number": "12é45"}, "printable ASCII"),
        ({"number": "123 "}, "ends in a blank"),
        ({"number": "12#45"}, "account number"),
        ({"number": ""}, "account number"),
        ({"holder": "商店"}, "printable ASCII"),
        ({"holder": "  "}, "is missing"),
    ],
)
def test_an_account_that_cannot_be_written_whole_is_an_error_not_cut(
    changes: dict[str, str], complaint: str
) -> None:
    entry = planned().regular[0]
    wrong = replace(entry, account=replace(entry.account, **changes))  # type: ignore[arg-type]
    with pytest.raises(NachaError, match=complaint):
        build(PlannedFile("all", (wrong,), ()), ORIGINATOR, filing())


def test_a_holders_name_keeps_its_apostrophe_and_loses_only_what_exceeds_the_columns() -> None:
    entry = planned().regular[0]
    holder = "O’Brien’s Café & Söhne, Main Street"
    named = replace(entry, account=replace(account("A"), holder=holder))
    built = build(PlannedFile("all", (named,), ()), ORIGINATOR, filing())
    assert built.file.batches[0].entries[0].detail.name == "O'Brien's Cafe & Sohne"


@pytest.mark.parametrize(
    "changes",
    [
        {"destination": "021000022"},
        {"origin": "0000000000"},
        {"origin": "12345678901"},
        {"company": "SEVENTEEN LETTERS"},
        {"company": ""},
        {"company_id": ""},
        {"company_id": "12345678901"},
        {"odfi": "021000021"},
        {"odfi": "0210000a"},
        {"description": "ELEVEN CHAR"},
        {"description": "Payroll"},
        {"description": "RETRY  PYMT"},
        {"description": "reversal"},
        {"description": ""},
        {"destination_name": "A BANK WITH A VERY LONG NAME"},
    ],
)
def test_an_originator_the_bank_would_not_take_is_found_at_the_policy_and_at_the_file(
    changes: dict[str, str],
) -> None:
    wrong = replace(ORIGINATOR, **changes)
    [(found, value)] = [(finding.path, finding.value) for finding in found_in(wrong)]
    [(name, said)] = changes.items()
    assert (found, value) == (f"settlement.originator.{name}", repr(said))
    with pytest.raises(NachaError):
        build(planned(), wrong, filing())


def test_a_good_originator_has_no_problem() -> None:
    assert found_in(ORIGINATOR) == []
    assert found_in(replace(ORIGINATOR, company="CAFÉ №5", origin=" 1")) != []


def found_in(originator: Originator) -> list[Finding]:
    """What the policy check finds."""
    said = OriginatorSaid(**{k: v for k, v in asdict(originator).items() if k != "origin_name"})
    return list(originator_findings(said))


def test_long_location_ids_stay_different_in_their_fifteen_columns() -> None:
    names = [identification(f"northern-branch-{n}") for n in range(200)]
    assert len(set(names)) == 200
    assert {len(name) for name in names} == {15}
    assert identification("exactly-fifteen") == "exactly-fifteen"


@pytest.mark.parametrize("run", ["", "../run1", "a/b", ".hidden", "run 1", "run\n", "é"])
def test_a_run_whose_name_could_lead_elsewhere_makes_no_file(run: str) -> None:
    with pytest.raises(NachaError, match="allowed: 1 to 100 of A-Z"):
        build(planned(), ORIGINATOR, filing(run=run))


def test_account_numbers_stand_in_the_file_and_in_nothing_that_gets_printed() -> None:
    number = "99887766554433"
    entry = planned().regular[0]
    secret = replace(entry, account=replace(entry.account, number=number))
    built = build(PlannedFile("all", (secret,), ()), ORIGINATOR, filing())
    assert number in built.text
    notice = Notice("C01", "0" * 15, "0" * 8, number, number, "0" * 15)
    unusable = interpret("C03", f"021000022   {number}")
    for shown in (built, secret, notice, interpret("C01", number), unusable):
        assert number not in repr(shown)
