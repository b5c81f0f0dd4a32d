"""The rules one entry must keep, by itself: ours going out, or a bank's coming in."""

from collections.abc import Iterator

from schemas import bank_text as text
from schemas import routing
from schemas.bank_text import is_digits
from services.settlement.nacha.addenda import Addenda05, Addenda98, Addenda99
from services.settlement.nacha.codes import TRANSACTIONS
from services.settlement.nacha.entry_detail import AMOUNT_MINOR_MAX
from services.settlement.nacha.file import Entry


def outgoing(entry: Entry, odfi: str) -> tuple[str, ...]:
    """Every rule an entry of ours breaks; `odfi` is its batch's."""
    return (
        *_amount_rules(entry),
        *_account_rules(entry),
        *_trace_rules(entry, odfi),
        *_remittance_rules(entry),
    )


def incoming(entry: Entry, allowed: type[Addenda98 | Addenda99]) -> tuple[str, ...]:
    """Every rule a bank's return or correction breaks; it carries one addenda of its kind."""
    return tuple(_incoming_rules(entry, allowed))


def identity(entry: Entry) -> tuple[int, str, str, int, str]:
    """What tells two entries of a batch apart other than their trace numbers."""
    detail = entry.detail
    return (
        detail.code,
        detail.routing,
        detail.account,
        detail.amount_minor,
        detail.identification,
    )


def may_repeat(entry: Entry) -> bool:
    """True for the full parts of an amount that was split: those are equal on purpose."""
    return entry.detail.amount_minor == AMOUNT_MINOR_MAX


def _amount_rules(entry: Entry) -> Iterator[str]:
    detail = entry.detail
    row = TRANSACTIONS.get(detail.code)
    if row is None or row.purpose == "return":
        yield f"transaction code {detail.code} is not one we send"
    elif row.purpose == "prenote":
        if detail.amount_minor:
            yield f"a prenote of {detail.amount_minor} instead of 0"
    elif not 1 <= detail.amount_minor <= AMOUNT_MINOR_MAX:
        yield f"amount {detail.amount_minor} is not 1 to {AMOUNT_MINOR_MAX}"


def _account_rules(entry: Entry) -> Iterator[str]:
    detail = entry.detail
    if wrong := routing.problem(detail.routing):
        yield f"routing number {wrong}"
    if wrong := text.account_problem(detail.account):
        yield f"account number {wrong}"
    if not detail.name:
        yield "receiving company name is missing"


def _trace_rules(entry: Entry, odfi: str) -> Iterator[str]:
    trace = entry.detail.trace
    if len(trace) != 15 or not is_digits(trace):
        yield f"trace number {trace!r} is not 15 digits"
    elif not trace.startswith(odfi):
        yield f"trace number {trace} does not begin with the originating DFI {odfi}"
    elif not int(trace[8:]):
        yield f"trace number {trace} has the sequence 0"


def _remittance_rules(entry: Entry) -> Iterator[str]:
    yield from _indicator_rules(entry)
    if len(entry.addenda) > 1:
        yield f"{len(entry.addenda)} addenda; a corporate entry has at most one"
    for row in entry.addenda:
        if not isinstance(row, Addenda05):
            yield "an addenda other than 05"
        elif row.sequence != 1 or row.entry != int(entry.detail.trace[-7:]):
            yield "addenda numbers do not match the entry"
        elif not row.text:
            yield "an addenda without text"


def _incoming_rules(entry: Entry, allowed: type[Addenda98 | Addenda99]) -> Iterator[str]:
    row = TRANSACTIONS.get(entry.detail.code)
    if row is None or row.purpose != "return":
        yield f"transaction code {entry.detail.code} is not a return's or a correction's"
    yield from _indicator_rules(entry)
    if len(entry.addenda) != 1 or not isinstance(entry.addenda[0], allowed):
        yield f"has not exactly one {allowed.__name__}"
    elif allowed is Addenda98 and entry.detail.amount_minor:
        yield "a correction with an amount"


def _indicator_rules(entry: Entry) -> Iterator[str]:
    if entry.detail.addenda_indicator != (1 if entry.addenda else 0):
        yield "addenda record indicator does not match the addenda"
