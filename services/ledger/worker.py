"""Connects the ledger to the runner: facts in, journals out; the sink; the outbox."""

from collections.abc import Callable, Mapping
from typing import Final

from schemas.decision import Derived
from schemas.message import Published
from schemas.terms import Policy
from schemas.topics import (
    LEDGER_JOURNALS,
    LEDGER_MEMORY,
    LEDGER_OPERATIONS,
    REDEMPTION_EVENTS,
    SETTLEMENT_BATCHES,
    SETTLEMENT_ITEMS,
)
from services.ledger.journal import derive
from services.ledger.sink import LedgerSink
from services.runtime.assembly import deriving_worker, open_database, open_log
from services.runtime.crash import crash_points
from services.runtime.deriving import DerivingSpec
from services.runtime.outbox import Outbox
from services.runtime.outbox_table import OutboxRow
from services.runtime.process import Make
from services.runtime.records import Staged
from services.runtime.seals import Seals
from services.runtime.settings import Settings, seals_of
from services.runtime.sink_loop import SinkLoop
from services.runtime.telling import broadcast


def journals(published: Published, policy_of: Callable[[int], Policy]) -> tuple[Derived, ...]:
    """The journals of a fact, under the policy it was decided under."""
    return derive(published, policy_of(published.policy))


SPEC: Final = DerivingSpec(
    service="ledger",
    inputs=(REDEMPTION_EVENTS, SETTLEMENT_ITEMS, SETTLEMENT_BATCHES, LEDGER_OPERATIONS),
    output=LEDGER_JOURNALS,
    memory=LEDGER_MEMORY,
    derive=journals,
)


def tell_closed(seals: Seals, partitions: int) -> Callable[[OutboxRow], list[Staged]]:
    """A closed period is told to every partition of commands with the fact that closes it."""

    def told(row: OutboxRow) -> list[Staged]:
        if row.type != "period_closed.v1":
            return []
        body = {"entity": row.body["entity"], "until": row.body["until"]}
        return broadcast(
            "period_closed",
            "service/ledger",
            body,
            time=row.time,
            partitions=partitions,
            seals=seals,
        )

    return told


def _outbox(settings: Settings) -> Outbox:
    log = open_log(settings)
    partitions = log.partitions(REDEMPTION_EVENTS.name)
    return Outbox(
        LEDGER_OPERATIONS,
        LEDGER_MEMORY,
        open_database(settings),
        log,
        crash=crash_points(settings.crash_at),
        also=tell_closed(seals_of(settings), partitions),
    )


def _sink(settings: Settings) -> SinkLoop:
    return SinkLoop(
        LedgerSink(),
        open_database(settings),
        open_log(settings),
        settings.slot,
        crash=crash_points(settings.crash_at),
    )


def loops(settings: Settings) -> Mapping[str, Make]:
    """The loops of a ledger process."""
    return {
        "worker": lambda: deriving_worker(SPEC, settings),
        "sink": lambda: _sink(settings),
        "outbox": lambda: _outbox(settings),
    }
