"""What the sink writes for journals: header and line rows, and the hash that tells them apart.

Rows are tuples in the order of `HEADER_COLUMNS` and `LINE_COLUMNS`.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import orjson

from schemas.errors import ScripError
from schemas.ledger import Journal
from schemas.message import Published

HEADER_COLUMNS: Final = (
    "journal",
    "fact",
    "entity",
    "currency",
    "date",
    "business_date",
    "event",
    "fact_topic",
    "policy",
    "time",
    "content",
)
LINE_COLUMNS: Final = (
    "journal_id",
    "number",
    "account",
    "debit",
    "credit",
    "location",
    "channel",
    "programme",
    "cohort",
    "counterparty",
    "subject",
    "origin",
    "standard",
)
Row = tuple[Any, ...]
_HEADER: Final = "\t".join(["%s"] * len(HEADER_COLUMNS)) + "\n"
_N: Final = r"\N"
_DATA: Final = b',"data":'


class JournalConflictError(ScripError):
    """A journal is known with other content: a fact was derived again, differently. Stop.

    Compare the two by their fact; what was posted first stands until that is understood.
    """


class JournalUnbalancedError(ScripError):
    """A journal on its topic does not balance. Its writer is broken; nothing of it is stored."""


def header_row(published: Published, said: bytes | None = None) -> Row:
    """The row of `ledger.journal`; `said` is the record it was read from, if there is one.

    Raises JournalUnbalancedError.
    """
    journal: Journal = published.body
    rest = 0
    for line in journal.lines:
        rest += line.debit - line.credit
    if rest != 0 or not journal.lines:
        raise JournalUnbalancedError(f"{published.id} of fact {journal.fact}")
    return (
        published.id,
        journal.fact,
        journal.entity,
        journal.currency,
        journal.date,
        journal.business_date,
        journal.event,
        journal.fact_topic,
        published.policy,
        published.time,
        content(journal) if said is None else content_said(said),
    )


def content(journal: Journal) -> str:
    """SHA-256 (hex) of what a journal says; not of its envelope, which replays may number anew."""
    return hashlib.sha256(orjson.dumps(journal)).hexdigest()


def content_said(value: bytes) -> str:
    """The same from a record's bytes: its writer put the journal last, as `data`, in this form."""
    start = value.index(_DATA) + len(_DATA)
    return hashlib.sha256(value[start:-1]).hexdigest()


def line_rows(journal_id: int, journal: Journal) -> list[Row]:
    """The rows of `ledger.journal_line`, numbered from 1."""
    return [
        (
            journal_id,
            number,
            line.account,
            line.debit,
            line.credit,
            line.location,
            line.channel,
            line.programme,
            line.cohort,
            line.counterparty,
            line.subject,
            line.origin,
            line.standard,
        )
        for number, line in enumerate(journal.lines, 1)
    ]


def header_text(number: int, row: Row) -> str:
    """A header under its number in the text format of COPY, cells as they are."""
    return f"{number}\t" + _HEADER % row


def line_text(journal_id: int, journal: Journal) -> str:
    """The rows of `line_rows` in the text format of COPY, cells as they are; made in one go."""
    return "".join(
        [
            f"{journal_id}\t{number}\t{line.account}\t{line.debit}\t{line.credit}\t"
            f"{_N if line.location is None else line.location}\t"
            f"{_N if line.channel is None else line.channel}\t"
            f"{_N if line.programme is None else line.programme}\t"
            f"{_N if line.cohort is None else line.cohort}\t"
            f"{_N if line.counterparty is None else line.counterparty}\t"
            f"{_N if line.subject is None else line.subject}\t"
            f"{_N if line.origin is None else line.origin}\t"
            f"{_N if line.standard is None else line.standard}\n"
            for number, line in enumerate(journal.lines, 1)
        ]
    )


def members(journals: Iterable[Journal]) -> set[tuple[str, str, str | None]]:
    """(kind, name, belongs to) of everything the lines' dimensions name."""
    # Few places are named by many lines: what is the same is looked at once.
    seen = {
        (journal.entity, line.account, line.standard, line.location, line.channel, line.programme)
        for journal in journals
        for line in journal.lines
    }
    found: set[tuple[str, str, str | None]] = set()
    for entity, account, standard, location, channel, programme in seen:
        found |= {("entity", entity, None), ("gl_account", account, standard)}
        if location is not None:
            found.add(("location", location, entity))
        if channel is not None:
            found.add(("channel", channel, None))
        if programme is not None:
            found.add(("programme", programme, None))
    return found
