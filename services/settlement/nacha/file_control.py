"""Record 9, the file control: what a reader must find when it adds all batches up."""

from dataclasses import dataclass

from services.settlement.nacha.columns import (
    full_width,
    numeric,
    read_number,
    require_blank,
    require_kind,
)


@dataclass(frozen=True, slots=True)
class FileControl:
    """Totals in cents; `blocks` counts groups of ten lines, the filling lines included."""

    batches: int
    blocks: int
    count: int
    entry_hash: int
    debit_minor: int
    credit_minor: int


def render(control: FileControl) -> str:
    """The record in 94 columns."""
    return full_width(
        "9"
        + numeric(control.batches, 6, "batch count")
        + numeric(control.blocks, 6, "block count")
        + numeric(control.count, 8, "entry/addenda count")
        + numeric(control.entry_hash, 10, "entry hash")
        + numeric(control.debit_minor, 12, "total debit amount")
        + numeric(control.credit_minor, 12, "total credit amount")
        + " " * 39
    )


def parse(line: str) -> FileControl:
    """The value of a file control record."""
    require_kind(line, "9", "file control")
    require_blank(line, 56, 94, "file control")
    return FileControl(
        batches=read_number(line, 2, 7, "batch count"),
        blocks=read_number(line, 8, 13, "block count"),
        count=read_number(line, 14, 21, "entry/addenda count"),
        entry_hash=read_number(line, 22, 31, "entry hash"),
        debit_minor=read_number(line, 32, 43, "total debit amount"),
        credit_minor=read_number(line, 44, 55, "total credit amount"),
    )
