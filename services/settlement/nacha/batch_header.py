"""Record 5, the batch header: which company moves money, under which words, on which day."""

from dataclasses import dataclass
from datetime import date

from services.settlement.nacha.columns import (
    alphanumeric,
    digits,
    full_width,
    numeric,
    read_date,
    read_number,
    read_text,
    require_kind,
    short_date,
)


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """`odfi` is the originating bank's routing number without its check digit: eight digits.

    `settlement_day` (day of the year) is filled in by the ACH operator, in what banks send.
    """

    service_class: int
    company: str
    company_id: str
    entry_class: str
    description: str
    effective: date | None
    odfi: str
    number: int
    discretionary: str = ""
    descriptive_date: str = ""
    settlement_day: str = ""
    originator_status: int = 1


def render(header: BatchHeader) -> str:
    """The record in 94 columns."""
    return full_width(
        "5"
        + numeric(header.service_class, 3, "service class code")
        + alphanumeric(header.company, 16, "company name")
        + alphanumeric(header.discretionary, 20, "company discretionary data")
        + alphanumeric(header.company_id, 10, "company identification")
        + alphanumeric(header.entry_class, 3, "standard entry class code")
        + alphanumeric(header.description, 10, "company entry description")
        + alphanumeric(header.descriptive_date, 6, "company descriptive date")
        + short_date(header.effective, "effective entry date")
        + alphanumeric(header.settlement_day, 3, "settlement date")
        + numeric(header.originator_status, 1, "originator status code")
        + digits(header.odfi, 8, "originating DFI")
        + numeric(header.number, 7, "batch number")
    )


def parse(line: str) -> BatchHeader:
    """The value of a batch header record."""
    require_kind(line, "5", "batch header")
    return BatchHeader(
        service_class=read_number(line, 2, 4, "service class code"),
        company=read_text(line, 5, 20),
        discretionary=read_text(line, 21, 40),
        company_id=read_text(line, 41, 50),
        entry_class=read_text(line, 51, 53),
        description=read_text(line, 54, 63),
        descriptive_date=read_text(line, 64, 69),
        effective=read_date(line, 70, 75, "effective entry date"),
        settlement_day=read_text(line, 76, 78),
        originator_status=read_number(line, 79, 79, "originator status code"),
        odfi=digits(line[79:87], 8, "originating DFI"),
        number=read_number(line, 88, 94, "batch number"),
    )
