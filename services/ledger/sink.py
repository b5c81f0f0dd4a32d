"""The ledger sink: journals into books, account and card facts into states and histories.

Runs inside `apply_batch`, so each fact is seen once; known journals are compared all the same,
because a rebuild, or a second topic, may bring one again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final, TypeVar

import psycopg
from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert as insert_postgres
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from schemas.issuance import CardFact
from schemas.ledger import Journal
from schemas.message import Published
from schemas.topics import (
    ISSUANCE_EVENTS,
    LEDGER_JOURNALS,
    LEDGER_OPERATIONS,
    REDEMPTION_EVENTS,
    Topic,
)
from schemas.value import AccountFact
from services.ledger import tables
from services.ledger.books import (
    HEADER_COLUMNS,
    LINE_COLUMNS,
    JournalConflictError,
    Row,
    header_row,
    header_text,
    line_rows,
    line_text,
    members,
)
from services.ledger.history import card_event_row, event_row
from services.ledger.readback import operation_row
from services.ledger.statement import Account, post
from services.ledger.stock import Card, tell
from services.runtime.bulk import (
    copy_rows,
    copy_said,
    copy_text,
    insert_dicts,
    insert_tuples,
    plainly_said,
    update_dicts,
)
from services.runtime.outbox_table import insert_new, operation
from services.runtime.records import Record
from services.runtime.tables import is_postgres

ROWS_MAX: Final = 1_000  # of a statement with all rows in it, by SQLite's bound on parameters
Name = tuple[str, str, str | None]
State = TypeVar("State", Account, Card)
Chunked = TypeVar("Chunked")
# The sequence's name is found once (OFFSET keeps it apart), and the numbers come in one row.
_NUMBERS: Final = text(
    "SELECT array_agg(nextval(named)) FROM generate_series(1, :n), (SELECT "
    "pg_get_serial_sequence('ledger.journal', 'id')::regclass AS named OFFSET 0) AS sequence"
)
_STAGE: Final = text(
    "CREATE TEMP TABLE IF NOT EXISTS journal_staged ON COMMIT DELETE ROWS "
    "AS TABLE ledger.journal WITH NO DATA"
)
_STAGED: Final = Table("journal_staged", MetaData(), *(Column(name) for name in HEADER_COLUMNS))
_POST: Final = (
    insert_postgres(tables.journal)
    .from_select(HEADER_COLUMNS, select(_STAGED))
    .on_conflict_do_nothing()
    .returning(tables.journal.c.journal, tables.journal.c.id)
)
_DIFFERENT: Final = text(
    "SELECT s.journal, s.fact FROM journal_staged s "
    "LEFT JOIN ledger.journal j ON j.fact = s.fact AND j.entity = s.entity "
    "WHERE j.journal IS DISTINCT FROM s.journal OR j.content IS DISTINCT FROM s.content LIMIT 1"
)


class LedgerSink:
    """Writes the schema `ledger`."""

    name: Final = "ledger"
    topics: Final[tuple[Topic, ...]] = (
        LEDGER_JOURNALS,
        REDEMPTION_EVENTS,
        ISSUANCE_EVENTS,
        LEDGER_OPERATIONS,
    )
    metadata: Final[MetaData] = tables.METADATA
    progress: Final[Table] = tables.progress

    def apply(
        self,
        connection: Connection,
        topic: Topic,
        partition: int,
        records: Sequence[Record],
        facts: Sequence[Published],
    ) -> None:
        """Write the rows of these facts. Raises JournalConflictError, JournalUnbalancedError."""
        if topic == LEDGER_JOURNALS:
            _post_journals(connection, records, facts)
        elif topic == REDEMPTION_EVENTS:
            told = [fact for fact in facts if isinstance(fact.body, AccountFact)]
            _tell_accounts(connection, told)
        elif topic == LEDGER_OPERATIONS:
            for row in filter(None, map(operation_row, facts)):
                insert_new(connection, operation, row)
        else:
            assert topic == ISSUANCE_EVENTS, topic
            told = [fact for fact in facts if isinstance(fact.body, CardFact)]
            _tell_cards(connection, told)


def _post_journals(
    connection: Connection, records: Sequence[Record], facts: Sequence[Published]
) -> None:
    headers = [header_row(fact, record.value) for record, fact in zip(records, facts, strict=True)]
    plain = plainly_said(record.value for record in records)
    if is_postgres(connection):
        ids = _headers_to_postgres(connection, headers, plain=plain)
    else:
        ids = _headers_to_memory(connection, headers)
    new = [(ids[fact.id], fact.body) for fact in facts if fact.id in ids]
    _insert_lines(connection, new, plain=plain)
    _name(connection, members(journal for _, journal in new))


def _insert_lines(
    connection: Connection, journals: Sequence[tuple[int, Journal]], *, plain: bool
) -> None:
    if plain and is_postgres(connection):
        said = "".join([line_text(id, journal) for id, journal in journals])
        copy_said(connection, "ledger.journal_line", LINE_COLUMNS, said)
        return
    lines = [row for id, journal in journals for row in line_rows(id, journal)]
    insert_tuples(connection, tables.journal_line, LINE_COLUMNS, lines)


def _headers_to_postgres(
    connection: Connection, headers: Sequence[Row], *, plain: bool
) -> dict[str, int]:
    """Insert the headers that are new; {journal: id} of those.

    Nearly always all are: they are written at once, under numbers taken before, and only a refusal
    leads to the way round by a staging table.
    """
    numbers = connection.execute(_NUMBERS, {"n": len(headers)}).scalar_one()
    if plain:
        said = "".join(map(header_text, numbers, headers))
    else:
        said = copy_text((n, *header) for n, header in zip(numbers, headers, strict=True))
    try:
        with connection.begin_nested():
            copy_said(connection, "ledger.journal", ("id", *HEADER_COLUMNS), said)
    except psycopg.errors.UniqueViolation:
        return _headers_by_staging(connection, headers)
    return {header[0]: number for number, header in zip(numbers, headers, strict=True)}


def _headers_by_staging(connection: Connection, headers: Sequence[Row]) -> dict[str, int]:
    """The same where some are known: those are compared, and only the others inserted."""
    connection.execute(_STAGE)
    copy_rows(connection, "journal_staged", HEADER_COLUMNS, headers)
    ids = {row.journal: row.id for row in connection.execute(_POST)}
    if len(ids) < len(headers):
        different = connection.execute(_DIFFERENT).first()
        if different is not None:
            raise JournalConflictError(f"{different[0]} of fact {different[1]}")
    return ids


def _headers_to_memory(connection: Connection, headers: Sequence[Row]) -> dict[str, int]:
    """The same without staging: SQLite has no COPY and one writer."""
    table = tables.journal
    ids: dict[str, int] = {}
    for chunk in _chunks(headers):
        rows = [dict(zip(HEADER_COLUMNS, header, strict=True)) for header in chunk]
        statement = insert_sqlite(table).values(rows).on_conflict_do_nothing()
        inserted = connection.execute(statement.returning(table.c.journal, table.c.id))
        ids |= {row.journal: row.id for row in inserted}
        if len(ids) < len(headers):
            _compare(connection, rows)
    return ids


def _compare(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    table = tables.journal
    said = select(table.c.fact, table.c.entity, table.c.journal, table.c.content).where(
        table.c.fact.in_([row["fact"] for row in rows])
    )
    known = {(r.fact, r.entity): (r.journal, r.content) for r in connection.execute(said)}
    for row in rows:
        if known.get((row["fact"], row["entity"])) != (row["journal"], row["content"]):
            raise JournalConflictError(f"{row['journal']} of fact {row['fact']}")


def _tell_accounts(connection: Connection, facts: Sequence[Published]) -> None:
    table = tables.account_state
    accounts = _states(connection, table, "account", Account, facts)
    known = set(accounts)
    rows = []
    for fact in facts:
        account = accounts.setdefault(fact.subject, Account(fact.subject))
        rows.append(event_row(fact, post(account, fact)))
    insert_dicts(connection, tables.account_event, rows)
    _save(connection, table, "account", accounts, known)
    _name_places(connection, rows)


def _tell_cards(connection: Connection, facts: Sequence[Published]) -> None:
    table = tables.card_state
    cards = _states(connection, table, "card", Card, facts)
    known = set(cards)
    rows = []
    for fact in facts:
        tell(cards.setdefault(fact.subject, Card(fact.subject)), fact)
        rows.append(card_event_row(fact))
    insert_dicts(connection, tables.account_event, rows)
    _save(connection, table, "card", cards, known)
    _name_places(connection, rows)


def _states(
    connection: Connection,
    table: Table,
    key: str,
    kind: Callable[..., State],
    facts: Sequence[Published],
) -> dict[str, State]:
    """The states of these facts' subjects, as far as there are any."""
    columns = [column for column in table.c if column.name != "id"]
    states: dict[str, State] = {}
    for chunk in _chunks(sorted({fact.subject for fact in facts})):
        for row in connection.execute(select(*columns).where(table.c[key].in_(chunk))).mappings():
            states[row[key]] = kind(**row)
    return states


