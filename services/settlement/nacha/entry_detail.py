"""Record 6, the entry: one amount into or out of one bank account."""

from dataclasses import dataclass, field

from schemas.bank_text import NachaError
from services.settlement.nacha.columns import (
    alphanumeric,
    digits,
    full_width,
    numeric,
    read_number,
    read_text,
    require_kind,
)

# The ten digits of the amount field: 99,999,999.99.
AMOUNT_MINOR_MAX = 9_999_999_999


@dataclass(frozen=True, slots=True)
class EntryDetail:
    """Amount in cents, unsigned: the transaction code says which way it goes.

    `trace` is the originating bank's eight digits and a sequence number of seven.
    `identification` and `name` tell the receiver what and whom the entry is for.
    """

    code: int
    routing: str
    account: str = field(repr=False)
    amount_minor: int
    identification: str
    name: str
    trace: str
    addenda_indicator: int = 0
    discretionary: str = ""


def render(entry: EntryDetail) -> str:
    """The record in 94 columns."""
    if not entry.account:
        raise NachaError("account number", "is missing")
    return full_width(
        "6"
        + numeric(entry.code, 2, "transaction code")
        + digits(entry.routing, 9, "receiving DFI")
        + alphanumeric(entry.account, 17, "account number")
        + numeric(entry.amount_minor, 10, "amount")
        + alphanumeric(entry.identification, 15, "identification number")
        + alphanumeric(entry.name, 22, "receiving company name")
        + alphanumeric(entry.discretionary, 2, "discretionary data")
        + numeric(entry.addenda_indicator, 1, "addenda record indicator")
        + digits(entry.trace, 15, "trace number")
    )


def parse(line: str) -> EntryDetail:
    """The value of an entry detail record; blanks around the account number are filling."""
    require_kind(line, "6", "entry detail")
    account = line[12:29].strip(" ")
    if not account:
        raise NachaError("account number", "is missing")
    return EntryDetail(
        code=read_number(line, 2, 3, "transaction code"),
        routing=digits(line[3:12], 9, "receiving DFI"),
        account=account,
        amount_minor=read_number(line, 30, 39, "amount"),
        identification=read_text(line, 40, 54),
        name=read_text(line, 55, 76),
        discretionary=read_text(line, 77, 78),
        addenda_indicator=read_number(line, 79, 79, "addenda record indicator"),
        trace=digits(line[79:94], 15, "trace number"),
    )
