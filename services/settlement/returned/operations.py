"""Books what banks send back: returns, and corrections that a second person approves.

What answers no entry of ours changes no books and goes to the exceptions list. The same return, or
notice, once more changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Connection, select, update

from schemas.identifiers import derived, same_person
from schemas.instants import local_date
from schemas.settlement import EntryCorrected, EntryReturned
from schemas.terms import Terms
from services.runtime.outbox_table import insert_new
from services.settlement import corrections, returns
from services.settlement.calendar import correction_deadline
from services.settlement.directory import (
    AccountDetails,
    Vault,
    account_of_reference,
    register,
    split_reference,
)
from services.settlement.effects.bank import first_effective_of
from services.settlement.plans.tables import entry_of
from services.settlement.runs import RunRefusedError, locked
from services.settlement.tables import (
    bank_account,
    bank_account_change,
    file,
    run_entry,
)
from services.settlement.telling.operations import Teller, note

Answer = Literal["booked", "repeated", "exception"]
# A correction has no number of its own; its id, cut to one, tells it from others of the run.
_NUMBERS: Final = 2**53


@dataclass(frozen=True, slots=True)
class ReturnNotice:
    """A return as it is told by hand or in a story; what is None is not compared.

    Without an attempt it is the first presentation's (of those in the run).
    """

    run: str
    location: str
    code: str
    attempt: int | None = None
    amount_minor: int | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class CorrectionNotice:
    """A notification of change: its code, and the corrected columns as the bank wrote them."""

    run: str
    location: str
    code: str
    value: str


def bank_return(connection: Connection, vault: Vault, notice: ReturnNotice, terms: Terms) -> Answer:
    """An entry came back: it is owed again, and what its code says is done."""
    found = _entries(connection, notice.run, notice.location)
    attempts = sorted({row["attempt"] for row in found})
    attempt = notice.attempt if notice.attempt is not None else next(iter(attempts), 0)
    fitting = [row for row in found if row["attempt"] == attempt and _fits(row, notice)]
    if any(row["returned_code"] == notice.code for row in fitting):
        return "repeated"
    sent = [row for row in fitting if row["state"] not in ("planned", "filed", "returned")]
    if not sent:
        why = "already_returned" if fitting else "unknown_entry"
        note(connection, f"return_{why}", notice.run, notice.location, terms, notice.code)
        return "exception"
    return book(connection, vault, sent[0], notice.code, terms)


def book(
    connection: Connection, vault: Vault, row: Mapping[Any, Any], code: str, terms: Terms
) -> Answer:
    """A return that has been matched with its entry's row."""
    timezone = terms.policy.document.network.timezone
    received = date.fromisoformat(local_date(terms.now, timezone))
    outcome = returns.decide(code, sent_entry(connection, vault, row), received)
    if outcome.remedy in (returns.Remedy.EXCEPTION, returns.Remedy.PRENOTE_FAILED):
        note(connection, "return_for_a_person", row["run"], row["location"], terms, code)
        return "exception"
    run_row = locked(connection, row["run"])
    teller = Teller(connection, terms, row["run"])
    body = EntryReturned(
        **teller.said(run_row),
        entry=entry_of(row),
        code=code,
        settled=row["state"] in ("settled", "final"),
        blocks=outcome.blocks_account,
        revokes=outcome.revokes_authorisation,
        represent=outcome.remedy is returns.Remedy.REPRESENT,
    )
    teller.tell("entry_returned.v1", row["number"], body, (row["entity"],))
    if outcome.untimely:
        note(connection, "return_untimely", row["run"], row["location"], terms, code)
    if outcome.remedy is returns.Remedy.COLLECTIONS:
        note(connection, "debit_for_collections", row["run"], row["location"], terms, code)
    return "booked"


