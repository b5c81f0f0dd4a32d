"""A whole file: batches with their controls, written to lines and read back the same."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from schemas.bank_text import NachaError, require_printable
from services.settlement.nacha import (
    addenda,
    batch_control,
    batch_header,
    entry_detail,
    file_control,
    file_header,
)
from services.settlement.nacha.addenda import Addenda
from services.settlement.nacha.batch_control import BatchControl
from services.settlement.nacha.batch_header import BatchHeader
from services.settlement.nacha.codes import TRANSACTIONS
from services.settlement.nacha.columns import WIDTH
from services.settlement.nacha.entry_detail import EntryDetail
from services.settlement.nacha.file_control import FileControl
from services.settlement.nacha.file_header import FileHeader

BLOCKING = 10
FILLING = "9" * WIDTH
# The hash keeps the ten lowest digits of its sum.
_HASH_MODULUS = 10_000_000_000

LineEnd = Literal["\n", "\r\n"]
_Record = TypeVar("_Record")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry with the addenda that follow it."""

    detail: EntryDetail
    addenda: tuple[Addenda, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as written: its control may be wrong in a file that was read."""

    header: BatchHeader
    entries: tuple[Entry, ...]
    control: BatchControl


@dataclass(frozen=True, slots=True)
class NachaFile:
    """A file as written: its control may be wrong in a file that was read."""

    header: FileHeader
    batches: tuple[Batch, ...]
    control: FileControl


def batch_of(header: BatchHeader, entries: Sequence[Entry]) -> Batch:
    """A batch with the control its entries call for."""
    return Batch(header, tuple(entries), controls_of(header, entries))


def file_of(header: FileHeader, batches: Sequence[Batch]) -> NachaFile:
    """A file with the control its batches call for."""
    return NachaFile(header, tuple(batches), totals_of(batches))


def controls_of(header: BatchHeader, entries: Sequence[Entry]) -> BatchControl:
    """The control record that fits these entries."""
    return BatchControl(
        service_class=header.service_class,
        count=sum(1 + len(entry.addenda) for entry in entries),
        entry_hash=sum(int(e.detail.routing[:8]) for e in entries) % _HASH_MODULUS,
        debit_minor=_total(entries, "debit"),
        credit_minor=_total(entries, "credit"),
        company_id=header.company_id,
        odfi=header.odfi,
        number=header.number,
    )


def totals_of(batches: Sequence[Batch]) -> FileControl:
    """The file control record that fits these batches' own controls."""
    lines = line_count(batches)
    return FileControl(
        batches=len(batches),
        blocks=-(-lines // BLOCKING),
        count=sum(batch.control.count for batch in batches),
        entry_hash=sum(batch.control.entry_hash for batch in batches) % _HASH_MODULUS,
        debit_minor=sum(batch.control.debit_minor for batch in batches),
        credit_minor=sum(batch.control.credit_minor for batch in batches),
    )


def line_count(batches: Sequence[Batch]) -> int:
    """Lines of a file with these batches, without the filling: both file records included."""
    return 2 + sum(2 + sum(1 + len(e.addenda) for e in batch.entries) for batch in batches)


def render(file: NachaFile, line_end: LineEnd = "\n") -> str:
    """The file's text: 94 columns a line, filled to whole blocks of ten lines.

    What does not fit its columns is a `NachaError`; nothing is cut.
    """
    lines = [file_header.render(file.header)]
    for batch in file.batches:
        lines.extend(_batch_lines(batch))
    lines.append(file_control.render(file.control))
    lines.extend([FILLING] * (-len(lines) % BLOCKING))
    return "".join(line + line_end for line in lines)


def parse(text: str) -> NachaFile:
    """The value of a file's text, with either line end; errors name the line.

    Sums are not checked here: the validator does that.
    """
    return _parse(_lines(text))


def parse_from_bank(text: str) -> NachaFile:
    """As `parse`, for what banks send: trailing blanks may be lost, filling may be missing."""
    return _parse([line.ljust(WIDTH, " ") for line in _lines(text)])


def _parse(lines: Sequence[str]) -> NachaFile:
    header = _read(file_header.parse, lines, 0)
    at = 1
    batches = []
    while at < len(lines) and lines[at].startswith("5"):
        batch, at = _parse_batch(lines, at)
        batches.append(batch)
    control = _read(file_control.parse, lines, at)
    for number, line in enumerate(lines[at + 1 :], start=at + 2):
        if line != FILLING:
            raise NachaError("filling", "follows the file control but is not all nines", number)
    return NachaFile(header, tuple(batches), control)


def _parse_batch(lines: Sequence[str], at: int) -> tuple[Batch, int]:
    header = _read(batch_header.parse, lines, at)
    at += 1
    entries = []
    while at < len(lines) and lines[at].startswith("6"):
        detail = _read(entry_detail.parse, lines, at)
        at += 1
        first = at
        while at < len(lines) and lines[at].startswith("7"):
            at += 1
        following = tuple(_read(addenda.parse, lines, n) for n in range(first, at))
        entries.append(Entry(detail, following))
    control = _read(batch_control.parse, lines, at)
    return Batch(header, tuple(entries), control), at + 1


def _read(parser: Callable[[str], _Record], lines: Sequence[str], at: int) -> _Record:
    if at >= len(lines):
        raise NachaError("file", "ends too early", at + 1)
    try:
        return parser(lines[at])
    except NachaError as error:
        raise NachaError(error.field, error.reason, at + 1) from None


def _lines(text: str) -> list[str]:
    # Not splitlines(): it also splits at form feeds and Unicode separators.
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, start=1):
        try:
            require_printable(line, "record")
        except NachaError as error:
            raise NachaError(error.field, error.reason, number) from None
    return lines


def _batch_lines(batch: Batch) -> Iterable[str]:
    yield batch_header.render(batch.header)
    for entry in batch.entries:
        yield entry_detail.render(entry.detail)
        for row in entry.addenda:
            yield addenda.render(row)
    yield batch_control.render(batch.control)


def _total(entries: Sequence[Entry], direction: str) -> int:
    return sum(
        entry.detail.amount_minor
        for entry in entries
        if (row := TRANSACTIONS.get(entry.detail.code)) and row.direction == direction
    )
