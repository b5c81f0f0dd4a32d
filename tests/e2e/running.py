"""Runs `scrip` as people do, and knows every process that comes of it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic, sleep

from tests.e2e.forked import scrip_forked

ROOT = Path(__file__).parents[2]
LOOK_SECONDS = 0.1


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """Ours without anything that would name another installation."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SCRIP_") or k in _TAKEN}
    return kept | dict(more)


# Where the whole run was given servers, commands under test use the same.
_TAKEN = frozenset({"SCRIP_CACHE", "SCRIP_KAFKA_IMAGE", "SCRIP_POSTGRES_IMAGE"})


def scrip(
    *arguments: str, more: Mapping[str, str] | None = None, seconds_max: float = 120
) -> subprocess.CompletedProcess[str]:
    """One command to its end, forked."""
    return scrip_forked(arguments, environment(more or {}), seconds_max)


def scrip_afresh(
    *arguments: str, more: Mapping[str, str] | None = None, seconds_max: float = 120
) -> subprocess.CompletedProcess[str]:
    """One command to its end, from its start."""
    program = "from services.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env=environment(more or {}),
        capture_output=True,
        text=True,
        timeout=seconds_max,
        check=False,
    )


class Running:
    """A command that runs until it is told to stop; its output goes to a file."""

    def __init__(self, log: Path, *arguments: str, more: Mapping[str, str] | None = None) -> None:
        self.log = log
        program = "from services.cli import main; main()"
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program, *arguments],
                cwd=ROOT,
                env=environment(more or {}),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, text: str, seconds_max: float) -> None:
        """Until its output has the text."""
        deadline = monotonic() + seconds_max
        while text not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert monotonic() < deadline, self.log.read_text()
            sleep(LOOK_SECONDS)

    def descendants(self) -> set[int]:
        """Every process that comes of it, by id."""
        parents = dict(_parents())
        found: set[int] = set()
        grown = {self.process.pid}
        while grown:
            found |= grown
            grown = {pid for pid, parent in parents.items() if parent in found} - found
        return found

    def stop(self, seconds_max: float) -> int:
        """Ctrl-C, and its exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(seconds_max)

    def close(self) -> None:
        """End it whatever its state; its guards end what it has started."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)


def alive(pids: set[int]) -> set[int]:
    """Those of them that still run (a process that is only waited for does not)."""
    return {pid for pid, parent in _parents() if pid in pids and parent >= 0}


def gone_within(pids: set[int], seconds_max: float) -> bool:
    """Do all of them end in time?"""
    deadline = monotonic() + seconds_max
    while alive(pids):
        if monotonic() > deadline:
            return False
        sleep(LOOK_SECONDS)
    return True


def _parents() -> Iterator[tuple[int, int]]:
    """(process, its parent) of everything that runs; zombies run no more."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            said = (entry / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, parent = said.rpartition(")")[2].split()[:2]
        if state != "Z":
            yield int(entry.name), int(parent)
