"""`scrip cards` as a process: run to its end, or killed when it has said so much."""

import signal
import subprocess
import sys
from pathlib import Path

from services.local.machine import Machine
from tests.e2e.forked import scrip_forked

SCRIP = Path(sys.executable).with_name("scrip")
RUN_SECONDS_MAX = 3_000


def scrip(machine: Machine, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; its output is kept with the installation's logs."""
    done = scrip_forked(arguments, machine.environment("cli"), RUN_SECONDS_MAX)
    with (machine.folder / "logs" / "scrip-cli.log").open("a") as log:
        log.write(done.stdout + done.stderr)
    return done


def killed_at(machine: Machine, told: int, *arguments: str) -> int:
    """Run a command until it says that so many cards are told, and kill it; how many it said."""
    process = subprocess.Popen(
        [str(SCRIP), *arguments],
        env=machine.environment("cli"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = 0
    for line in process.stderr:
        words = line.split()
        if "cards" in words:
            said = int(words[2])
            if said >= told:
                break
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    process.stderr.close()
    assert process.returncode == -signal.SIGKILL, "it was killed before its end"
    return said
