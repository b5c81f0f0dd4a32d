"""The demo from the first process to the last figure."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import Any, Final

import psycopg
from confluent_kafka.admin import AdminClient
from psycopg import sql
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.embedded.resolve import Infrastructure, infrastructure
from schemas.instants import HOUR
from schemas.topics import TOPICS
from services.demo.answers import Happened, balances_of, expected_balances, what_happened
from services.demo.channels import Channels, Line, read_day
from services.demo.closing import Settled, settle, wait_until_through
from services.demo.day import PATH
from services.demo.figures import ledgers, pairs, trial_balance
from services.demo.following import Follower
from services.demo.publishing import MIDNIGHT
from services.demo.trading import Traded, trade
from services.local.announcing import register_sample_accounts, settings_of
from services.local.installation import POLICIES, SCRIP_FOLDER, document_of
from services.local.machine import Machine
from services.runtime.kafka_settings import QUIET
from services.runtime.settings import Settings
from services.settlement.worker import desk_of
from services.verify.examining import examine
from services.verify.tail import Tail
from services.verify.verdicts import Examination

WORKERS: Final = (
    ("issuance", "0"),
    ("redemption", "0"),
    ("redemption", "1"),
    ("ledger", "0"),
    ("settlement", "0"),
)
KEPT: Final = "demo-"
MORNING: Final = MIDNIGHT + 5 * HOUR


@dataclass(slots=True)
class Shown:
    """Everything the demo prints; seconds by stage."""

    chosen: tuple[str, ...] = ()
    folder: str = ""
    lines: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    traded: Traded = field(default_factory=Traded)
    happened: Happened = field(default_factory=Happened)
    accounts: int = 0
    differing: list[str] = field(default_factory=list)
    trial: dict[str, dict[str, int]] = field(default_factory=dict)
    pairs: list[dict[str, Any]] = field(default_factory=list)
    settled: Settled | None = None
    examined: Examination | None = None

    @property
    def holds(self) -> bool:
        """Is everything as it should be?"""
        verified = self.examined is not None and self.examined.holds
        return verified and not self.differing and not self.happened.unanswered


def play(console: Console, day: Path = PATH) -> Shown:
    """Play the day; raises what `scrip` answers with exit 3 when something is missing."""
    shown = Shown()
    lines = read_day(day)
    shown.lines = len(lines)
    with _timed(shown, "start Kafka and PostgreSQL"):
        taken = infrastructure(say=console.print)
        infra = taken.__enter__()
    try:
        shown.chosen = infra.chosen
        _play(console, shown, infra, lines)
    finally:
        taken.__exit__(None, None, None)
    return shown


def _play(console: Console, shown: Shown, infra: Infrastructure, lines: list[Line]) -> None:
    folder = _fresh_folder()
    shown.folder = os.path.relpath(folder)
    machine = Machine(infra, folder, namespace=f"demo-{token_hex(4)}", story=True)
    try:
        _day(console, shown, machine, lines)
    finally:
        machine.stop()
        _tidy(machine)


def _day(console: Console, shown: Shown, machine: Machine, lines: list[Line]) -> None:
    document = document_of(POLICIES / "demo.yaml")
    with _timed(shown, "prepare topics, tables and policy"):
        machine.prepare(document, MORNING)
        desk = desk_of(Settings(**settings_of(machine)))
        register_sample_accounts(desk.engine, desk.vault)
        for service, slot in WORKERS:
            machine.start(service, slot)
    log = machine.log()
    channels = Channels(machine, document["channels"])
    follower = Follower(machine.infra.bootstrap, log.prefix, machine.partitions)
    with _timed(shown, "the day"), _bars(console) as bar:
        shown.traded = trade(machine, channels, follower, lines, bar)
    follower.close()
    say = _saying(console)
    tail = Tail(log)
    with _timed(shown, "until everything was through"):
        wait_until_through(tail, desk.engine, say)
    with _timed(shown, "settlement run"):
        shown.settled = settle(machine, desk)
    with _timed(shown, "scrip verify"):
        shown.examined = examine(log, desk.engine, say, tail=tail)
    tail.read_on()
    shown.happened = what_happened(lines, tail)
    wanted, there = expected_balances(lines, tail), balances_of(tail)
    stored = ledgers(desk.engine)
    shown.accounts = len(wanted)
    shown.differing = _differing(wanted, there, stored)
    shown.trial, shown.pairs = trial_balance(desk.engine), pairs(desk.engine)
    desk.engine.dispose()


def _differing(wanted: dict[str, int], there: dict[str, int], stored: dict[str, int]) -> list[str]:
    return [
        f"{account}: published and answered {wanted.get(account)}, "
        f"balances topic {there.get(account)}, PostgreSQL {stored.get(account)}"
        for account in sorted({*wanted, *there, *stored})
        if not wanted.get(account) == there.get(account) == stored.get(account)
    ]


@contextmanager
def _timed(shown: Shown, stage: str) -> Iterator[None]:
    started = monotonic()
    yield
    shown.seconds[stage] = monotonic() - started


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _saying(console: Console) -> Callable[[str], None]:
    return lambda line: console.print(f"  {line}", highlight=False)


def _fresh_folder() -> Path:
    """A folder of this run's own; those of runs that have ended go."""
    SCRIP_FOLDER.mkdir(exist_ok=True)
    for old in SCRIP_FOLDER.glob(f"{KEPT}*"):
        if not _lives(int(old.name.removeprefix(KEPT))):
            shutil.rmtree(old, ignore_errors=True)
    folder = SCRIP_FOLDER / f"{KEPT}{os.getpid()}"
    folder.mkdir(exist_ok=True)
    return folder


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _tidy(machine: Machine) -> None:
    """On servers that were there before, leave nothing behind."""
    infra = machine.infra
    if infra.kafka is None:
        names = [topic.named(machine.namespace) for topic in TOPICS]
        admin = AdminClient({**QUIET, "bootstrap.servers": infra.bootstrap})
        for done in admin.delete_topics(names).values():
            done.exception(30)
    if infra.database is None:
        server = infra.postgres.replace("postgresql+psycopg://", "postgresql://")
        name = sql.Identifier(machine.database.rpartition("/")[2])
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
