"""What an item does to the rows: it is inserted, and refunds void what they undo before a run.

Pairing looks at the whole group of a use and its refunds under a row lock: all of it still accrued
and nothing left of the base → voided, every one. Partly refunded → all stay, and net. A use that a
run has claimed is left alone, and its refund waits for the next run.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from schemas.settlement import ItemAccrued
from services.runtime.outbox_table import insert_new
from services.settlement.tables import claim, item, run

SETTLED = ("settled", "closed")
_IDS_MAX = 500


def item_row(accrued: ItemAccrued, **envelope: Any) -> dict[str, Any]:
    """The row of an item; `envelope` brings fact, content, policy and dates."""
    names = (
        *("item", "account", "capture", "line", "category", "source", "source_entity"),
        *("base", "funded", "rate_bp", "amount", "currency", "kind", "reverses"),
        *("programme", "cohort", "ticket", "occurred_at", "unexpected"),
    )
    row = {name: getattr(accrued, name) for name in names}
    row |= {"destination": accrued.to, "destination_entity": accrued.to_entity}
    return row | {"state": "accrued", "run": None} | envelope


def claims_of(connection: Connection, items: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Runs that were read back before their items: {item: (run, the item's state)}."""
    found = connection.execute(
        select(claim.c.item, claim.c.run, run.c.state)
        .join(run, run.c.run == claim.c.run)
        .where(claim.c.item.in_(items))
    )
    return {row.item: (row.run, "settled" if row.state in SETTLED else "in_file") for row in found}


def pair(connection: Connection, uses: Iterable[str]) -> None:
    """Void each use with its refunds where nothing is left of it and no run has claimed any."""
    for use in sorted(set(uses)):
        rows = _group(connection, use)
        whole = any(row["item"] == use for row in rows) and len(rows) > 1
        if whole and all(row["state"] == "accrued" for row in rows):
            assert sum(row["base"] for row in rows) >= 0, "never more comes back than was used"
            if sum(row["base"] for row in rows) == 0:
                set_state(connection, [row["item"] for row in rows], "voided", None)


def claim_items(connection: Connection, items: Sequence[str], by: str, state: str) -> None:
    """The items are the run's; what was voided with one of them is accrued, and waits."""
    known: set[str] = set()
    for some in _slices(items):
        chosen = select(item.c.item, item.c.state, item.c.reverses).where(item.c.item.in_(some))
        rows = connection.execute(chosen.with_for_update()).mappings().all()
        known.update(row["item"] for row in rows)
        voided = [row["reverses"] or row["item"] for row in rows if row["state"] == "voided"]
        set_state(connection, [row["item"] for row in rows], state, by)
        for use in sorted(set(voided)):
            peers = [r["item"] for r in _group(connection, use) if r["state"] == "voided"]
            set_state(connection, peers, "accrued", None)
    for missing in sorted(set(items) - known):
        insert_new(connection, claim, {"item": missing, "run": by})


def release_items(connection: Connection, by: str, items: Sequence[str] | None = None) -> None:
    """Items of a run (or some of them) are accrued again, and paired with what came meanwhile."""
    chosen = select(item.c.item, item.c.reverses).where(
        item.c.run == by, item.c.state == "assigned"
    )
    found = connection.execute(chosen.order_by(item.c.item).with_for_update()).all()
    wanted = None if items is None else set(items)
    rows = [row for row in found if wanted is None or row.item in wanted]
    set_state(connection, [row.item for row in rows], "accrued", None)
    pair(connection, [row.reverses or row.item for row in rows])


def set_state(connection: Connection, items: Sequence[str], state: str, by: str | None) -> None:
    """Give items a state and the run they belong to."""
    for some in _slices(items):
        changed = update(item).where(item.c.item.in_(some)).values(state=state, run=by)
        connection.execute(changed)


def _group(connection: Connection, use: str) -> Sequence[Mapping[Any, Any]]:
    chosen = select(item.c.item, item.c.state, item.c.base).where(
        (item.c.item == use) | (item.c.reverses == use)
    )
    return connection.execute(chosen.order_by(item.c.item).with_for_update()).mappings().all()


def _slices(items: Sequence[str]) -> Iterable[Sequence[str]]:
    ordered = sorted(items)
    return (ordered[at : at + _IDS_MAX] for at in range(0, len(ordered), _IDS_MAX))
