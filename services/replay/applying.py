"""Applies a plan: adjusting facts into the outbox, once, after a second person has said so.

Nothing else leaves: no reply, no notification, no file; and nothing that was posted is changed.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, Engine, select, update

from schemas.errors import ScripError
from schemas.identifiers import same_person
from schemas.ledger import AdjustedBook, JournalAdjusted
from schemas.policy import PolicyDocument
from schemas.terms import Terms
from schemas.topics import LEDGER_OPERATIONS
from services.ledger.adjusting import JOURNAL_ADJUSTED, books
from services.ledger.operations import closed_periods
from services.replay import tables
from services.replay.books import Comparison
from services.replay.differences import books_only
from services.replay.plans import APPLIED, SHADOWED, Plan, find_plan
from services.runtime.outbox_table import Telling, operation, outbox, outbox_head, publish

RIGHT: Final = "replay"
_CHUNK: Final = 500


class ReplayRefusedError(ScripError):
    """The replay may not be applied: the message says why; nothing was posted."""


def require_person(document: PolicyDocument, person: str) -> None:
    """Has this person the right `replay`? Without `people` everybody has. Raises the refusal."""
    if document.people is None:
        return
    if person not in document.people:
        raise ReplayRefusedError(f"{person} is not among the policy's people")
    if RIGHT not in document.people[person]:
        raise ReplayRefusedError(f"the policy's people.{person} has not the right {RIGHT}")


def apply_plan(
    engine: Engine, plan: Plan, by: str, terms: Terms, adjusted: Mapping[str, str]
) -> int:
    """Post what is missing; how many adjusting facts. A plan that was applied posts nothing more.

    `terms` is now and the policy in force; `adjusted` names every adjustment on its topic and the
    fact it is of. Raises ReplayRefusedError.
    """
    if same_person(by, plan.made_by):
        raise ReplayRefusedError(f"{by} made this plan: a second person applies it")
    with engine.begin() as connection:
        # Whoever adjusts holds this row until the end: two plans never count one journal twice.
        connection.execute(select(outbox_head).with_for_update()).all()
        plan = find_plan(connection, plan.hash)
        if plan.state == APPLIED:
            return 0
        if plan.state != SHADOWED:
            raise ReplayRefusedError("its shadow is not finished: scrip replay shadow")
        _require_known(connection, adjusted)
        comparison = books_only(connection, plan, adjusted)
        if comparison.digest() != plan.content["adjustments"]["sha256"]:
            raise ReplayRefusedError("the books, or the rules, are others than planned: plan again")
        told = _tellings(connection, plan, by, terms, comparison)
        for telling in told:
            publish(connection, telling)
        values = {"state": APPLIED, "approved_by": by, "executed_at": terms.now}
        connection.execute(
            update(operation).where(operation.c.id == plan.operation).values(**values)
        )
    return len(told)


def _require_known(connection: Connection, adjusted: Mapping[str, str]) -> None:
    """Nothing waits in the outbox that was adjusted since the topic was read."""
    query = select(outbox.c.fact).where(outbox.c.type == JOURNAL_ADJUSTED)
    unknown = set(connection.execute(query).scalars()) - adjusted.keys()
    if unknown:
        raise ReplayRefusedError("another plan is being applied right now: try again after it")


def _tellings(
    connection: Connection, plan: Plan, by: str, terms: Terms, comparison: Comparison
) -> list[Telling]:
    known = _facts(connection, plan.hash, sorted(comparison.missing))
    closed = Terms(terms.now, terms.policy, closed_periods(connection))
    told: list[Telling] = []
    for fact in sorted(comparison.missing):
        type, dates = known[fact]
        for currency, adjusting in books(comparison.missing[fact]).items():
            body = JournalAdjusted(
                operation=plan.operation,
                plan=plan.hash,
                adjusted=fact,
                event=type.partition(".")[0],
                currency=currency,
                by=plan.made_by,
                approved_by=by,
                books=adjusting,
            )
            telling = Telling(
                topic=LEDGER_OPERATIONS.name,
                subject=plan.operation,
                type=JOURNAL_ADJUSTED,
                number=len(told),
                causation=plan.operation,
                body=body,
                dates=_dates(closed, adjusting, dates),
                policy=terms.policy.version,
                time=terms.now,
            )
            told.append(telling)
    return told


def _facts(
    connection: Connection, plan: str, facts: list[str]
) -> dict[str, tuple[str, dict[str, Any]]]:
    table = tables.fact
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for start in range(0, len(facts), _CHUNK):
        some = facts[start : start + _CHUNK]
        query = select(table).where(table.c.plan == plan, table.c.fact.in_(some))
        found |= {row.fact: (row.type, row.dates) for row in connection.execute(query)}
    return found


def _dates(
    terms: Terms, adjusting: list[AdjustedBook], was: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """Posted today (or on the first open day); the business day stays the fact's own."""
    dates = terms.dates([book.entity for book in adjusting], None, terms.now)
    return {
        entity: {**days, "business_date": was.get(entity, days)["business_date"]}
        for entity, days in dates.items()
    }
