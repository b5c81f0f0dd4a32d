"""`scrip cards` as a process, run to its end or killed when it has said so much; its cards."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import select

from schemas.topics import ISSUANCE_EVENTS, REDEMPTION_COMMANDS
from services.issuance.tables import CARDS
from services.local.machine import Machine
from services.runtime.tables import open_tables
from tests.crash.publishing import Channel, body_of, read_topic
from tests.e2e.forked import scrip_forked

SCRIP = Path(sys.executable).with_name("scrip")
RUN_SECONDS_MAX = 3_000
BACK_SECONDS_MAX = 120.0


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


def account_of(machine: Machine, batch: str, number: int) -> str:
    """The account of a card by its number in its batch."""
    engine = open_tables(machine.database)
    with engine.connect() as connection:
        mine = select(CARDS.c.account).where(CARDS.c.batch == batch, CARDS.c.number == number)
        account: str = connection.execute(mine).scalar_one()
    engine.dispose()
    return account


def brought_back(machine: Machine, channel: Channel, account: str, time_of_it: int = 1) -> None:
    """A customer returns a card unused, and it is stock again: Blank."""
    id = f"back-{account}-{time_of_it}"
    channel.send(REDEMPTION_COMMANDS, id, "reserve_return", account)
    channel.send(REDEMPTION_COMMANDS, f"{id}-c", "confirm_return", account, **{"return": id})
    channel.flush()
    deadline = time.monotonic() + BACK_SECONDS_MAX
    while time.monotonic() < deadline:
        facts = [body_of(record) for record in read_topic(machine, ISSUANCE_EVENTS)]
        mine = [fact["type"] for fact in facts if fact["subject"] == account]
        if mine.count("card_restocked.v1") == time_of_it:
            return
    raise AssertionError(f"{account} did not come back to stock")
