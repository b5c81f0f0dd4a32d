"""The services of one installation as processes that die often and start at once."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from services.local.machine import Machine
from services.runtime.crash import EXIT_STATUS, Point, read_request
from tests.crash.tally import FROZEN, KILL_9, TERMINATED, Tally

ROOT = Path(__file__).parents[2]
ANSWER_SECONDS_MAX = 60.0
CLOSE_SECONDS_MAX = 20.0


class Zygote:
    """The process that forks the others (zygote.py); one is enough for a whole run of tests."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zygote"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self._changed = threading.Condition()
        self._pids: dict[str, int] = {}
        self._ended: dict[str, int] = {}
        self._reader = threading.Thread(target=self._read, daemon=True, name="zygote answers")
        self._reader.start()

    def start(self, name: str, program: str, order: dict[str, Any]) -> int:
        """Fork a process; its id. One of that name must not run."""
        with self._changed:
            assert name not in self._pids, f"{name} runs already"
            self._ended.pop(name, None)
        assert self._process.stdin is not None
        line = json.dumps({"start": name, "program": program, **order}).encode() + b"\n"
        self._process.stdin.write(line)
        with self._changed:
            known = self._changed.wait_for(
                lambda: name in self._pids or name in self._ended, ANSWER_SECONDS_MAX
            )
            assert known, f"{name} was not started"
            return self._pids.get(name, 0)

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal, unless it has ended by itself."""
        with self._changed:
            pid = self._pids.get(name)
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):  # it ends at this very moment
                    os.kill(pid, number)

    def stopped(self, name: str) -> bool:
        """Does it stand still where a signal has stopped it?"""
        with self._changed:
            pid = self._pids.get(name)
        if pid is None:
            return False
        said = (Path("/proc") / str(pid) / "stat").read_text()
        return said.rpartition(")")[2].split()[0] == "T"

    def status(self, name: str) -> int | None:
        """How it has ended; None: it runs."""
        with self._changed:
            return self._ended.get(name)

    def wait(self, name: str, seconds_max: float) -> int | None:
        """Wait for its end; None: it runs still."""
        with self._changed:
            self._changed.wait_for(lambda: name in self._ended, seconds_max)
            return self._ended.get(name)

    def close(self) -> None:
        """End it, and everything it has started."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(CLOSE_SECONDS_MAX)
        self._reader.join(CLOSE_SECONDS_MAX)

    def _read(self) -> None:
        assert self._process.stdout is not None
        answers: IO[bytes] = self._process.stdout
        for line in iter(answers.readline, b""):
            said = json.loads(line)
            with self._changed:
                if "pid" in said:
                    self._pids[said["name"]] = said["pid"]
                else:
                    self._pids.pop(said["name"], None)
                    self._ended[said["name"]] = said["ended"]
                self._changed.notify_all()


@dataclass
class Fleet:
    """Processes of one installation, by name `<service>/<slot>`; `kills` counts real deaths.

    `<service>/<slot>#2` is another process of the same slot: what replaces one that is frozen.
    """

    machine: Machine
    zygote: Zygote
    tally: Tally
    kills: int = 0
    running: set[str] = field(default_factory=set)
    _points: dict[str, Point] = field(default_factory=dict)

    def start(
        self,
        name: str,
        crash_at: str | None = None,
        arguments: Sequence[str] = (),
        more: Mapping[str, str] | None = None,
        file_bytes_max: int | None = None,
    ) -> None:
        """Start a process (again), to die or freeze at a crash point if one is given.

        `more` is environment; with `file_bytes_max` no file it writes grows beyond that.
        """
        service, _, rest = name.partition("/")
        environment = dict(more or {})
        self._points.pop(name, None)
        if crash_at:
            environment["SCRIP_CRASH_AT"] = crash_at
            self._points[name] = read_request(crash_at)[0]
        order = {
            "arguments": list(arguments),
            "environment": self.machine.environment(rest.partition("#")[0], environment),
            "log": str(self.log(name)),
            "file_bytes_max": file_bytes_max,
        }
        self.zygote.start(self._full(name), service, order)
        self.running.add(name)

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self.machine.folder / "logs" / f"{name.replace('/', '-')}.log"

    def crashed(self, name: str) -> bool:
        """Has it died at its point? Any other end of it is a failure."""
        status = self.zygote.status(self._full(name))
        if status is None:
            return False
        assert status == EXIT_STATUS, f"{name} ended with {status}\n{self.log_end(name)}"
        self._died(name)
        return True

    def frozen(self, name: str) -> bool:
        """Does it stand still at its point? Its end instead is a failure."""
        status = self.zygote.status(self._full(name))
        assert status is None, f"{name} ended with {status}\n{self.log_end(name)}"
        if not self.zygote.stopped(self._full(name)):
            return False
        if name in self._points:
            self.tally.froze_at(self._points.pop(name))
        return True

    def finished(self, name: str) -> int | None:
        """The status it has ended with; None: it runs."""
        status = self.zygote.status(self._full(name))
        if status is not None:
            self.running.discard(name)
        if status == EXIT_STATUS:
            self._died(name)
        return status

    def _died(self, name: str) -> None:
        """Count a death at a point, once."""
        self.running.discard(name)
        if name in self._points:
            self.kills += 1
            self.tally.died_at(self._points.pop(name))

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal."""
        self.tally.faults[FROZEN] += number is signal.SIGSTOP
        self.zygote.send(self._full(name), number)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> float:
        """Kill a process and wait for its end; when that was (monotonic seconds)."""
        self.zygote.send(self._full(name), number)
        at = time.monotonic()
        status = self.zygote.wait(self._full(name), ANSWER_SECONDS_MAX)
        assert status is not None, f"{name} does not end\n{self.log_end(name)}"
        self.kills += number is signal.SIGKILL
        self.tally.faults[KILL_9] += number is signal.SIGKILL
        self.tally.faults[TERMINATED] += number is signal.SIGTERM
        self.running.discard(name)
        return at

    def stop(self) -> None:
        """Ask every process to end, and wait for it."""
        names = sorted(self.running)
        for name in names:
            self.zygote.send(self._full(name), signal.SIGTERM)
            self.zygote.send(self._full(name), signal.SIGCONT)  # if it was frozen
        for name in names:
            if self.zygote.wait(self._full(name), CLOSE_SECONDS_MAX) is None:
                self.zygote.send(self._full(name), signal.SIGKILL)
                self.zygote.wait(self._full(name), CLOSE_SECONDS_MAX)
            self.running.discard(name)

    def log_end(self, name: str, lines_max: int = 12) -> str:
        """The last lines a process wrote."""
        if not self.log(name).exists():
            return ""
        return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-lines_max:])

    def _full(self, name: str) -> str:
        return f"{self.machine.namespace}:{name}"
