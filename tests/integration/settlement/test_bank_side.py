"""What a bank sends as files, and what people find out about one that was sent."""

from datetime import date

import pytest

from services.settlement.bank import Delivery, StoryBank
from services.settlement.delivery.bank import Finding, acknowledge, resolve_delivery
from services.settlement.nacha.file import parse, render
from services.settlement.outcome.operations import advance
from services.settlement.returned.bank import BankFileError, import_bank_file
from services.settlement.returned.operations import Answer
from services.settlement.returns import SentEntry
from services.settlement.runs import RunRefusedError
from tests.integration.settlement.network import MAY_12, MAY_13, VAULT, Network, Refusing, use
from tests.unit.settlement.bank_files import correction_file, return_file


def sent(net: Network, location: str) -> SentEntry:
    """The first entry of a location in the last file, as the bank has it."""
    content = net.files()[-1]["content"]
    entries = [entry.detail for batch in parse(content).batches for entry in batch.entries]
    detail = next(entry for entry in entries if entry.identification == location)
    return _seen(detail.trace, detail.routing, detail.account, detail.amount_minor, detail.code)


def _seen(trace: str, routing: str, account: str, amount: int, code: int) -> SentEntry:
    day = date(2026, 5, 13)
    return SentEntry(
        trace=trace,
        location="",
        direction="credit" if code == 22 else "debit",
        amount_minor=amount,
        routing=routing,
        account=account,
        attempt=0,
        effective=day,
        effective_first=day,
        state="settled",
    )


def imported(net: Network, text: str) -> dict[Answer, int]:
    """What became of a bank's file on the 14th."""
    with net.engine.begin() as connection:
        terms = net.terms("2026-05-14T09:00:00-04:00")
        return dict(import_bank_file(connection, VAULT, text, "ann", terms))


def settled(net: Network) -> None:
    """A run of one debit and one credit has settled."""
    net.accrue(use("A", "B", 3800, "r1"))
    net.run("run1", MAY_12)
    net.pass_time(MAY_13)


def test_a_banks_return_file_is_booked_once(net: Network) -> None:
    settled(net)
    text = render(return_file(sent(net, "A"), "R01"))
    assert imported(net, text) == {"booked": 1}
    assert imported(net, text) == {"repeated": 1}
    assert [told["code"] for told in net.told("entry_returned.v1")] == ["R01"]


def test_a_return_of_another_amount_or_trace_is_for_a_person(net: Network) -> None:
    settled(net)
    other = _seen(sent(net, "A").trace, "021000021", sent(net, "A").account, 1, 27)
    unknown = _seen("021000029999999", "021000021", "1", 3800, 27)
    assert imported(net, render(return_file(other, "R01"))) == {"exception": 1}
    assert imported(net, render(return_file(unknown, "R01"))) == {"exception": 1}
    kinds = {found["kind"] for found in net.exceptions()}
    assert kinds == {"return_amount_differs", "return_unknown_trace"}
    assert net.told("entry_returned.v1") == []


def test_a_bank_file_that_does_not_add_up_is_booked_in_no_part(net: Network) -> None:
    settled(net)
    text = render(return_file(sent(net, "A"), "R01"))
    broken = text.replace("0000003800", "0000003900", 1)
    with pytest.raises(BankFileError):
        imported(net, broken)
    assert net.told("entry_returned.v1") == []


def test_a_banks_notice_of_change_is_staged_once(net: Network) -> None:
    settled(net)
    text = render(correction_file(sent(net, "B"), "C01", "987654321"))
    assert imported(net, text) == {"booked": 1}
    assert imported(net, text) == {"repeated": 1}


def test_two_people_with_evidence_end_an_unclear_delivery(net: Network) -> None:
    net.accrue(use("A", "B", 3800, "r1"))
    net.bank = Refusing(Delivery.UNKNOWN)
    net.run("run1", MAY_12)
    net.bank = StoryBank()
    finding = Finding("run1", 1, True, "listing of 13:05", "ann", "ann")
    with (
        pytest.raises(RunRefusedError, match="may not approve"),
        net.engine.begin() as connection,
    ):
        resolve_delivery(connection, finding, net.terms(MAY_12))
    endless = Finding("run1", 1, True, "x" * 200, "ann", "bob")
    with pytest.raises(RunRefusedError, match="too long by 10"), net.engine.begin() as connection:
        resolve_delivery(connection, endless, net.terms(MAY_12))
    absent = Finding("run1", 1, False, "the bank's desk says no", "ann", "bob")
    with net.engine.begin() as connection:
        resolve_delivery(connection, absent, net.terms(MAY_12))
    advance(net.desk, net.terms(MAY_12))
    assert list(net.bank.taken) == ["run1.ach"]
    assert net.runs()["run1"]["state"] == "transmitted"


def test_an_acknowledgement_ends_an_unclear_delivery_and_the_run_settles(net: Network) -> None:
    net.accrue(use("A", "B", 3800, "r1"))
    net.bank = Refusing(Delivery.UNKNOWN)
    net.run("run1", MAY_12)
    with net.engine.begin() as connection:
        acknowledge(connection, "run1", 1, net.terms(MAY_12))
        acknowledge(connection, "run1", 1, net.terms(MAY_12))
    assert {e["state"] for e in net.runs()["run1"]["entries"]} == {"pending"}
    net.pass_time(MAY_13)
    assert net.runs()["run1"]["state"] == "settled"
    assert len(net.told("file_transmitted.v1")) == 1
