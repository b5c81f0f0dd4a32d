"""What the crash tests share: the process that forks services, installations, and the count."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.embedded.resolve import Infrastructure
from services.local.machine import Machine
from tests.crash.fleet import Fleet, Zygote
from tests.crash.tally import FILE, Tally
from tests.crash.trading import prepared

TALLY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    """One count for the whole run."""
    config.stash[TALLY] = Tally()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what was done to whom, and keep it if this was a part of a round."""
    tally = config.stash[TALLY]
    failed = sum(len(terminalreporter.stats.get(kind, ())) for kind in ("failed", "error"))
    if tally.faults:
        terminalreporter.section("what was done, and what broke", "-")
        for line in [*tally.lines(), f"{failed:>8,}  violations (tests that failed)"]:
            terminalreporter.write_line(line)
    if os.environ.get(FILE):
        tally.write(Path(os.environ[FILE]))


@pytest.fixture(scope="session")
def tally(request: pytest.FixtureRequest) -> Tally:
    """The count of this run."""
    return request.config.stash[TALLY]


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """One for the whole run."""
    made = Zygote()
    yield made
    made.close()


@pytest.fixture
def fleet_of(
    infra: Infrastructure, namespace: str, tmp_path: Path, zygote: Zygote, tally: Tally
) -> Iterator[Callable[[str], Fleet]]:
    """Makes prepared installations, nothing started; all of them end with the test."""
    made: list[Fleet] = []

    def make(name: str) -> Fleet:
        machine = Machine(infra, tmp_path / name, f"{namespace}-{name}")
        prepared(machine)
        made.append(Fleet(machine, zygote, tally))
        return made[-1]

    yield make
    for fleet in made:
        fleet.stop()
