"""What becomes known about a file after it was sent: an acknowledgement, or what people found."""

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from schemas.identifiers import same_person
from schemas.terms import Terms
from services.settlement.delivery.operations import tell_transmitted
from services.settlement.effects.bank import move_entries
from services.settlement.runs import RunRefusedError
from services.settlement.tables import file

EVIDENCE_MAX = 200  # with the names of who found it


@dataclass(frozen=True, slots=True)
class Finding:
    """Two people found out whether the bank has a file, and say by what."""

    run: str
    number: int
    delivered: bool
    evidence: str
    found_by: str
    approved_by: str


def acknowledge(connection: Connection, name: str, number: int, terms: Terms) -> None:
    """The bank says that it has the file; that settles an unclear end, too."""
    state = _state(connection, name, number)
    if state == "acknowledged":
        return
    if state not in ("transmitting", "delivered", "delivery_unknown"):
        raise RunRefusedError(f"file {number} of run {name} is {state}: it was never sent")
    tell_transmitted(connection, name, number, terms)
    _set(connection, name, number, state="acknowledged")
    move_entries(connection, name, number, ("transmitted",), "pending")


def resolve_delivery(connection: Connection, finding: Finding, terms: Terms) -> None:
    """End a `delivery_unknown`: the bank has the file, or it is to be sent again."""
    name, number = finding.run, finding.number
    if same_person(finding.found_by, finding.approved_by):
        raise RunRefusedError(f"{finding.found_by} found it out and may not approve it")
    if not finding.evidence.strip():
        raise RunRefusedError("the evidence is missing")
    said = f"{finding.found_by}, {finding.approved_by}: {finding.evidence}"
    if len(said) > EVIDENCE_MAX:
        allowed = f"{EVIDENCE_MAX} characters with both names are kept"
        raise RunRefusedError(f"the evidence is too long by {len(said) - EVIDENCE_MAX}: {allowed}")
    state = _state(connection, name, number)
    if state != "delivery_unknown":
        raise RunRefusedError(f"file {number} of run {name} is {state}: that is known")
    if finding.delivered:
        tell_transmitted(connection, name, number, terms)
    else:
        _set(connection, name, number, state="approved")
    _set(connection, name, number, evidence=said)


def _state(connection: Connection, name: str, number: int) -> str:
    chosen = select(file.c.state).where(file.c.run == name, file.c.number == number)
    state = connection.execute(chosen.with_for_update()).scalar_one_or_none()
    if state is None:
        raise RunRefusedError(f"run {name} has no file {number}")
    return str(state)


def _set(connection: Connection, name: str, number: int, **values: str) -> None:
    changed = update(file).where(file.c.run == name, file.c.number == number)
    connection.execute(changed.values(**values))
