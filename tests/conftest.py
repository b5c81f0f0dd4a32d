"""What every test may ask for: one Kafka and one PostgreSQL for the run, a name, a database.

With `--servers` the run starts them once, for all its workers of pytest-xdist; names separate the
tests. Tests that break a server ask for `servers_of_our_own`.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog
from xdist.scheduler import LoadScopeScheduling

from deploy.embedded.resolve import Infrastructure, infrastructure
from tests.databases import made_database

# Files whose tests share servers of their own.
TOGETHER = {
    "test_up.py": "up",
    "test_broken_servers.py": "broken",
    "test_broken_world.py": "broken",
}
# Under these names a run's tests find the servers they share; under its own name a setting would
# reach every test that reads settings.
SHARED = {"SCRIP_KAFKA": "SCRIP_TESTS_KAFKA", "SCRIP_POSTGRES": "SCRIP_TESTS_POSTGRES"}
# Nobody said how long a test takes: about this many seconds.
USUAL_SECONDS = 0.1


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--servers`."""
    told = "start one Kafka and one PostgreSQL for all workers of this run"
    parser.addoption("--servers", action="store_true", help=told)


def pytest_configure(config: pytest.Config) -> None:
    """Start what the whole run shares, where its workers find it: in their environment."""
    config.addinivalue_line("markers", "takes(seconds): starts early, so that nobody waits for it")
    if config.getoption("--servers") and not hasattr(config, "workerinput"):
        ending = ExitStack()
        taken = ending.enter_context(infrastructure())
        os.environ |= {"SCRIP_KAFKA": taken.bootstrap, "SCRIP_POSTGRES": taken.postgres}
        config.add_cleanup(ending.close)
    for name, shared in SHARED.items():
        if name in os.environ:
            os.environ[shared] = os.environ.pop(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: what is long and begins late is waited for with one core idle."""
    seconds: dict[str, float] = {}
    for item in items:
        taken = item.get_closest_marker("takes")
        unit = unit_of(item.nodeid)
        seconds[unit] = seconds.get(unit, 0.0) + (
            USUAL_SECONDS if taken is None else float(taken.args[0])
        )
    items.sort(key=lambda item: -seconds[unit_of(item.nodeid)])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Of a run with `--servers`: whoever is free takes the next unit."""
    return Units(config, log) if config.getoption("--servers") else None


class Units(LoadScopeScheduling):
    """Deals out units in the order they are collected in."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def unit_of(nodeid: str) -> str:
    """What goes to one worker whole: tests that share an installation, else the test itself."""
    return TOGETHER.get(Path(nodeid.partition("::")[0]).name, nodeid)


@pytest.fixture(autouse=True)
def _logging_as_nobody_has_set_it() -> None:
    """A command run in this process may have told its log to be quiet; the next test reads it."""
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def infra(request: pytest.FixtureRequest) -> Iterator[Infrastructure]:
    """A Kafka and a PostgreSQL, the same for all tests of the run."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1 and not all(map(os.environ.get, SHARED.values())):
        pytest.fail("tests that need a broker run with --servers: one serves the whole run")
    terminal = request.config.pluginmanager.getplugin("terminalreporter")
    with ExitStack() as ending:
        with pytest.MonkeyPatch.context() as environment:
            for name, shared in SHARED.items():
                if shared in os.environ:
                    environment.setenv(name, os.environ[shared])
            say = terminal.write_line if terminal else None
            taken = ending.enter_context(infrastructure(say=say))
        yield taken


@pytest.fixture(scope="session")
def servers_of_our_own() -> Iterator[Infrastructure]:
    """A Kafka and a PostgreSQL to be broken; never those that the environment gives."""
    with infrastructure() as taken:
        yield taken


@pytest.fixture
def namespace() -> str:
    """A prefix for topics, groups, transactional ids and databases that no other test has."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def database(infra: Infrastructure, namespace: str) -> Iterator[str]:
    """The SQLAlchemy address of an empty database of this test's own, dropped afterwards."""
    with made_database(infra, namespace) as address:
        yield address
