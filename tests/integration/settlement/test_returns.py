"""What banks send back, on either database: owed again, paid again, corrected, or not ours."""

import pytest

from services.settlement.directory import register
from services.settlement.nacha.file import parse
from services.settlement.nacha.validator import problems_of_text
from services.settlement.returned.operations import (
    CorrectionNotice,
    approve_correction,
    bank_correction,
    staged_corrections,
)
from services.settlement.runs import RunRefusedError
from tests.integration.settlement.network import (
    JUNE_2,
    MAY_12,
    MAY_13,
    MAY_19,
    MAY_26,
    VAULT,
    Network,
    account,
    use,
)


def test_a_debit_without_funds_is_presented_twice_more_and_then_left_to_people(
    net: Network,
) -> None:
    net.accrue(use("A", "B", 3800, "r1"))
    net.run("run1", MAY_12)
    net.pass_time("2026-05-14T09:00:00-04:00")
    assert net.returned("2026-05-14T09:00:00-04:00", "run1", "A", "R01") == "booked"
    assert net.returned("2026-05-14T10:00:00-04:00", "run1", "A", "R01") == "repeated"
    for attempt, name, at in ((1, "run2", MAY_19), (2, "run3", MAY_26)):
        net.accrue(use("A", "B", 500, name))
        net.pass_time(at)
        net.run(name, at)
        run = net.runs()[name]
        assert run["positions"] == {"A": -500, "B": 500}
        retry = next(e for e in run["entries"] if e["attempt"] == attempt)
        assert (retry["location"], retry["amount"]) == ("A", 3800)
        content = net.files()[-1]["content"]
        assert problems_of_text(content) == ()
        words = [batch.header.description for batch in parse(content).batches]
        assert words == ["GIFT CARDS", "RETRY PYMT"]
        later = at.replace("T12", "T23")
        assert net.returned(later, name, "A", "R01", attempt=attempt) == "booked"
    net.pass_time(JUNE_2)
    assert net.run("run4", JUNE_2) == "closed"
    told = net.told("entry_returned.v1")
    assert [t["represent"] for t in told] == [True, True, False]
    assert [t["settled"] for t in told] == [True, False, False]
    assert [t["entry"]["of"] for t in told[1:]] == [told[0]["entry"]["trace"]] * 2


def test_an_entry_returned_before_it_settled_moves_no_cash_of_its_location(net: Network) -> None:
    net.accrue(use("A", "B", 3800, "r1"))
    net.run("run1", MAY_12)
    net.returned("2026-05-12T20:00:00-04:00", "run1", "A", "R01")
    net.pass_time(MAY_13)
    assert net.told("run_settled.v1")[0]["moved"] == [
        {"entity": "EB", "location": "B", "minor": 3800},
        {"entity": "HQ", "location": "HQ", "minor": -3800},
    ]
    assert net.runs()["run1"]["state"] == "settled"


def test_a_returned_credit_is_paid_again_once_its_account_is_mended(net: Network) -> None:
    net.accrue(use("A", "B", 3800, "r1"))
    net.run("run1", MAY_12)
    net.pass_time(MAY_13)
    net.returned("2026-05-14T09:00:00-04:00", "run1", "B", "R03")
    (told,) = net.told("entry_returned.v1")
    assert (told["settled"], told["blocks"], told["represent"]) == (True, True, False)
    net.pass_time(MAY_19)
    assert net.run("run2", MAY_19) == "closed"
    with net.engine.begin() as connection:
        mended = account("acct-b", "55500111")
        register(connection, VAULT, mended, state="active")
    net.run("run3", MAY_26)
    entries = net.runs()["run3"]["entries"]
    assert [(e["location"], e["direction"], e["amount"], e["attempt"]) for e in entries] == [
        ("B", "credit", 3800, 1),
        ("HQ", "debit", 3800, 0),
    ]
    assert net.runs()["run3"]["positions"] == {}


def test_a_return_of_nothing_of_ours_changes_no_books(net: Network) -> None:
    net.accrue(use("A", "B", 3800, "r1"))
    net.run("run1", MAY_12)
    before = (net.outbox(), net.runs())
    assert net.returned(MAY_13, "run1", "C", "R01") == "exception"
    assert net.returned(MAY_13, "run1", "A", "R01", amount_minor=1) == "exception"
    assert net.returned(MAY_13, "run1", "A", "R61") == "exception"
    assert (net.outbox(), net.runs()) == before
    assert len(net.exceptions()) == 3


def test_a_correction_keeps_an_account_from_being_paid_until_another_approves(
    net: Network,
) -> None:
    net.accrue(use("A", "B", 3800, "r1"))
    net.run("run1", MAY_12)
    notice = CorrectionNotice("run1", "B", "C01", "987654321")
    with net.engine.begin() as connection:
        assert bank_correction(connection, VAULT, notice, "ann", net.terms(MAY_13)) == "booked"
        assert bank_correction(connection, VAULT, notice, "ann", net.terms(MAY_13)) == "repeated"
        (change,) = staged_corrections(connection)
    net.pass_time(MAY_19)
    net.accrue(use("A", "B", 500, "r2"), use("A", "C", 600, "r3"))
    net.run("run2", MAY_19)
    assert net.runs()["run2"]["positions"] == {"A": -600, "C": 600}
    with net.engine.begin() as connection:
        with pytest.raises(RunRefusedError, match="may not approve"):
            approve_correction(connection, VAULT, change, "ann")
        assert approve_correction(connection, VAULT, change, "bob") == "acct-b@2"
    net.pass_time(MAY_26)
    net.run("run3", MAY_26)
    assert net.runs()["run3"]["positions"] == {"A": -500, "B": 500}
    assert "987654321" in net.files()[-1]["content"]
    assert [told["code"] for told in net.told("entry_corrected.v1")] == ["C01"]


def test_a_correction_that_makes_no_sense_is_for_a_person(net: Network) -> None:
    net.accrue(use("A", "B", 3800, "r1"))
    net.run("run1", MAY_12)
    with net.engine.begin() as connection:
        for notice in (
            CorrectionNotice("run1", "B", "C02", "123456789"),
            CorrectionNotice("run1", "C", "C01", "987654321"),
        ):
            answer = bank_correction(connection, VAULT, notice, "ann", net.terms(MAY_13))
            assert answer == "exception"
    assert net.told("entry_corrected.v1") == []
