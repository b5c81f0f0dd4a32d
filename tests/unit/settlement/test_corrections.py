"""What notifications of change say, in the layouts banks use."""

from dataclasses import replace
from datetime import date

import pytest

from services.settlement.corrections import (
    Correction,
    Notice,
    Unusable,
    apply,
    interpret,
    is_about,
    read,
)
from services.settlement.nacha.file import parse, render
from services.settlement.nacha.validator import problems_from_bank
from services.settlement.returns import SentEntry
from tests.unit.settlement.bank_files import correction_file
from tests.unit.settlement.samples import account

ROUTING = "121042882"
NUMBER = "918171614"
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
    ("code", "value", "correction"),
    [
        ("C01", NUMBER, Correction(account=NUMBER)),
        ("C01", "744-5678-99", Correction(account="744-5678-99")),
        ("C02", ROUTING, Correction(routing=ROUTING)),
        ("C03", f"{ROUTING}   {NUMBER}", Correction(routing=ROUTING, account=NUMBER)),
        ("C03", f"{ROUTING} {NUMBER}", Correction(routing=ROUTING, account=NUMBER)),
        ("C03", f"{ROUTING}   1234 5678", Correction(routing=ROUTING, account="1234 5678")),
        ("C04", "Café of the North", Correction(name="Café of the North")),
        ("C05", "37", Correction(type="savings")),
        ("C05", "22", Correction(type="checking")),
        ("C06", f"{NUMBER:17}32", Correction(account=NUMBER, type="savings")),
        ("C06", f"{NUMBER:17}   27", Correction(account=NUMBER, type="checking")),
        ("C06", f"{NUMBER} 27", Correction(account=NUMBER, type="checking")),
        ("C07", f"{ROUTING}{NUMBER:17}37", Correction(ROUTING, NUMBER, "savings")),
        ("C07", f"{ROUTING}{NUMBER} 27", Correction(ROUTING, NUMBER, "checking")),
        ("C07", f"{ROUTING} {NUMBER} 27", Correction(ROUTING, NUMBER, "checking")),
    ],
)
def test_each_layout_is_read(code: str, value: str, correction: Correction) -> None:
    assert interpret(code, value) == correction


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("C01", ""),
        ("C01", "1" * 18),
        ("C02", "121042883"),
        ("C02", "000000000"),
        ("C03", ROUTING),
        ("C03", NUMBER),
        ("C04", ""),
        ("C04", "a name of twenty-three!"),
        ("C05", "99"),
        ("C05", "022"),
        ("C06", NUMBER),
        ("C06", f"{NUMBER} 99"),
        ("C07", f"{ROUTING} 27"),
        ("C07", f"000000000{NUMBER:17}27"),
        ("C09", "1"),
        ("C13", "1"),
        ("C61", ROUTING),
        ("R01", NUMBER),
    ],
)
def test_what_cannot_be_applied_is_for_a_person(code: str, value: str) -> None:
    outcome = interpret(code, value)
    assert isinstance(outcome, Unusable)
    assert outcome.reason


def test_a_banks_correction_file_is_read_and_about_our_entry() -> None:
    file = parse(render(correction_file(SENT, "C01", NUMBER)))
    assert problems_from_bank(file) == ()
    (notice,) = read(file)
    assert notice == Notice(
        code="C01",
        original_trace=SENT.trace,
        original_rdfi="01140153",
        account="100201",
        value=NUMBER,
        trace="011401530000009",
    )
    assert is_about(notice, SENT)
    for other in (
        replace(SENT, trace="021000020000003"),
        replace(SENT, routing="021000021"),
        replace(SENT, account="100202"),
    ):
        assert not is_about(notice, other)


def test_a_correction_file_with_amounts_or_returns_is_not_believed() -> None:
    file = correction_file(SENT, "C01", NUMBER)
    (batch,) = file.batches
    (entry,) = batch.entries
    with_amount = replace(entry, detail=replace(entry.detail, amount_minor=5))
    wrong = replace(file, batches=(replace(batch, entries=(with_amount,)),))
    assert "a correction with an amount" in [p.rule for p in problems_from_bank(wrong)]
    as_return = replace(batch, header=replace(batch.header, entry_class="CCD"))
    wrong = replace(file, batches=(as_return,))
    assert "has not exactly one Addenda99" in [p.rule for p in problems_from_bank(wrong)]


def test_a_correction_changes_only_what_it_names_and_makes_a_new_version() -> None:
    before = account("B")
    after = apply(before, Correction(account=NUMBER, type="savings"), "acct-B:2")
    assert after == replace(before, reference="acct-B:2", number=NUMBER, type="savings")
    renamed = apply(before, Correction(name="Shop North"), "acct-B:2")
    assert renamed == replace(before, reference="acct-B:2", holder="Shop North")
