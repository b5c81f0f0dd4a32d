"""Reads a bank's notification of change: which account it is about, and what it is to become.

Layouts of the 29 corrected columns, by change code:

- C01 account 1-17 · C02 routing 1-9 · C03 routing 1-9, account after blanks
- C04 name 1-22 · C05 transaction code 1-2
- C06 account 1-17, transaction code after · C07 routing 1-9, account 10-26, transaction code after

Banks do not all keep the columns; where those make no sense, the words are taken in order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from schemas import bank_text as text
from schemas import routing as routing_rules
from services.settlement.entries import BankAccount
from services.settlement.nacha.addenda import Addenda98
from services.settlement.nacha.codes import TRANSACTIONS, AccountType
from services.settlement.nacha.file import NachaFile
from services.settlement.returns import SentEntry

# What each change code brings, in the order it stands.
_BRINGS: dict[str, tuple[str, ...]] = {
    "C01": ("account",),
    "C02": ("routing",),
    "C03": ("routing", "account"),
    "C04": ("name",),
    "C05": ("code",),
    "C06": ("account", "code"),
    "C07": ("routing", "account", "code"),
}
_CODES = {str(code) for code in TRANSACTIONS}
_WIDTHS = {"routing": 9, "account": 17, "code": 2, "name": text.NAME_MAX}


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification of change as read; `value` are the corrected columns, unread."""

    code: str
    original_trace: str
    original_rdfi: str
    account: str = field(repr=False)
    value: str = field(repr=False)
    trace: str


@dataclass(frozen=True, slots=True)
class Correction:
    """What changes; None stays. `name` and other texts change no payment."""

    routing: str | None = None
    account: str | None = field(default=None, repr=False)
    type: AccountType | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Unusable:
    """A notice that cannot be applied, for the exceptions list; the reason names what is wrong."""

    code: str
    reason: str


def read(file: NachaFile) -> Iterator[Notice]:
    """The notifications of change in a bank's file, in its order."""
    for batch in file.batches:
        for entry in batch.entries:
            for row in entry.addenda:
                if isinstance(row, Addenda98):
                    yield Notice(
                        code=row.change_code,
                        original_trace=row.original_trace,
                        original_rdfi=row.original_rdfi,
                        account=entry.detail.account,
                        value=row.corrected,
                        trace=entry.detail.trace,
                    )


def is_about(notice: Notice, entry: SentEntry) -> bool:
    """True when trace, bank and account are those of an entry of ours; else it is an exception."""
    return (
        notice.original_trace == entry.trace
        and notice.original_rdfi == entry.routing[:8]
        and notice.account == entry.account
    )


def interpret(code: str, value: str) -> Correction | Unusable:
    """What a change code and its corrected columns say.

    >>> interpret("C05", "37")
    Correction(routing=None, type='savings', name=None)
    """
    if code not in _BRINGS:
        return Unusable(code, "only C01 to C07 change an account; a person reads the others")
    brings = _BRINGS[code]
    readings = (_by_column(brings, value), _by_word(brings, value))
    wrong = [_problem(fields) for fields in readings]
    for fields, reason in zip(readings, wrong, strict=True):
        if not reason:
            return _correction(fields)
    return Unusable(code, wrong[0])


def apply(account: BankAccount, correction: Correction, reference: str) -> BankAccount:
    """The corrected account, a new version with its own `reference`."""
    return replace(
        account,
        reference=reference,
        routing=correction.routing or account.routing,
        number=correction.account or account.number,
        type=correction.type or account.type,
        holder=correction.name or account.holder,
    )


def _by_column(brings: tuple[str, ...], value: str) -> dict[str, str]:
    fields = {}
    at = 0
    for position, name in enumerate(brings):
        # The routing number of C03 is followed by blanks, and so may each last field be.
        last = position == len(brings) - 1
        fields[name] = (value[at:] if last else value[at : at + _WIDTHS[name]]).strip(" ")
        at += _WIDTHS[name]
    return fields


def _by_word(brings: tuple[str, ...], value: str) -> dict[str, str]:
    words = value.split()
    if brings[0] == "routing":
        # A routing number has one length, so what follows may touch it.
        words = [value[:9].strip(" "), *value[9:].split()]
    if len(words) != len(brings):
        return {}
    return dict(zip(brings, words, strict=True))


def _problem(fields: dict[str, str]) -> str:
    if not fields:
        return "has more or fewer words than fields"
    for name, value in fields.items():
        if wrong := _field_problem(name, value):
            # Not the value: reasons are shown and logged, account numbers never.
            return f"{name} {wrong}"
    return ""


def _field_problem(name: str, value: str) -> str | None:
    match name:
        case "routing":
            return routing_rules.problem(value)
        case "account":
            return text.account_problem(value)
        case "code":
            return None if value in _CODES else "is no transaction code"
        case _:
            return None if value and len(value) <= text.NAME_MAX else "is no name"


def _correction(fields: dict[str, str]) -> Correction:
    code = fields.get("code")
    return Correction(
        routing=fields.get("routing"),
        account=fields.get("account"),
        type=TRANSACTIONS[int(code)].account_type if code else None,
        name=fields.get("name"),
    )