def bank_correction(
    connection: Connection, vault: Vault, notice: CorrectionNotice, by: str, terms: Terms
) -> Answer:
    """Stage what an account is said to have become; until it is approved nobody is paid there."""
    rows = _entries(connection, notice.run, notice.location)
    understood = corrections.interpret(notice.code, notice.value)
    if not rows or isinstance(understood, corrections.Unusable):
        kind = "correction_unusable" if rows else "correction_unknown_entry"
        note(connection, kind, notice.run, notice.location, terms, notice.code)
        return "exception"
    entry = rows[0]
    account, version = split_reference(entry["account_ref"])
    digest = sha256(notice.value.encode()).hexdigest()
    change = derived("change", entry["account_ref"], notice.run, notice.code, digest)
    timezone = terms.policy.document.network.timezone
    received = date.fromisoformat(local_date(terms.now, timezone))
    staged = {
        "change": change,
        "account": account,
        "version": version,
        "code": notice.code,
        "sealed": vault.seal(notice.value.encode(), "change", change),
        "state": "staged",
        "made_by": by,
        "approved_by": None,
        "staged_at": terms.now,
        "due_day": correction_deadline(received).isoformat(),
    }
    if not insert_new(connection, bank_account_change, staged):
        return "repeated"
    run_row = locked(connection, notice.run)
    teller = Teller(connection, terms, notice.run)
    body = EntryCorrected(
        **teller.said(run_row),
        location=notice.location,
        trace=entry["trace"],
        code=notice.code,
    )
    teller.tell("entry_corrected.v1", UUID(change).int % _NUMBERS, body, (entry["entity"],))
    return "booked"


def approve_correction(connection: Connection, vault: Vault, change: str, by: str) -> str:
    """Apply a staged correction: a new version of the account; its reference.

    Raises RunRefusedError for the person who staged it, or if there is nothing to approve.
    """
    chosen = select(bank_account_change).where(bank_account_change.c.change == change)
    row = connection.execute(chosen.with_for_update()).mappings().first()
    if row is None or row["state"] != "staged":
        raise RunRefusedError(f"change {change} is not waiting for approval")
    if same_person(row["made_by"], by):
        raise RunRefusedError(f"{by} staged the change and may not approve it")
    old = account_of_reference(connection, vault, f"{row['account']}@{row['version']}")
    value = vault.open(row["sealed"], "change", change).decode()
    correction = corrections.interpret(row["code"], value)
    assert isinstance(correction, corrections.Correction), "it was read when it was staged"
    new = corrections.apply(old, correction, "")
    holder_type = connection.execute(
        select(bank_account.c.holder_type).where(
            bank_account.c.account == row["account"], bank_account.c.version == row["version"]
        )
    ).scalar_one()
    details = AccountDetails(
        row["account"], new.routing, new.number, new.type, new.holder, holder_type
    )
    reference = register(connection, vault, details, state="active")
    done = update(bank_account_change).where(bank_account_change.c.change == change)
    connection.execute(done.values(state="applied", approved_by=by))
    return reference


def staged_corrections(connection: Connection) -> Sequence[str]:
    """The ids of corrections that wait for a second person, oldest first."""
    chosen = select(bank_account_change.c.change).where(bank_account_change.c.state == "staged")
    ordered = chosen.order_by(bank_account_change.c.staged_at, bank_account_change.c.change)
    return connection.execute(ordered).scalars().all()


def _entries(connection: Connection, run: str, location: str) -> Sequence[Mapping[Any, Any]]:
    chosen = select(run_entry).where(
        run_entry.c.run == run, run_entry.c.location == location, run_entry.c.trace.is_not(None)
    )
    return connection.execute(chosen.order_by(run_entry.c.number)).mappings().all()


def _fits(row: Mapping[Any, Any], notice: ReturnNotice) -> bool:
    amount = notice.amount_minor in (None, row["amount"])
    return amount and notice.trace in (None, row["trace"])


def sent_entry(connection: Connection, vault: Vault, row: Mapping[Any, Any]) -> returns.SentEntry:
    """An entry's row as the bank knows it."""
    account = account_of_reference(connection, vault, row["account_ref"])
    chosen = select(file.c.effective).where(
        file.c.run == row["run"], file.c.number == row["file_number"]
    )
    effective = connection.execute(chosen).scalar_one()
    first = first_effective_of(connection, row["first_trace"], row["attempt"]) or effective
    return returns.SentEntry(
        trace=row["trace"],
        location=row["location"],
        direction=row["direction"],
        amount_minor=row["amount"],
        routing=account.routing,
        account=account.number,
        attempt=row["attempt"],
        effective=date.fromisoformat(effective),
        effective_first=date.fromisoformat(first),
        state=row["state"],
    )
