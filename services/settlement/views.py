"""Settlement as it is shown: items, runs and files in the shapes of the contract."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from schemas.instants import DAY, local_date
from services.settlement.delivery.operations import content_of
from services.settlement.directory import Vault
from services.settlement.return_rates import DAYS, ReturnRate, rates
from services.settlement.tables import exception, file, item, run, run_entry, run_position


def list_items(connection: Connection) -> list[dict[str, Any]]:
    """Every item, in order of when it happened."""
    ordered = select(item).order_by(item.c.occurred_at, item.c.account, item.c.line, item.c.item)
    same = ("category", "base", "funded", "rate_bp", "amount", "kind", "state", "run", "currency")
    return [
        {"id": row["item"], "from": row["source"], "to": row["destination"]}
        | {name: row[name] for name in same}
        for row in connection.execute(ordered).mappings()
    ]


def list_runs(connection: Connection) -> list[dict[str, Any]]:
    """Every run with its positions, what it carries, what it held back, its entries and files."""
    ordered = select(run).order_by(run.c.started_at, run.c.run)
    return [_run(connection, row) for row in connection.execute(ordered).mappings().all()]


def list_files(connection: Connection, vault: Vault) -> list[dict[str, Any]]:
    """Every bank file with its content, account numbers included: for whoever may see them.

    `content` is None for a file that was read back from the log.
    """
    ordered = select(file).order_by(file.c.built_at, file.c.run, file.c.number)
    found = []
    for row in connection.execute(ordered).mappings():
        content = content_of(vault, row)
        found.append(
            {
                "run": row["run"],
                "name": row["name"],
                "sha256": row["sha256"],
                "state": row["state"],
                "content": content.decode("ascii") if content is not None else None,
            }
        )
    return found


def list_return_rates(connection: Connection, now: int) -> list[ReturnRate]:
    """What came back of the debits that settled in the days up to `now` (ms UTC)."""
    since = local_date(now - DAYS * DAY, "UTC")
    chosen = (
        select(run_entry.c.returned_code, func.count())
        .join(file, (file.c.run == run_entry.c.run) & (file.c.number == run_entry.c.file_number))
        .where(
            run_entry.c.direction == "debit",
            run_entry.c.trace.is_not(None),
            run_entry.c.state.not_in(("planned", "filed")),
            file.c.effective >= since,
        )
        .group_by(run_entry.c.returned_code)
    )
    counted = {code: int(count) for code, count in connection.execute(chosen)}
    returned = {code: count for code, count in counted.items() if code is not None}
    return rates(sum(counted.values()), returned)


def list_exceptions(connection: Connection) -> list[dict[str, Any]]:
    """What a person has to look at, oldest first; unreconciled items that nobody expected too."""
    ordered = select(exception).order_by(exception.c.at, exception.c.exception)
    odd = select(item).where(item.c.unexpected.is_not(None)).order_by(item.c.occurred_at)
    names = ("kind", "run", "location", "detail", "at")
    noted = [{name: row[name] for name in names} for row in connection.execute(ordered).mappings()]
    return noted + [
        {
            "kind": row["unexpected"],
            "run": None,
            "location": row["destination"],
            "detail": {"item": row["item"], "category": row["category"], "base": row["base"]},
            "at": row["occurred_at"],
        }
        for row in connection.execute(odd).mappings()
    ]


def _run(connection: Connection, row: Mapping[Any, Any]) -> dict[str, Any]:
    mine = select(run_position).where(run_position.c.run == row["run"])
    positions = connection.execute(mine.order_by(run_position.c.location)).mappings().all()
    chosen = select(run_entry).where(run_entry.c.run == row["run"]).order_by(run_entry.c.number)
    names = select(file.c.name).where(file.c.run == row["run"]).order_by(file.c.number)
    same = ("location", "direction", "amount", "trace", "attempt", "state")
    return {
        "id": row["run"],
        "state": row["state"],
        "currency": row["currency"],
        "positions": {p["location"]: p["moved"] for p in positions},
        "carried": {p["location"]: p["carried"] for p in positions if p["carried"]},
        "held": [obstacle["item"] for obstacle in row["held"]],
        "held_reasons": dict(Counter(o["reason"] for o in row["held"] if "reason" in o)),
        "entries": [
            {name: entry[name] for name in same} | {"code": str(entry["code"])}
            for entry in connection.execute(chosen).mappings()
        ],
        "files": list(connection.execute(names).scalars()),
    }
