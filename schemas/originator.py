"""Whether a bank would take what policy says about who sends its files."""

from collections.abc import Callable, Iterator
from typing import Final

from schemas import bank_text, routing
from schemas.findings import Finding, show
from schemas.policy import Originator

ODFI_DIGITS: Final = 8
ASSIGNED_MAX: Final = 10
BANK_MAX: Final = 23


def originator_findings(said: Originator) -> Iterator[Finding]:
    """Everything that keeps a file of this originator from being written."""
    checks: tuple[tuple[str, str, Callable[[str], str | None], str], ...] = (
        ("destination", said.destination, routing.problem, "a bank's routing number"),
        ("destination_name", said.destination_name, _bank, f"up to {BANK_MAX} characters"),
        ("origin", said.origin, _assigned, f"1 to {ASSIGNED_MAX} characters, not all zeros"),
        ("company", said.company, _company, f"1 to {bank_text.COMPANY_MAX} characters"),
        ("company_id", said.company_id, _assigned, f"1 to {ASSIGNED_MAX} characters"),
        ("odfi", said.odfi, _odfi, f"the first {ODFI_DIGITS} digits of a bank's routing number"),
        ("description", said.description, _description, _DESCRIPTION_ALLOWED),
    )
    for name, value, problem, allowed in checks:
        if wrong := problem(value):
            path = f"settlement.originator.{name}"
            yield Finding(path, show(value), f"{allowed} (this {wrong})")


def _odfi(value: str) -> str | None:
    if len(value) != ODFI_DIGITS or not bank_text.is_digits(value):
        return f"is not {ODFI_DIGITS} digits"
    return routing.problem(f"{value}{routing.check_digit(value)}")


def _assigned(value: str) -> str | None:
    """Ids that a bank assigned stand as they are: neither changed nor filled."""
    if not all(" " <= character <= "~" for character in value):
        return "is not printable ASCII"
    if value != value.strip(" "):
        return "begins or ends in a blank"
    if not value.strip("0"):
        return "is missing"
    return f"has {len(value)}" if len(value) > ASSIGNED_MAX else None


def _bank(value: str) -> str | None:
    wrong = _problem(lambda: bank_text.printable(value, "name"))
    if wrong is None and len(bank_text.printable(value, "name")) > BANK_MAX:
        return f"has {len(value)}"
    return wrong


def _company(value: str) -> str | None:
    return _problem(lambda: bank_text.company_name(value))


def _description(value: str) -> str | None:
    return _problem(lambda: bank_text.description(value))


def _problem(write: Callable[[], object]) -> str | None:
    try:
        write()
    except bank_text.NachaError as error:
        return f"{error.field}: {error.reason}"
    return None


_DESCRIPTION_ALLOWED: Final = f"1 to {bank_text.DESCRIPTION_MAX} characters, no reserved word"
