"""The figures of the day, as PostgreSQL has them."""

from typing import Any

from sqlalchemy import Connection, Engine, func, select

from services.demo.publishing import CURRENCY
from services.ledger import tables as ledger
from services.ledger import views
from services.ledger.trial import TrialBalance
from services.settlement import tables as settlement


def trial_balance(engine: Engine) -> TrialBalance:
    """{entity: {account: minor, debit positive}} in the day's currency."""
    with engine.connect() as connection:
        return views.trial_balance(connection).get(CURRENCY, {})


def ledgers(engine: Engine) -> dict[str, int]:
    """Ledger balances by account, as the ledger's sink added them up."""
    state = ledger.account_state
    with engine.connect() as connection:
        rows = connection.execute(select(state.c.account, state.c.ledger_minor))
        return {row.account: row.ledger_minor for row in rows}


def pairs(engine: Engine) -> list[dict[str, Any]]:
    """Items by pair of locations: how many, their base and amount, what refunds took back."""
    with engine.connect() as connection:
        return _pairs(connection)


def _pairs(connection: Connection) -> list[dict[str, Any]]:
    item = settlement.item
    chosen = (
        select(
            item.c.source,
            item.c.destination,
            item.c.kind,
            func.count().label("items"),
            func.sum(item.c.base).label("base"),
            func.sum(item.c.amount).label("amount"),
        )
        .group_by(item.c.source, item.c.destination, item.c.kind)
        .order_by(item.c.source, item.c.destination)
    )
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in connection.execute(chosen):
        blank = {"items": 0, "base": 0, "amount": 0, "refunded": 0, "unreconciled": 0}
        pair = found.setdefault((row.source, row.destination), blank)
        pair["items"] += row.items
        pair["base"] += int(row.base)
        pair["amount"] += int(row.amount)
        if row.kind == "refund":
            pair["refunded"] -= int(row.amount)
        if row.kind == "unreconciled":
            pair["unreconciled"] += row.items
    return [{"from": source, "to": to, **row} for (source, to), row in found.items()]
