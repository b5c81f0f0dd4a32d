"""A reader we did not write reads our bank files, and finds in them what was intended.

It is moov-io/ach, built once with Go into the user's cache; `second_reader/go.sum` pins it. It does
not see everything (block count, addenda indicator, doubled traces), so what it read is compared
with the plan, and the validator's own tests stand beside this.
"""

import json
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.places import cache_folder, one_at_a_time
from services.settlement.entries import Accounts, CreditRelease, PlannedEntry, PlannedFile, plan
from services.settlement.filing import BuiltFile, build
from services.settlement.nacha.file import NachaFile, render
from services.settlement.netting import net
from services.settlement.returns import SentEntry
from tests.unit.settlement.bank_files import correction_file, return_file
from tests.unit.settlement.samples import (
    CYCLE,
    ORIGINATOR,
    accounts,
    filing,
    items,
    representment,
    terms,
)

VERSION = "v1.63.3"
PACKAGE = "github.com/moov-io/ach/cmd/achcli"
SOURCE = Path(__file__).parent / "second_reader"
# 40 s on two idle cores with nothing cached; a second try goes on where the first was cut off.
BUILD_SECONDS_MAX = 100
READ_SECONDS_MAX = 20

Read = Callable[[str], dict[str, Any]]


def skip_loudly(reason: str) -> None:
    """A skip that stands in the summary of warnings too: nobody else read the files."""
    message = f"no second reader of bank files: {reason}"
    warnings.warn(message, stacklevel=2)
    pytest.skip(message)


def built_reader() -> Path:
    """The program in the user's cache, built there first if it is not."""
    folder = cache_folder()
    program = folder / f"achcli-{VERSION}"
    with one_at_a_time(folder, program.name):
        if program.exists():
            return program
        if not (go := shutil.which("go")):
            skip_loudly("Go is not on this machine")
        fresh = program.with_suffix(".new")
        command = [str(go), "build", "-mod=readonly", "-buildvcs=false", "-o", str(fresh), PACKAGE]
        try:
            done = subprocess.run(
                command,
                check=False,
                cwd=SOURCE,
                capture_output=True,
                text=True,
                timeout=BUILD_SECONDS_MAX,
            )
        except subprocess.TimeoutExpired:
            skip_loudly(f"go build took more than {BUILD_SECONDS_MAX} s")
        if done.returncode:
            skip_loudly(f"go build failed: {done.stderr.strip()[-300:]}")
        fresh.replace(program)
    return program


@pytest.fixture(scope="module")
def program() -> Path:
    """The second reader, or a loud skip."""
    return built_reader()


