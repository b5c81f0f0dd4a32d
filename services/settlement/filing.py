"""Makes a planned file real: dates, trace numbers, the NACHA value, its text and its hash.

The same inputs give the same bytes, so a run that is killed and started again writes the same file.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256

from schemas import bank_text as text
from schemas.bank_text import NachaError
from services.settlement.calendar import bank_time, effective_entry_date
from services.settlement.entries import Part, PlannedEntry, PlannedFile
from services.settlement.nacha.addenda import Addenda05
from services.settlement.nacha.batch_header import BatchHeader
from services.settlement.nacha.codes import CORPORATE, service_class
from services.settlement.nacha.entry_detail import EntryDetail
from services.settlement.nacha.file import (
    Batch,
    Entry,
    LineEnd,
    NachaFile,
    batch_of,
    file_of,
    render,
)
from services.settlement.nacha.file_header import FileHeader
from services.settlement.nacha.validator import problems_of_text

SEQUENCE_MAX = 9_999_999
_IDENTIFICATION_MAX = 15
# It becomes a name in the bank's folder, so nothing in it may lead elsewhere.
RUN_NAME = r"[A-Za-z0-9][A-Za-z0-9._\-]{0,99}"
_RUN_ALLOWED = "1 to 100 of A-Z a-z 0-9 . _ -, beginning with a letter or digit"


@dataclass(frozen=True, slots=True)
class Originator:
    """What the bank assigned: destination is its routing number, origin ten characters, the
    company's id ten, `odfi` the first eight digits of the originating routing number.
    """

    destination: str
    origin: str
    company: str
    company_id: str
    odfi: str
    description: str
    destination_name: str = ""
    origin_name: str = ""


@dataclass(frozen=True, slots=True)
class Filing:
    """The circumstances of one file.

    `modifier` tells the day's files apart; `sequence_first` is the next free trace sequence of the
    ODFI (1 to 9,999,999); `remittance`, if any, goes with every entry as its addenda.
    """

    run: str
    built_at: datetime
    timezone: str
    cutoff: str
    modifier: str
    sequence_first: int
    remittance: str = ""
    line_end: LineEnd = "\n"


@dataclass(frozen=True, slots=True)
class TracedEntry:
    """A planned entry with its place in the file."""

    planned: PlannedEntry
    trace: str
    batch: int


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A file ready for approval and delivery; immutable from here on.

    `sha256` is of the text's ASCII bytes; `sequence_next` is what the next file begins with.
    """

    name: str
    part: Part
    file: NachaFile
    text: str = field(repr=False)
    sha256: str
    entries: tuple[TracedEntry, ...]
    effective: date
    sequence_next: int


def build(planned: PlannedFile, originator: Originator, filing: Filing) -> BuiltFile:
    """The file of a plan; a `NachaError` names what the format does not take.

    Positions go in one batch and entries presented again in another, marked as such.
    """
    if not 1 <= filing.sequence_first <= SEQUENCE_MAX:
        raise NachaError("trace number", f"sequence {filing.sequence_first} is out of range")
    effective = effective_entry_date(filing.built_at, filing.cutoff, filing.timezone)
    sequence = filing.sequence_first
    batches: list[Batch] = []
    traced: list[TracedEntry] = []
    ordinary = text.description(originator.description)
    for words, entries in ((ordinary, planned.regular), (text.RETRY, planned.retries)):
        if not entries:
            continue
        rows, sequence = _traced(entries, originator.odfi, sequence, len(batches) + 1)
        header = _batch_header(originator, words, rows, effective)
        batches.append(batch_of(header, [_entry(row, filing.remittance) for row in rows]))
        traced.extend(rows)
    file = file_of(_file_header(originator, filing), batches)
    content = render(file, filing.line_end)
    if found := problems_of_text(content):
        raise NachaError(found[0].where, found[0].rule)
    return BuiltFile(
        name=file_name(filing.run, planned.part),
        part=planned.part,
        file=file,
        text=content,
        sha256=sha256(content.encode("ascii")).hexdigest(),
        entries=tuple(traced),
        effective=effective,
        sequence_next=sequence,
    )


def run_name_wrong(run: str) -> str | None:
    """What is wrong with a run's name, and what is allowed; None: nothing."""
    return None if re.fullmatch(RUN_NAME, run, re.ASCII) else f"{run!r} — allowed: {_RUN_ALLOWED}"


def file_name(run: str, part: Part) -> str:
    """The file's name: one per run and part, so that writing it again finds it.

    >>> file_name("run1", "all"), file_name("run1", "debits")
    ('run1.ach', 'run1-debits.ach')
    """
    wrong = run_name_wrong(run)
    if wrong is not None:
        raise NachaError("run", wrong)
    return f"{run}.ach" if part == "all" else f"{run}-{part}.ach"


def identification(location: str) -> str:
    """A location's id in the 15 columns for it; a longer one ends in six digits of its hash.

    >>> identification("F1"), identification("north-hall-and-garden")
    ('F1', 'north-ha-e06e49')
    """
    plain = text.printable(location, "identification number")
    if len(plain) <= _IDENTIFICATION_MAX:
        return plain
    return f"{plain[:8]}-{sha256(location.encode()).hexdigest()[:6]}"


def _traced(
    entries: Sequence[PlannedEntry], odfi: str, sequence: int, batch: int
) -> tuple[list[TracedEntry], int]:
    # A batch must ascend, so the numbers start again only between batches.
    if sequence + len(entries) - 1 > SEQUENCE_MAX:
        sequence = 1
    rows = [
        TracedEntry(entry, f"{odfi}{number:07d}", batch)
        for number, entry in enumerate(entries, start=sequence)
    ]
    following = sequence + len(entries)
    return rows, following if following <= SEQUENCE_MAX else 1


def _entry(row: TracedEntry, remittance: str) -> Entry:
    planned = row.planned
    detail = EntryDetail(
        code=planned.code,
        routing=planned.account.routing,
        account=planned.account.number,
        amount_minor=planned.amount_minor,
        # Two debits of one location presented again may be equal but for what they repeat.
        identification=planned.original_trace or identification(planned.location),
        name=text.receiver_name(planned.account.holder),
        trace=row.trace,
        addenda_indicator=1 if remittance else 0,
    )
    if not remittance:
        return Entry(detail)
    words = text.printable(remittance, "payment related information")
    return Entry(detail, (Addenda05(text=words, entry=int(row.trace[-7:])),))


def _batch_header(
    originator: Originator, words: str, rows: Sequence[TracedEntry], effective: date
) -> BatchHeader:
    return BatchHeader(
        service_class=service_class(row.planned.code for row in rows),
        company=text.company_name(originator.company),
        company_id=originator.company_id,
        entry_class=CORPORATE,
        description=words,
        effective=effective,
        odfi=originator.odfi,
        number=rows[0].batch,
    )


def _file_header(originator: Originator, filing: Filing) -> FileHeader:
    built = bank_time(filing.built_at, filing.timezone)
    return FileHeader(
        destination=originator.destination,
        origin=originator.origin,
        created=built.date(),
        time=f"{built:%H%M}",
        modifier=filing.modifier,
        destination_name=text.printable(originator.destination_name, "immediate destination name"),
        origin_name=text.printable(
            originator.origin_name or originator.company, "immediate origin name"
        ),
    )
