"""A settling network on either database: items come in by the sink, runs go out by operations."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from psycopg import sql
from pydantic import TypeAdapter
from sqlalchemy import Engine, insert

from deploy.embedded.resolve import Infrastructure
from schemas.instants import parse_instant
from schemas.message import Published
from schemas.policy import PolicyDocument
from schemas.settlement import FACTS
from schemas.terms import Policy, Terms
from schemas.topics import SETTLEMENT_BATCHES, SETTLEMENT_ITEMS
from services.runtime import outbox_table
from services.runtime.outbox_table import OutboxRow, read
from services.settlement import tables
from services.settlement.bank import Delivery, Shipment, StoryBank
from services.settlement.delivery.operations import Desk
from services.settlement.directory import AccountDetails, Vault, register
from services.settlement.items import derive
from services.settlement.operations import SYSTEM, carry_out
from services.settlement.outcome.operations import advance, next_due
from services.settlement.returned.operations import Answer, ReturnNotice, bank_return
from services.settlement.runs import RunOrder
from services.settlement.sink import SettlementSink
from services.settlement.views import list_exceptions, list_files, list_items, list_runs
from tests.unit.settlement_items.facts import NETWORK, Drawn, Returning, captured, refunded

MAY_12 = "2026-05-12T12:00:00-04:00"
MAY_13 = "2026-05-13T00:00:00-04:00"
MAY_19 = "2026-05-19T12:00:00-04:00"
MAY_26 = "2026-05-26T12:00:00-04:00"
JUNE_2 = "2026-06-02T12:00:00-04:00"
JUNE_9 = "2026-06-09T12:00:00-04:00"
AUGUST = "2026-08-01T12:00:00-04:00"

TIMEZONE = "America/New_York"
VAULT = Vault(bytes(range(32)), bytes(range(32, 64)))


def network_policy(version: int = 1, **settlement: Any) -> Policy:
    """Locations A, B, C of three entities, A2 of A's, and the parent."""
    document = PolicyDocument.model_validate(
        {
            "network": {"currency": "USD", "parent": "HQ", "bank_account": "acct-hq"},
            "entities": {"HQ": {}, "EA": {}, "EB": {}, "EC": {}},
            "locations": {
                name: {"entity": entity, "bank_account": f"acct-{name.lower()}"}
                for name, entity in NETWORK.items()
            },
            "programmes": {"gift": {"kind": "card", "currency": "USD"}},
            "settlement": {"enabled": True, "cross_franchise": True, "mode": "full"} | settlement,
        }
    )
    return Policy(version, 0, document)


def account(name: str, number: str | None = None, **other: Any) -> AccountDetails:
    """A checking account of that name."""
    digits = number or str(10_000_000 + sum(ord(c) * 31**i for i, c in enumerate(name)) % 10**7)
    return AccountDetails(name, "021000021", digits, "checking", name.upper(), **other)


@contextmanager
def database_of_its_own(infra: Infrastructure) -> Iterator[str]:
    """The address of an empty database, dropped afterwards."""
    server = infra.postgres.replace("postgresql+psycopg://", "postgresql://")
    name = f"settling{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield infra.postgres.rpartition("/")[0] + f"/{name}"
    with psycopg.connect(server, autocommit=True) as connection:
        drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
        connection.execute(drop.format(sql.Identifier(name)))


def empty(engine: Engine) -> None:
    """Take every row of settlement and of operations away."""
    with engine.begin() as connection:
        for declared in (outbox_table.METADATA, tables.METADATA):
            for table in declared.sorted_tables:
                connection.execute(table.delete())
        connection.execute(insert(outbox_table.outbox_head).values(id=1, position=0))


