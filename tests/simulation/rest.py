"""What must hold at rest in the simulated world: the log's invariants, stores, and the database."""

from collections import Counter
from typing import Any

from sqlalchemy import Engine, select

from schemas.topics import (
    ISSUANCE_MEMORY,
    LEDGER_JOURNALS,
    LEDGER_OPERATIONS,
    REDEMPTION_BALANCES,
    REDEMPTION_MEMORY,
    SETTLEMENT_BATCHES,
    SETTLEMENT_ITEMS,
    Topic,
)
from services.ledger import tables as ledger
from services.runtime.advance import PROGRESS
from services.runtime.outbox_table import outbox
from services.runtime.worker import Worker
from services.settlement import tables as settlement
from services.verify.auditing import audit
from services.verify.verdicts import render
from tests import at_rest
from tests.invariants import Auditor, fact_sets, require, same, settled, sold_once
from tests.observed import Observed
from tests.simulation.network import HOUR
from tests.simulation.rest_of_runs import check_runs
from tests.simulation.scenes import Scene
from tests.simulation.world import World

STATE = {"issuance": (ISSUANCE_MEMORY,), "redemption": (REDEMPTION_BALANCES, REDEMPTION_MEMORY)}


def check_rest(world: World, auditor: Auditor) -> None:
    """Raises a ViolatedError for the first thing that does not hold."""
    auditor.look()
    observed, scene = auditor.observed, world.site.scene
    settled(auditor)
    fact_sets(observed)
    sold_once(observed)
    at_rest.everything_read(observed, [pair for pair in at_rest.INPUTS if _reads(scene, pair[1])])
    at_rest.everything_answered(observed)
    at_rest.replies_are_readable(observed)
    accounts = at_rest.accounts_are_their_facts(observed)
    at_rest.lots_add_up(accounts)
    if "ledger" in scene.roles:
        at_rest.books_are_right(observed, accounts)
    _swept(world)
    _stores(world, observed)
    if scene.has_database:
        assert world.site.engine is not None
        _database(world.site.engine, observed, accounts)
        check_runs(world.site, observed)
        found = audit(world.log, world.site.engine)
        require(found.holds, "the audit finds nothing", render(found))


def _reads(scene: Scene, memory: Topic) -> bool:
    return memory.name.split(".")[1] in scene.roles


def _swept(world: World) -> None:
    """Nothing that fell due half an hour ago is still to be done."""
    for process in world.processes:
        if process.state == "running" and process.role in STATE:
            due = process.loop.next_due()
            require(due is None or due > world.now - HOUR // 2, "what is due is done", due)


def _stores(world: World, observed: Observed) -> None:
    """Every worker knows just what the log says, and each partition has one worker."""
    for role, topics in STATE.items():
        rows: dict[tuple[int, str], bytes] = {}
        for topic in topics:
            rows |= observed.rows(topic)
        wanted = {k: v for k, v in rows.items() if not k[1].startswith(PROGRESS)}
        found: dict[tuple[int, str], bytes] = {}
        for process in world.processes:
            if process.state == "running" and process.role == role:
                assert isinstance(process.loop, Worker)
                for (_, number), partition in process.loop.partitions.items():
                    found |= {(number, key): row for key, row in partition.store.scan()}
        same(f"the store of {role} is its topics", wanted, found)


def _database(engine: Engine, observed: Observed, accounts: dict[str, Any]) -> None:
    """The sinks have every journal, item and account, each once and as the log says."""
    with engine.connect() as connection:
        header = ledger.journal.c
        posted = connection.execute(select(header.journal, header.fact, header.entity)).all()
        state = ledger.account_state.c
        columns = (state.account, state.ledger_minor, state.held_minor, state.state, state.frozen)
        stated = {row[0]: tuple(row[1:]) for row in connection.execute(select(*columns))}
        item = settlement.item.c
        row = outbox.c
        told = connection.execute(select(row.fact, row.subject, row.topic)).all()
        items = connection.execute(select(item.item, item.fact, item.amount)).all()
    published = Counter(
        (fact.id, fact.subject, topic.name)
        for topic in (LEDGER_OPERATIONS, SETTLEMENT_BATCHES)
        for fact in observed.facts(topic)
    )
    require(published == Counter(map(tuple, told)), "the outbox leaves, once", published)
    journals: list[tuple[str, Any]] = [(f.id, f.body) for f in observed.facts(LEDGER_JOURNALS)]
    wanted = Counter((id, body.fact, body.entity) for id, body in journals)
    require(wanted == Counter(map(tuple, posted)), "journals are in the database", wanted)
    bodies: list[tuple[str, Any]] = [(f.id, f.body) for f in observed.facts(SETTLEMENT_ITEMS)]
    accrued = Counter((body.item, id, body.amount) for id, body in bodies)
    require(accrued == Counter(map(tuple, items)), "items are in the database", accrued)
    said = {name: (row.ledger, row.held, row.state, row.frozen) for name, row in accounts.items()}
    same("the database says what accounts are", said, stated)
