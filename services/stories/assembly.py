"""Every service's jobs, sinks and outboxes, put together the same way in memory and live."""

import secrets
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Engine

from schemas.topics import (
    LEDGER_MEMORY,
    LEDGER_OPERATIONS,
    SETTLEMENT_BATCHES,
    SETTLEMENT_MEMORY,
)
from services.issuance.worker import SPEC as ISSUANCE
from services.ledger.sink import LedgerSink
from services.ledger.worker import SPEC as LEDGER
from services.ledger.worker import tell_closed
from services.redemption.worker import SPEC as REDEMPTION
from services.runtime.crash import NoCrash
from services.runtime.job import Job, deciding_job, deriving_job
from services.runtime.outbox import Outbox
from services.runtime.policies import Policies
from services.runtime.ports import Log
from services.runtime.records import Record
from services.runtime.seals import HmacSeals, SealKey, Seals
from services.runtime.sink_loop import SinkLoop
from services.runtime.sinks import Sink
from services.settlement.sink import SettlementSink
from services.settlement.worker import SPEC as SETTLEMENT

SLOT: Final = "0"
# Whoever tells a story says who sends what, so its one key proves every source; bytes that are
# garbage have no seal, and are nobody's commands however they look.
_KEY: Final = SealKey("story", "", secrets.token_bytes(32))


class _ToldSeals(HmacSeals):
    """Without a key nothing is a command, whoever sent it: what cannot be read of it says more."""

    def prefix_proven(self, record: Record) -> str | None:
        return "" if record.key is None else super().prefix_proven(record)


SEALS: Final[Seals] = _ToldSeals({_KEY.id: _KEY}, _KEY.id)
# Nobody but this process ever sees what these keys seal.
SEALING_KEY: Final = bytes(32)
INDEX_KEY: Final = bytes(range(32))


def jobs_of(policies: Policies, partitions: int) -> list[Job]:
    """The four services' jobs."""
    return [
        deciding_job(ISSUANCE, policies, SEALS, partitions),
        deciding_job(REDEMPTION, policies, SEALS, partitions),
        deriving_job(SETTLEMENT, policies, partitions),
        deriving_job(LEDGER, policies, partitions),
    ]


def sinks_of(timezone: str) -> tuple[Sink, ...]:
    """The sinks of ledger and settlement; `timezone` is the bank's."""
    return (LedgerSink(), SettlementSink(timezone))


def sink_loops_of(
    sinks: Sequence[Sink], engine: Engine, log: Log
) -> dict[str, Callable[[], SinkLoop]]:
    """What makes the loop of each sink, by name."""

    def maker(sink: Sink) -> Callable[[], SinkLoop]:
        return lambda: SinkLoop(sink, engine, log, SLOT, crash=NoCrash())

    return {f"{sink.name} sink": maker(sink) for sink in sinks}


def outboxes_of(engine: Engine, log: Log, partitions: int) -> dict[str, Callable[[], Outbox]]:
    """What makes the outboxes of settlement and of the ledger, by name."""
    told = tell_closed(SEALS, partitions)
    return {
        "settlement outbox": lambda: Outbox(
            SETTLEMENT_BATCHES, SETTLEMENT_MEMORY, engine, log, crash=NoCrash()
        ),
        "ledger outbox": lambda: Outbox(
            LEDGER_OPERATIONS, LEDGER_MEMORY, engine, log, crash=NoCrash(), also=told
        ),
    }
