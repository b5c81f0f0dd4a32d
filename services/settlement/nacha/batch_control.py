"""Record 8, the batch control: what a reader must find when it adds the batch up."""

from dataclasses import dataclass

from services.settlement.nacha.columns import (
    alphanumeric,
    digits,
    full_width,
    numeric,
    read_number,
    read_text,
    require_blank,
    require_kind,
)


@dataclass(frozen=True, slots=True)
class BatchControl:
    """Totals in cents; `count` counts entries and addenda; `entry_hash` adds routing numbers."""

    service_class: int
    count: int
    entry_hash: int
    debit_minor: int
    credit_minor: int
    company_id: str
    odfi: str
    number: int
    authentication: str = ""


def render(control: BatchControl) -> str:
    """The record in 94 columns."""
    return full_width(
        "8"
        + numeric(control.service_class, 3, "service class code")
        + numeric(control.count, 6, "entry/addenda count")
        + numeric(control.entry_hash, 10, "entry hash")
        + numeric(control.debit_minor, 12, "total debit amount")
        + numeric(control.credit_minor, 12, "total credit amount")
        + alphanumeric(control.company_id, 10, "company identification")
        + alphanumeric(control.authentication, 19, "message authentication code")
        + " " * 6
        + digits(control.odfi, 8, "originating DFI")
        + numeric(control.number, 7, "batch number")
    )


def parse(line: str) -> BatchControl:
    """The value of a batch control record."""
    require_kind(line, "8", "batch control")
    require_blank(line, 74, 79, "batch control")
    return BatchControl(
        service_class=read_number(line, 2, 4, "service class code"),
        count=read_number(line, 5, 10, "entry/addenda count"),
        entry_hash=read_number(line, 11, 20, "entry hash"),
        debit_minor=read_number(line, 21, 32, "total debit amount"),
        credit_minor=read_number(line, 33, 44, "total credit amount"),
        company_id=read_text(line, 45, 54),
        authentication=read_text(line, 55, 73),
        odfi=digits(line[79:87], 8, "originating DFI"),
        number=read_number(line, 88, 94, "batch number"),
    )
