"""Tells a run's facts: each takes effect on the rows and goes to the outbox in one transaction."""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from sqlalchemy import Connection, select

from schemas.identifiers import derived
from schemas.terms import Terms
from schemas.topics import SETTLEMENT_BATCHES
from services.runtime.outbox_table import Telling, insert_new, publish
from services.settlement.effects.runs import BatchFact, take_effect
from services.settlement.tables import exception, run_entry, run_position


class Said(TypedDict):
    """What every fact of a run says."""

    run: str
    currency: str
    parent: str


class Teller:
    """Tells one run's facts under the terms of this moment.

    `claimed` is when it happened, where that is before now (a settlement recorded late).
    """

    def __init__(
        self, connection: Connection, terms: Terms, run: str, claimed: int | None = None
    ) -> None:
        self._connection = connection
        self._terms = terms
        self._run = run
        self._claimed = terms.now if claimed is None else claimed

    def said(self, row: Mapping[Any, Any]) -> Said:
        """The fields of every run fact, from the run's row."""
        return {"run": row["run"], "currency": row["currency"], "parent": row["parent"]}

    def tell(self, type: str, number: int, body: BatchFact, entities: Iterable[str] = ()) -> None:
        """Let the `number`th fact of this type take effect, and append it to the outbox.

        It is dated, in network time, for the run's entities, the parent's and those given.
        """
        timezone = self._terms.policy.document.network.timezone
        concerned = {body.parent, *entities, *self._entities()}
        take_effect(self._connection, body, self._terms.now, timezone)
        telling = Telling(
            topic=SETTLEMENT_BATCHES.name,
            subject=self._run,
            type=type,
            number=number,
            causation=self._run,
            body=body,
            dates=self._terms.dates(concerned, None, self._claimed),
            policy=self._terms.policy.version,
            time=self._terms.now,
        )
        publish(self._connection, telling)

    def _entities(self) -> set[str]:
        found: set[str] = set()
        for table in (run_position, run_entry):
            chosen = select(table.c.entity).where(table.c.run == self._run).distinct()
            found.update(self._connection.execute(chosen).scalars())
        return found


def note(
    connection: Connection, kind: str, run: str, location: str | None, terms: Terms, said: str
) -> None:
    """Put it on the exceptions list; there already: nothing changes."""
    row = {
        "exception": derived(kind, run, location or "", said),
        "kind": kind,
        "run": run,
        "location": location,
        "detail": {"said": said},
        "at": terms.now,
    }
    insert_new(connection, exception, row)
