"""Reads a bank's file of returns and corrections, and books what answers entries of ours."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from schemas.errors import ScripError
from schemas.terms import Terms
from services.settlement import corrections, returns
from services.settlement.directory import Vault
from services.settlement.nacha.file import NachaFile, parse_from_bank
from services.settlement.nacha.validator import problems_from_bank
from services.settlement.returned.operations import (
    Answer,
    CorrectionNotice,
    bank_correction,
    book,
    sent_entry,
)
from services.settlement.tables import run_entry
from services.settlement.telling.operations import note

UNKNOWN_RUN = "unknown"


class BankFileError(ScripError):
    """The bank's file does not add up. Nothing of it is booked; ask the bank for a whole one."""


def import_bank_file(
    connection: Connection, vault: Vault, text: str, by: str, terms: Terms
) -> Counter[Answer]:
    """Book all of a file or none of it; how many were booked, repeated, or are for a person.

    Raises BankFileError, or NachaError for what is no such file at all.
    """
    read = parse_from_bank(text)
    if found := problems_from_bank(read):
        raise BankFileError(f"{found[0].where}: {found[0].rule}")
    answers: Counter[Answer] = Counter()
    for returned in returns.read(read):
        answers[_return(connection, vault, returned, terms)] += 1
    for answer in _corrections(connection, vault, read, by, terms):
        answers[answer] += 1
    return answers


def _return(
    connection: Connection, vault: Vault, returned: returns.Returned, terms: Terms
) -> Answer:
    rows = _with_trace(connection, returned.original_trace)
    sent = [sent_entry(connection, vault, row) for row in rows]
    matched = returns.match(returned, sent)
    if isinstance(matched, returns.SentEntry):
        row = rows[sent.index(matched)]
        return book(connection, vault, row, returned.code, terms)
    if matched is returns.Mismatch.ALREADY_RETURNED and any(
        row["returned_code"] == returned.code for row in rows
    ):
        return "repeated"
    # The bank's own trace tells this misfit from others with the same code.
    run = rows[0]["run"] if rows else UNKNOWN_RUN
    detail = f"{returned.code} {returned.original_trace} by {returned.trace}"
    note(connection, f"return_{matched.value}", run, None, terms, detail)
    return "exception"


def _corrections(
    connection: Connection, vault: Vault, read: NachaFile, by: str, terms: Terms
) -> list[Answer]:
    answers: list[Answer] = []
    for notice in corrections.read(read):
        rows = _with_trace(connection, notice.original_trace)
        mine = [
            row for row in rows if corrections.is_about(notice, sent_entry(connection, vault, row))
        ]
        if mine:
            told = CorrectionNotice(
                mine[0]["run"], mine[0]["location"], notice.code, notice.value.rstrip(" ")
            )
            answers.append(bank_correction(connection, vault, told, by, terms))
        else:
            detail = f"{notice.code} {notice.original_trace} by {notice.trace}"
            note(connection, "correction_unknown_entry", UNKNOWN_RUN, None, terms, detail)
            answers.append("exception")
    return answers


def _with_trace(connection: Connection, trace: str) -> Sequence[Mapping[Any, Any]]:
    chosen = select(run_entry).where(run_entry.c.trace == trace)
    return connection.execute(chosen.order_by(run_entry.c.run)).mappings().all()