def run(program: Path, text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The reader's verdict on a file: exit 0 and JSON, or exit 1."""
    path = folder / "file.ach"
    path.write_bytes(text.encode("ascii"))
    return subprocess.run(
        [program, "-reformat=json", path],
        check=False,
        capture_output=True,
        text=True,
        timeout=READ_SECONDS_MAX,
        env={**os.environ, "TZ": "UTC"},
    )


@pytest.fixture
def read(program: Path, tmp_path: Path) -> Read:
    """Reads a file with the second reader, which must take it."""

    def reading(text: str) -> dict[str, Any]:
        done = run(program, text, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        parsed: dict[str, Any] = json.loads(done.stdout)
        return parsed

    return reading


def entries_of(batch: dict[str, Any]) -> list[tuple[int, str, str, int, str, str]]:
    """What the reader says a batch's entries are."""
    return [
        (
            row["transactionCode"],
            row["RDFIIdentification"] + row["checkDigit"],
            row["DFIAccountNumber"].strip(),
            row["amount"],
            row["individualName"].rstrip(),
            row["traceNumber"],
        )
        for row in batch["entryDetails"]
    ]


def intended(
    entries: tuple[PlannedEntry, ...], sequence: int
) -> list[tuple[int, str, str, int, str, str]]:
    """What the plan says a batch's entries are to be."""
    return [
        (
            entry.code,
            entry.account.routing,
            entry.account.number,
            entry.amount_minor,
            entry.account.holder,
            f"{ORIGINATOR.odfi}{number:07d}",
        )
        for number, entry in enumerate(entries, start=sequence)
    ]


def totals(entries: tuple[PlannedEntry, ...], direction: str) -> int:
    """Cents that go in one direction."""
    return sum(entry.amount_minor for entry in entries if entry.direction == direction)


def check(parsed: dict[str, Any], planned: PlannedFile, built: BuiltFile) -> None:
    """The reader found the plan: headers, entries in order, and totals."""
    every = (*planned.regular, *planned.retries)
    parts = [
        (words, entries)
        for words, entries in (("GIFT CARDS", planned.regular), ("RETRY PYMT", planned.retries))
        if entries
    ]
    assert [b["batchHeader"]["companyEntryDescription"] for b in parsed["batches"]] == [
        words for words, _ in parts
    ]
    sequence = 1
    for batch, (_, entries) in zip(parsed["batches"], parts, strict=True):
        assert entries_of(batch) == intended(entries, sequence)
        sequence += len(entries)
        header = batch["batchHeader"]
        assert header["companyName"] == "SCRIP NETWORK"
        assert header["companyIdentification"] == "1987654321"
        assert header["standardEntryClassCode"] == "CCD"
        assert header["effectiveEntryDate"] == f"{built.effective:%y%m%d}"
        assert batch["batchControl"]["totalDebit"] == totals(entries, "debit")
        assert batch["batchControl"]["totalCredit"] == totals(entries, "credit")
    control = parsed["fileControl"]
    assert control["totalDebit"] == totals(every, "debit")
    assert control["totalCredit"] == totals(every, "credit")
    assert control["entryHash"] == sum(int(e.account.routing[:8]) for e in every)
    assert control["blockCount"] == built.text.count("\n") // 10
    assert parsed["fileHeader"]["immediateDestination"] == ORIGINATOR.destination
    assert parsed["fileHeader"]["immediateOrigin"] == ORIGINATOR.origin
    assert parsed["fileHeader"]["fileCreationDate"] == "260512"


@pytest.mark.parametrize("release", ["with_debits", "after_return_window"])
@pytest.mark.parametrize("parent_has_account", [True, False])
@pytest.mark.parametrize("retries", [0, 2])
def test_the_second_reader_finds_the_planned_entries(
    read: Read, release: CreditRelease, parent_has_account: bool, retries: int
) -> None:
    rows = [*CYCLE, *items(("D", "A", 40))]
    rows[-1] = replace(rows[-1], item="i9")
    netting = net(rows, {}, terms("A", "B", "C", "D"))
    known = accounts("A", "B", "C", "D")
    again = [representment("B", 3800, trace=n) for n in range(1, retries + 1)]
    with_or_without = known if parent_has_account else Accounts(known.locations, None)
    for planned in plan(netting, again, with_or_without, release):
        built = build(planned, ORIGINATOR, filing())
        check(read(built.text), planned, built)


def test_the_second_reader_takes_split_amounts_long_accounts_and_apostrophes(read: Read) -> None:
    netting = net(items(("A", "B", 20_000_000_005)), {}, terms("A", "B"))
    known = accounts("A", "B")
    odd = replace(known.locations["A"], number="1234567890ABCDEFG", holder="O'Brien's & Sons 22 ch")
    (planned,) = plan(netting, [], Accounts({**known.locations, "A": odd}, None), "with_debits")
    built = build(planned, ORIGINATOR, filing())
    check(read(built.text), planned, built)


def test_the_second_reader_finds_the_remittance_and_takes_crlf(read: Read) -> None:
    netting = net(CYCLE, {}, terms("A", "B", "C"))
    (planned,) = plan(netting, [], accounts("A", "B", "C"), "with_debits")
    built = build(planned, ORIGINATOR, filing(remittance="RUN 7 OF 2026", line_end="\r\n"))
    parsed = read(built.text)
    check(parsed, planned, built)
    (batch,) = parsed["batches"]
    for number, row in enumerate(batch["entryDetails"], start=1):
        (addenda,) = row["addenda05"]
        assert addenda["paymentRelatedInformation"] == "RUN 7 OF 2026"
        assert addenda["entryDetailSequenceNumber"] == number


def test_the_second_reader_refuses_what_does_not_add_up(program: Path, tmp_path: Path) -> None:
    netting = net(CYCLE, {}, terms("A", "B", "C"))
    (planned,) = plan(netting, [], accounts("A", "B", "C"), "with_debits")
    text = build(planned, ORIGINATOR, filing()).text
    assert run(program, text, tmp_path).returncode == 0
    damaged = text.replace("0000001450", "0000001451", 1)
    assert damaged != text
    assert run(program, damaged, tmp_path).returncode == 1


SENT = SentEntry(
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


@pytest.mark.parametrize(
    ("file", "addenda", "expected"),
    [
        (
            return_file(SENT, "R01"),
            "addenda99",
            {"returnCode": "R01", "originalTrace": SENT.trace, "originalDFI": "01140153"},
        ),
        (
            correction_file(SENT, "C03", "121042882   918171614"),
            "addenda98",
            {
                "changeCode": "C03",
                "originalTrace": SENT.trace,
                "originalDFI": "01140153",
                "correctedData": "121042882   918171614",
            },
        ),
    ],
    ids=["return", "correction"],
)
def test_the_second_reader_reads_returns_and_corrections_in_the_same_columns(
    read: Read, file: NachaFile, addenda: str, expected: dict[str, str]
) -> None:
    parsed = read(render(file))
    (batch,) = parsed["batches"]
    (entry,) = batch["entryDetails"]
    assert entry["transactionCode"] == 26
    assert entry["DFIAccountNumber"].strip() == SENT.account
    found = entry[addenda]
    assert {field: found[field] for field in expected} == expected
