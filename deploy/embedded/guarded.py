"""A server process under a guard: started, signalled, waited for, and gone with its owner."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from deploy.embedded.readiness import ServerDiedError

_GUARD = Path(__file__).with_name("guard.py")
_ANSWER_SECONDS_MAX = 30.0
_CLOSE_SECONDS_MAX = 40.0


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """What to run and how to be rid of it.

    argv: program and arguments. log: file its output goes to. last_signal: how it is asked to end
    when the owner is gone. remove: throw-away folder that goes with it. uid: the user it runs as,
    None for the owner's own. environment: what it finds there, None for the owner's own; it may
    hold secrets, which an argument must not.
    """

    argv: tuple[str, ...]
    log: Path
    last_signal: signal.Signals = signal.SIGTERM
    remove: Path | None = None
    uid: int | None = None
    environment: Mapping[str, str] | None = field(default=None, repr=False)


class GuardedServer:
    """One process that may be killed and started again, and never outlives this one."""

    def __init__(self, plan: ServerPlan) -> None:
        self.plan = plan
        self.pid: int | None = None
        self._ends: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._pids: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._guard = self._start_guard()
        self._reader = threading.Thread(target=self._read, daemon=True, name="guard answers")
        self._reader.start()

    def start(self) -> int:
        """Start the process and answer its id; it must not run already."""
        if self.ended():
            self.wait(0.0)
        assert self.pid is None, "the server runs already"
        self._order("start")
        pid = self._pids.get(timeout=_ANSWER_SECONDS_MAX)
        if pid is None:
            raise ServerDiedError(f"{self.plan.argv[0]} could not be started\n{self.log_end()}")
        self.pid = pid
        return pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this process and no other."""
        self._order(f"signal {int(number)}")

    def wait(self, seconds_max: float) -> bool:
        """Wait until the process has ended; false if it still runs."""
        if self.pid is None:
            return True
        try:
            self._ends.get(timeout=seconds_max)
        except queue.Empty:
            return False
        self.pid = None
        return True

    def ended(self) -> bool:
        """Whether the process has ended by now."""
        return self.pid is None or not self._ends.empty()

    def stop(self, number: signal.Signals, seconds_max: float) -> None:
        """Ask the process to end, and kill it if it has not within the time given."""
        if self.pid is None:
            return
        self.send(number)
        if not self.wait(seconds_max):
            self.send(signal.SIGKILL)
            if not self.wait(_ANSWER_SECONDS_MAX):
                raise TimeoutError(f"process {self.pid} does not end, even by SIGKILL")

    def close(self) -> None:
        """End the process if it runs, its guard, and remove the throw-away folder."""
        if self._guard.stdin is not None and not self._guard.stdin.closed:
            self._guard.stdin.close()
        self._guard.wait(_CLOSE_SECONDS_MAX)
        self._reader.join(_ANSWER_SECONDS_MAX)
        self.pid = None

    def wait_until(self, answers: Callable[[Callable[[], bool]], None]) -> None:
        """Run a wait that is told whether the process has ended; failures end with its log."""
        try:
            answers(self.ended)
        except (ServerDiedError, TimeoutError) as failure:
            raise type(failure)(f"{failure}\n{self.log_end()}") from failure

    def log_end(self, lines_max: int = 20) -> str:
        """The last lines the process wrote."""
        if not self.plan.log.exists():
            return ""
        written = self.plan.log.read_text(errors="replace").splitlines()
        return "\n".join(written[-lines_max:])

    def _start_guard(self) -> subprocess.Popen[bytes]:
        plan = self.plan
        return subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                str(_GUARD),
                str(os.getpid()),
                str(int(plan.last_signal)),
                "" if plan.remove is None else str(plan.remove),
                str(plan.log),
                str(-1 if plan.uid is None else plan.uid),
                *plan.argv,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
            env=None if plan.environment is None else dict(plan.environment),
        )

    def _order(self, order: str) -> None:
        assert self._guard.stdin is not None
        self._guard.stdin.write(order.encode() + b"\n")

    def _read(self) -> None:
        assert self._guard.stdout is not None
        answers: IO[bytes] = self._guard.stdout
        for line in answers:
            verb, _, number = line.decode().strip().partition(" ")
            (self._pids if verb == "pid" else self._ends).put(int(number))
        self._pids.put(None)
        self._ends.put(None)
