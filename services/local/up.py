"""`scrip up`: everything on this machine until Ctrl-C; a process that dies is started again."""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final

from sqlalchemy import make_url

from deploy.embedded.resolve import Infrastructure, infrastructure
from services.local.announcing import (
    register_sample_accounts,
    remove_run_file,
    settings_of,
    write_run_file,
)
from services.local.installation import (
    POLICIES,
    document_of,
    running,
)
from services.local.machine import Machine
from services.runtime.clocks import SystemClock
from services.runtime.settings import Settings
from services.settlement.worker import desk_of

LOOK_SECONDS: Final = 0.2
BACKOFF_FIRST: Final = 0.5
BACKOFF_LONGEST: Final = 30.0
HEALTHY_SECONDS: Final = 30.0
LINES_LOOKED_AT: Final = 60
WORDS_MAX: Final = 600
SAMPLE: Final = POLICIES / "sample.yaml"


class RunsAlreadyError(RuntimeError):
    """`scrip up` of this checkout is running; stop that one first."""


@dataclass(slots=True)
class _Watched:
    """How a process fares: when it was started, how long to leave it alone if it dies again."""

    started: float
    backoff: float = BACKOFF_FIRST
    again_at: float | None = None


@dataclass(slots=True)
class Keeper:
    """Keeps an installation's processes running, and says aloud when one has died."""

    machine: Machine
    say: Callable[[str], None]
    watched: dict[str, _Watched] = field(default_factory=dict)

    def look(self) -> None:
        """Start again what has died, each time after a longer while."""
        now = monotonic()
        for name in list(self.machine.processes):
            fares = self.watched.setdefault(name, _Watched(now))
            if not self.machine.processes[name].ended():
                continue
            if fares.again_at is None:
                if now - fares.started > HEALTHY_SECONDS:
                    fares.backoff = BACKOFF_FIRST
                fares.again_at = now + fares.backoff
                self.say(f"{name} has ended; starting it again in {fares.backoff:.1f} s")
                self.say(_last_words(self.machine, name))
                fares.backoff = min(fares.backoff * 2, BACKOFF_LONGEST)
            elif now >= fares.again_at:
                service, _, slot = name.partition("/")
                pid = self.machine.start(service, slot)
                self.watched[name] = _Watched(now, fares.backoff)
                self.say(f"{name} runs again, process {pid}")


def run_up(data: Path | None, policy: Path | None, say: Callable[[str], None]) -> int:
    """Run everything until SIGINT or SIGTERM; the exit status.

    data: where everything is kept; none: thrown away at the end. Raises RunsAlreadyError, and what
    `infrastructure` raises.
    """
    found = running()
    if found is not None:
        raise RunsAlreadyError(f"scrip up runs already, process {found['pid']}: stop it first")
    document = document_of(policy or SAMPLE)
    stop = threading.Event()
    with _until_signal(stop), infrastructure(data, say) as infra, _folder(data) as folder:
        machine = Machine(infra, folder, namespace=_namespace())
        try:
            applied = machine.prepare(document, SystemClock().now())
            if policy is None:
                desk = desk_of(Settings(**settings_of(machine)))
                register_sample_accounts(desk.engine, desk.vault)
                desk.engine.dispose()
            machine.start_all()
            write_run_file(machine)
            _say_hello(machine, infra, applied.version, say)
            keeper = Keeper(machine, say)
            while not stop.wait(LOOK_SECONDS):
                keeper.look()
            say("stopping")
        finally:
            remove_run_file()
            machine.stop()
    return 0


def _namespace() -> str:
    """Of the environment, where servers of others may be shared; else none is needed."""
    return os.environ.get("SCRIP_NAMESPACE", "")


@contextmanager
def _until_signal(stop: threading.Event) -> Iterator[None]:
    def told(_number: int, _frame: Any) -> None:
        stop.set()

    before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data
        return
    folder = Path(tempfile.mkdtemp(prefix="scrip-up-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _last_words(machine: Machine, name: str) -> str:
    """The last error it logged, else its last line."""
    lines = machine.processes[name].log_end(LINES_LOOKED_AT).splitlines()
    errors = [line for line in lines if '"level": "error"' in line]
    if not lines:
        return "  it said nothing"
    return f"  its last words: {(errors or lines)[-1][-WORDS_MAX:]}"


def _say_hello(
    machine: Machine, infra: Infrastructure, version: int, say: Callable[[str], None]
) -> None:
    settings = settings_of(machine)
    say(f"policy version {version} in force; services: {', '.join(machine.processes)}")
    say(f"  SCRIP_KAFKA={infra.bootstrap}")
    say(f"  SCRIP_POSTGRES={_without_password(settings['postgres'])}")
    say(f"  seal keys {machine.seal_keys}, bank folder {machine.bank_folder}")
    say(f"  logs {machine.folder / 'logs'}")
    say("in another terminal, from this checkout:")
    for command in (
        "python -m services.local.example   # sells a card, spends some of it, prints the replies",
        "scrip account show CARD            # the card it names",
        "scrip policy show",
        "scrip verify",
    ):
        say(f"  .venv/bin/{command}")
    say("Ctrl-C ends everything")


def _without_password(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)
