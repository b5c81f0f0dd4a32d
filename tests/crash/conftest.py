"""What the crash tests share: the process that forks services, and installations of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.embedded.resolve import Infrastructure
from services.local.machine import Machine
from tests.crash.fleet import Fleet, Zygote
from tests.crash.trading import prepared


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """One for the whole run."""
    made = Zygote()
    yield made
    made.close()


@pytest.fixture
def fleet_of(
    infra: Infrastructure, namespace: str, tmp_path: Path, zygote: Zygote
) -> Iterator[Callable[[str], Fleet]]:
    """Makes prepared installations, nothing started; all of them end with the test."""
    made: list[Fleet] = []

    def make(name: str) -> Fleet:
        machine = Machine(infra, tmp_path / name, f"{namespace}-{name}")
        prepared(machine)
        made.append(Fleet(machine, zygote))
        return made[-1]

    yield make
    for fleet in made:
        fleet.stop()