@dataclass
class Network:
    """The clock is the test's: every step says when."""

    engine: Engine
    policy: Policy = field(default_factory=network_policy)
    bank: StoryBank = field(default_factory=StoryBank)
    offset: int = 0
    sunk: list[Published] = field(default_factory=list)

    @property
    def desk(self) -> Desk:
        """Where its runs are worked on."""
        return Desk(self.engine, VAULT, self.bank)

    def terms(self, at: str) -> Terms:
        """The policy at an instant."""
        return Terms(parse_instant(at), self.policy)

    def open_accounts(self, names: Iterable[str] = ("A", "B", "C", "A2", "HQ")) -> None:
        """Verified bank accounts for these places."""
        with self.engine.begin() as connection:
            for name in names:
                register(connection, VAULT, account(f"acct-{name.lower()}"), state="active")

    def accrue(self, *facts: Published) -> None:
        """The items of redemption's facts reach the sink."""
        items = []
        for fact in facts:
            for made in derive(fact, lambda _: self.policy):
                self.offset += 1
                items.append(
                    replace(
                        fact,
                        id=f"item-fact-{self.offset}",
                        type=made.type,
                        body=made.body,
                        sequence=self.offset,
                    )
                )
        self.sunk += items
        self.sink_items(items)

    def sink_items(self, items: Sequence[Published]) -> None:
        """These item facts reach the sink in one batch."""
        with self.engine.begin() as connection:
            SettlementSink(TIMEZONE).apply(connection, SETTLEMENT_ITEMS, 0, [], items)

    def sink_run_facts(self, facts: Sequence[Published]) -> None:
        """These facts of runs reach the sink in one batch."""
        with self.engine.begin() as connection:
            SettlementSink(TIMEZONE).apply(connection, SETTLEMENT_BATCHES, 0, [], facts)

    def run(self, name: str, at: str, *, dry: bool = False) -> str:
        """Carry a run out; its state."""
        order = RunOrder(name, SYSTEM.maker, dry)
        return carry_out(self.desk, order, SYSTEM.checker, self.terms(at))

    def pass_time(self, until: str) -> None:
        """Do what falls due on the way, each at its instant."""
        end = parse_instant(until)
        now = 0
        for _ in range(100):
            with self.engine.begin() as connection:
                due = next_due(connection, now)
            if due is None or due > end:
                return
            assert advance(self.desk, Terms(due, self.policy))
            now = due
        raise AssertionError("there is no end to what falls due")

    def returned(self, at: str, run: str, location: str, code: str, **more: Any) -> Answer:
        """The bank sends an entry back."""
        notice = ReturnNotice(run, location, code, **more)
        with self.engine.begin() as connection:
            return bank_return(connection, VAULT, notice, self.terms(at))

    def items(self) -> list[dict[str, Any]]:
        """As the contract lists them."""
        with self.engine.begin() as connection:
            return list_items(connection)

    def runs(self) -> dict[str, dict[str, Any]]:
        """As the contract lists them, by id."""
        with self.engine.begin() as connection:
            return {row["id"]: row for row in list_runs(connection)}

    def files(self) -> list[dict[str, Any]]:
        """As the contract lists them."""
        with self.engine.begin() as connection:
            return list_files(connection, VAULT)

    def exceptions(self) -> list[dict[str, Any]]:
        """What a person has to look at."""
        with self.engine.begin() as connection:
            return list_exceptions(connection)

    def outbox(self) -> list[OutboxRow]:
        """Every fact told so far."""
        with self.engine.begin() as connection:
            return read(connection, 0)

    def told(self, type: str) -> list[Mapping[str, Any]]:
        """The bodies of facts of one type."""
        return [row.body for row in self.outbox() if row.type == type]


def as_published(rows: Sequence[OutboxRow]) -> list[Published]:
    """Facts as they come back from their topic."""
    return [
        Published(
            id=row.fact,
            type=row.type,
            source="service/settlement",
            subject=row.subject,
            time=row.time,
            body=decoded(row.type, row.body),
            policy=row.policy,
            sequence=row.position,
            input="operations.outbox",
            causationid=row.causation,
            dates=row.dates,
        )
        for row in rows
    ]


def decoded(type: str, body: Mapping[str, Any]) -> Any:
    """A fact's body as its dataclass."""
    return TypeAdapter(FACTS[type]).validate_python(body)


def use(source: str, to: str, minor: int, capture: str, category: str = "service") -> Published:
    """Value that came in at `source` was spent at `to`."""
    return captured(to, [Drawn(1, category, source, minor)], capture=capture)


def back(source: str, to: str, minor: int, capture: str, **of: Any) -> Published:
    """Some of it came back (all of it, unless `drawn` and `before` say otherwise)."""
    row = Drawn(1, "service", source, of.pop("drawn", minor))
    returning = Returning(row, minor, of.pop("before", 0))
    number = of.pop("number", 1)
    return refunded([returning], id=f"back-{capture}-{number}", capture=capture, used_at=to)


def states(net: Network) -> list[str]:
    """The states of all items, sorted."""
    return sorted(item["state"] for item in net.items())


class Refusing(StoryBank):
    """A bank whose line ends every sending the same way."""

    def __init__(self, answer: Delivery) -> None:
        super().__init__()
        self._answer = answer

    def deliver(self, shipment: Shipment) -> Delivery:
        """Take nothing."""
        return self._answer
