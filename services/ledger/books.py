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
_ESCAPED: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


class JournalConflictError(ScripError):
    """A journal is known with other content: a fact was derived again, differently. Stop.

    Compare the two by their fact; what was posted first stands until that is understood.
    """


class JournalUnbalancedError(ScripError):
    """A journal on its topic does not balance. Its writer is broken; nothing of it is stored."""


def header_row(published: Published) -> Row:
    """The row of `ledger.journal`. Raises JournalUnbalancedError."""
    journal: Journal = published.body
    if sum(line.debit - line.credit for line in journal.lines) != 0 or not journal.lines:
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
        content(journal),
    )


def content(journal: Journal) -> str:
    """SHA-256 (hex) of what a journal says; not of its envelope, which replays may number anew."""
    return hashlib.sha256(orjson.dumps(journal)).hexdigest()


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


def members(journal: Journal) -> set[tuple[str, str, str | None]]:
    """(kind, name, belongs to) of everything the lines' dimensions name."""
    found: set[tuple[str, str, str | None]] = {("entity", journal.entity, None)}
    for line in journal.lines:
        found.add(("gl_account", line.account, line.standard))
        if line.location is not None:
            found.add(("location", line.location, journal.entity))
        if line.channel is not None:
            found.add(("channel", line.channel, None))
        if line.programme is not None:
            found.add(("programme", line.programme, None))
    return found


def copy_text(rows: Iterable[Row]) -> str:
    """Rows of text, integers and None in the text format of PostgreSQL's COPY."""
    return "".join([_copy_row(row) for row in rows])


def _copy_row(row: Row) -> str:
    said = "\t".join(
        [r"\N" if cell is None else cell if cell.__class__ is str else str(cell) for cell in row]
    )
    # Ids and names need no escape: looking once at the row is cheaper than at every cell.
    if (
        said.count("\\") == row.count(None)
        and said.count("\t") == len(row) - 1
        and "\n" not in said
        and "\r" not in said
    ):
        return said + "\n"
    return "\t".join(map(_escaped, row)) + "\n"


def _escaped(cell: str | int | None) -> str:
    return r"\N" if cell is None else str(cell).translate(_ESCAPED)
