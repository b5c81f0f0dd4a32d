"""What every test may ask for: one Kafka and one PostgreSQL for the run, a name, a database.

With `--servers` the run starts them once, for all its workers of pytest-xdist; names separate the
tests. Tests that break a server ask for `servers_of_our_own`, and form one group.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from deploy.embedded.resolve import Infrastructure, infrastructure
from tests.databases import made_database

GIVEN = ("SCRIP_KAFKA", "SCRIP_POSTGRES")
# Nobody said how long a test takes: about this many seconds.
USUAL_SECONDS = 0.1


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--servers`."""
    told = "start one Kafka and one PostgreSQL for all workers of this run"
    parser.addoption("--servers", action="store_true", help=told)


def pytest_configure(config: pytest.Config) -> None:
    """Start what the whole run shares, where its workers find it: in their environment."""
    config.addinivalue_line("markers", "takes(seconds): starts early, so that nobody waits for it")
    if not config.getoption("--servers") or hasattr(config, "workerinput"):
        return
    ending = ExitStack()
    taken = ending.enter_context(infrastructure())
    os.environ |= {"SCRIP_KAFKA": taken.bootstrap, "SCRIP_POSTGRES": taken.postgres}
    config.add_cleanup(ending.close)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: what is long and begins late is waited for with one core idle."""
    seconds: dict[str, float] = {}
    for item in items:
        taken = item.get_closest_marker("takes")
        seconds[_unit(item)] = seconds.get(_unit(item), 0.0) + (
            USUAL_SECONDS if taken is None else taken.args[0]
        )
    items.sort(key=lambda item: -seconds[_unit(item)])


def _unit(item: pytest.Item) -> str:
    """What goes to one worker whole: a group, else the test itself."""
    group = item.get_closest_marker("xdist_group")
    return item.nodeid if group is None else str(group.args[0])


@pytest.fixture(scope="session")
def infra(request: pytest.FixtureRequest) -> Iterator[Infrastructure]:
    """A Kafka and a PostgreSQL, the same for all tests of the run."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1 and not all(map(os.environ.get, GIVEN)):
        pytest.fail("tests that need a broker run with --servers: one serves the whole run")
    terminal = request.config.pluginmanager.getplugin("terminalreporter")
    with infrastructure(say=terminal.write_line if terminal else None) as taken:
        yield taken


@pytest.fixture(scope="session")
def servers_of_our_own() -> Iterator[Infrastructure]:
    """A Kafka and a PostgreSQL to be broken; never those that the environment gives."""
    with ExitStack() as ending:
        with pytest.MonkeyPatch.context() as environment:
            for name in GIVEN:
                environment.delenv(name, raising=False)
            taken = ending.enter_context(infrastructure())
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
