"""Connects settlement to the runner: facts in, items out; the sink; the outbox; the clerk."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Final

import structlog
from sqlalchemy.exc import OperationalError

from schemas.instants import SECOND
from schemas.terms import Terms
from schemas.topics import (
    REDEMPTION_EVENTS,
    SETTLEMENT_BATCHES,
    SETTLEMENT_ITEMS,
    SETTLEMENT_MEMORY,
)
from services.runtime.assembly import (
    deriving_worker,
    open_database,
    open_log,
    wait_for_policy,
)
from services.runtime.clocks import SystemClock
from services.runtime.crash import crash_points
from services.runtime.deriving import DerivingSpec
from services.runtime.keyfiles import KeysRefusedError, key_of
from services.runtime.metrics import RETRIES, RETURN_RATE
from services.runtime.outbox import Outbox
from services.runtime.policies import Policies
from services.runtime.ports import Clock
from services.runtime.process import Make
from services.runtime.settings import Settings, SettingsRefusedError
from services.runtime.sink_loop import SinkLoop
from services.runtime.waits import Backoff, rest
from services.settlement.bank import DirectoryBank
from services.settlement.delivery.operations import Desk
from services.settlement.directory import Vault
from services.settlement.items import derive
from services.settlement.outcome.operations import RunDue, advance
from services.settlement.outcome.retries import Retries
from services.settlement.sink import SettlementSink
from services.settlement.views import list_return_rates

SPEC: Final = DerivingSpec(
    service="settlement",
    inputs=(REDEMPTION_EVENTS,),
    output=SETTLEMENT_ITEMS,
    memory=SETTLEMENT_MEMORY,
    derive=derive,
)
LOOK_SECONDS: Final = 1.0
RATES_EACH: Final = 60 * SECOND

_log = structlog.get_logger()


class Clerk:
    """Does what falls due for runs by the clock: sends, settles and closes them.

    What does not go through is tried again ever later. `resting` waits so many seconds.
    """

    def __init__(
        self,
        desk: Desk,
        policies: Policies,
        clock: Clock,
        resting: Callable[[float], None] = rest,
    ) -> None:
        self._desk = desk
        self._policies = policies
        self._clock = clock
        self._rest = resting
        self._backoff = Backoff(resting)
        self._retries: Retries[RunDue] = Retries()
        self._told: dict[str, str] = {}
        self._tell_from = 0

    def tick(self, timeout: float = 0.0) -> bool:
        """Do what is due now; then rest."""
        self._policies.look()
        policy = self._policies.in_force(self._clock.now())
        try:
            terms = None if policy is None else Terms(self._clock.now(), policy)
            tried = [] if terms is None else advance(self._desk, terms, self._retries)
            self._tell_return_rates(self._clock.now())
        except OperationalError as cause:
            if not self._backoff.waiting:
                _log.warning("waiting_for_postgres", loop="clerk", cause=str(cause))
            self._backoff.wait()
            return False
        self._backoff.over()
        went = [due for due in tried if self._told_of(due)]
        RETRIES.set(len(self._retries))
        if not went:
            self._rest(max(timeout, LOOK_SECONDS))
        return bool(went)

    def _told_of(self, due: RunDue) -> bool:
        """Say how it went; did it go through?"""
        said = {"run": due.run, "what": due.what, "number": due.number}
        retry = self._retries.of(due)
        if retry is None:
            _log.info("run_advanced", **said)
            return True
        _log.warning("run_waits", **said, tries=retry.tries, again_at=retry.again_at)
        return False

    def _tell_return_rates(self, now: int) -> None:
        if now < self._tell_from:
            return
        self._tell_from = now + RATES_EACH
        with self._desk.engine.connect() as connection:
            found = list_return_rates(connection, now)
        for rate in found:
            RETURN_RATE.labels(rate.kind).set(rate.rate_bp)
            if rate.state != "fine" and self._told.get(rate.kind) != rate.state:
                _log.warning("debits_come_back", **asdict(rate))
            self._told[rate.kind] = rate.state

    def ready(self) -> bool:
        """Is the database there?"""
        return not self._backoff.waiting

    def close(self) -> None:
        """Nothing is in flight between ticks."""


def vault_of(settings: Settings) -> Vault:
    """The keys to account numbers: one to seal with, one derived from it to find them by."""
    secret = settings.bank_key.get_secret_value()
    if not secret:
        raise SettingsRefusedError("SCRIP_BANK_KEY is missing: 32 bytes in hex (64 digits)")
    try:
        key = key_of("SCRIP_BANK_KEY", secret)
    except KeysRefusedError as cause:
        raise SettingsRefusedError(str(cause)) from cause
    return Vault(key, sha256(b"scrip bank index" + key).digest())


def desk_of(settings: Settings) -> Desk:
    """Where this process works on runs."""
    if settings.bank_folder is None:
        raise SettingsRefusedError("SCRIP_BANK_FOLDER is missing: a folder for bank files")
    crash = crash_points(settings.crash_at)
    bank = DirectoryBank(settings.bank_folder, crash)
    return Desk(open_database(settings), vault_of(settings), bank, crash)


def _sink(settings: Settings) -> SinkLoop:
    log = open_log(settings)
    timezone = wait_for_policy(Policies(log.reader())).document.network.timezone
    return SinkLoop(
        SettlementSink(timezone),
        open_database(settings),
        log,
        settings.slot,
        crash=crash_points(settings.crash_at),
    )


def _outbox(settings: Settings) -> Outbox:
    return Outbox(
        SETTLEMENT_BATCHES,
        SETTLEMENT_MEMORY,
        open_database(settings),
        open_log(settings),
        crash=crash_points(settings.crash_at),
    )


def _clerk(settings: Settings) -> Clerk:
    return Clerk(desk_of(settings), Policies(open_log(settings).reader()), SystemClock())


def loops(settings: Settings) -> Mapping[str, Make]:
    """The loops of a settlement process; on the story's clock runs are advanced by the story."""
    made: dict[str, Make] = {
        "worker": lambda: deriving_worker(SPEC, settings),
        "sink": lambda: _sink(settings),
        "outbox": lambda: _outbox(settings),
    }
    if settings.clock == "system":
        made["clerk"] = lambda: _clerk(settings)
    return made
