"""What the books and histories say, asked in a few fixed ways: for `scrip account`, `scrip verify`.

Runs on PostgreSQL and in memory alike. Amounts are minor units.
"""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, case, func, or_, select

from schemas.issuance import FACTS
from schemas.ledger import Journal, JournalLine
from services.ledger.books import content
from services.ledger.tables import account_event, account_state, card_state, journal, journal_line
from services.ledger.trial import Finding, TrialBalance

# What happened at one instant is told cause first: which topic the sink read first, chance decides.
_OF_STOCK = tuple(name.partition(".")[0] for name in FACTS)
_AFTER_ACCOUNTS = ("import_undone", "card_restocked")
_LINE = tuple(field.name for field in fields(JournalLine))
_JOURNAL = tuple(field.name for field in fields(Journal) if field.name != "lines")


def trial_balance(connection: Connection) -> dict[str, TrialBalance]:
    """{currency: {entity: {account: minor, debit positive}}}, sorted; what came to 0 stays."""
    balance = func.sum(journal_line.c.debit - journal_line.c.credit)
    query = (
        select(journal.c.currency, journal.c.entity, journal_line.c.account, balance)
        .join_from(journal, journal_line, journal_line.c.journal_id == journal.c.id)
        .group_by(journal.c.currency, journal.c.entity, journal_line.c.account)
        .order_by(journal.c.currency, journal.c.entity, journal_line.c.account)
    )
    found: dict[str, TrialBalance] = {}
    for currency, entity, account, minor in connection.execute(query):
        found.setdefault(currency, {}).setdefault(entity, {})[account] = int(minor)
    return found


def journals(connection: Connection) -> Iterator[tuple[str, Journal]]:
    """(content hash as stored, journal), in the order they were posted."""
    lines: dict[int, list[JournalLine]] = {}
    query = select(journal_line).order_by(journal_line.c.journal_id, journal_line.c.number)
    for row in connection.execute(query).mappings():
        said = {name: row[name] for name in _LINE}
        lines.setdefault(row["journal_id"], []).append(JournalLine(**said))
    for row in connection.execute(select(journal).order_by(journal.c.id)).mappings():
        said = {name: row[name] for name in _JOURNAL}
        yield row["content"], Journal(**said, lines=lines.get(row["id"], []))


def account(connection: Connection, name: str) -> dict[str, Any] | None:
    """The state of an account or of a card in stock; None: no fact has named it."""
    for table, key in ((account_state, "account"), (card_state, "card")):
        row = connection.execute(select(table).where(table.c[key] == name)).mappings().first()
        if row is not None:
            return dict(row)
    return None


def history(connection: Connection, name: str) -> list[dict[str, Any]]:
    """Everything that happened to an account, oldest first, each with the balance after it."""
    table = account_event
    query = select(table).where(table.c.account == name)
    among = case((table.c.type.in_(_AFTER_ACCOUNTS), 2), (table.c.type.in_(_OF_STOCK), 0), else_=1)
    ordered = query.order_by(table.c.at, among, table.c.id)
    return [dict(row) for row in connection.execute(ordered).mappings()]


def tampered(said: Iterable[tuple[str, Journal]]) -> Iterator[Finding]:
    """Journals whose rows no longer say what their hash was taken of."""
    for known, entry in said:
        if content(entry) != known:
            yield Finding("journals_unchanged", entry.entity, "", f"of fact {entry.fact}")


def misstated(connection: Connection) -> Iterator[Finding]:
    """Accounts whose facts do not add up to the balance that the last of them states."""
    table = account_state
    query = select(table).where(
        or_(
            table.c.ledger_minor != table.c.stated_ledger_minor,
            table.c.held_minor != table.c.stated_held_minor,
        )
    )
    for row in connection.execute(query.order_by(table.c.account)).mappings():
        detail = (
            f"{row['account']}: facts {row['ledger_minor']} held {row['held_minor']}, "
            f"stated {row['stated_ledger_minor']} held {row['stated_held_minor']}"
        )
        yield Finding("facts_add_up_to_balances", "", "", detail)