def _save(
    connection: Connection, table: Table, key: str, states: dict[str, State], known: set[str]
) -> None:
    new = [asdict(state) for id, state in states.items() if id not in known]
    insert_dicts(connection, table, new)
    changed = [asdict(state) for id, state in states.items() if id in known]
    update_dicts(connection, table, key, changed)


def _name_places(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    found: set[Name] = set()
    for row in rows:
        found.add(("location", row["location"], row["entity"]))
        found.add(("programme", row["programme"], None))
        found.add(("entity", row["entity"], None))
        if row["channel"] is not None:
            found.add(("channel", row["channel"], None))
    _name(connection, found)


def _name(connection: Connection, names: set[Name]) -> None:
    """Give every new member of a dimension its number; sorted, so that sinks never deadlock."""
    table = tables.member
    known = {(row.kind, row.name) for row in connection.execute(select(table.c.kind, table.c.name))}
    make = insert_postgres if is_postgres(connection) else insert_sqlite
    new = sorted({name[:2]: name for name in names if name[:2] not in known}.items())
    for _, (kind, name, owner) in new:
        row = {"kind": kind, "name": name, "of": owner}
        connection.execute(make(table).values(row).on_conflict_do_nothing())


def _chunks(rows: Sequence[Chunked]) -> Iterable[Sequence[Chunked]]:
    return (rows[i : i + ROWS_MAX] for i in range(0, len(rows), ROWS_MAX))
