"""Slow networks, answers that are lost after the commit, servers that die under load."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from deploy.embedded.kafka import EmbeddedKafka
from deploy.embedded.places import free_ports
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.resolve import Infrastructure
from services.local.machine import Machine
from services.runtime.crash import Point
from services.runtime.tables import open_tables
from tests.crash.fleet import Fleet, Zygote
from tests.crash.proxy import KafkaProxy, PostgresProxy, Proxy
from tests.crash.publishing import Channel
from tests.crash.resting import hold_to_invariants
from tests.crash.rota import ALL
from tests.crash.tally import BROKER, DATABASE, LOST_KAFKA, LOST_POSTGRES, Tally
from tests.crash.trading import Trade, prepared

LONG = bool(os.environ.get("SCRIP_LONG"))
RATE = 60
CARDS = [f"card-{i}" for i in range(16)]
SLOW_SECONDS = 0.03
PHASE_SECONDS = 12.0
LOST_COMMITS = 8
DARK_SECONDS = 7.0  # longer than a commit waits for its answer
DEATH_SECONDS_MAX = 60.0


@dataclass
class BadNetwork:
    """An installation whose processes reach broker and database through proxies only."""

    fleet: Fleet
    direct: Machine
    kafka: KafkaProxy
    postgres: PostgresProxy
    broker: EmbeddedKafka
    database: EmbeddedPostgres


@pytest.fixture
def network(tmp_path: Path, zygote: Zygote, tally: Tally) -> Iterator[BadNetwork]:
    """A broker and a database of this test's own, each behind a proxy."""
    broker, database = EmbeddedKafka.start(None), EmbeddedPostgres.start(None)
    kafka, postgres = _proxied(broker), PostgresProxy(database.port)
    near = Infrastructure(broker.bootstrap, database.url, (), broker, database)
    url = database.url.replace(f":{database.port}/", f":{postgres.port}/")
    far = Infrastructure(f"127.0.0.1:{kafka.port}", url, (), None, None)
    direct = Machine(near, tmp_path, "bad")
    prepared(direct)
    fleet = Fleet(Machine(far, tmp_path, "bad"), zygote, tally)
    yield BadNetwork(fleet, direct, kafka, postgres, broker, database)
    fleet.stop()
    tally.faults[LOST_KAFKA] += kafka.cut
    tally.faults[LOST_POSTGRES] += postgres.cut
    for end in (kafka, postgres, broker, database):
        end.close()


def _proxied(broker: EmbeddedKafka) -> KafkaProxy:
    """Give the broker a second listener that is reached, and says it is, by the proxy's port."""
    (port,) = free_ports(1)
    proxy = KafkaProxy(port)
    settings = broker.place.folder / "server.properties"
    more = {
        "listeners": f"PROXIED://127.0.0.1:{port}",
        "advertised.listeners": f"PROXIED://127.0.0.1:{proxy.port}",
        "listener.security.protocol.map": "PROXIED:PLAINTEXT",
    }
    lines = [line.partition("=") for line in settings.read_text().splitlines()]
    settings.write_text(
        "".join(f"{k}={v},{more[k]}\n" if k in more else f"{k}={v}\n" for k, _, v in lines)
    )
    broker.restart()
    return proxy


def trade(network: BadNetwork, seed: int) -> Trade:
    """Traffic on cards that are sold."""
    channel = Channel(network.direct)
    channel.issue(CARDS, 1_000_000)
    made = Trade(channel, CARDS, RATE, seed)
    made.start()
    return made


def until(holds: Callable[[], bool], what: str) -> None:
    """Look until it holds."""
    deadline = time.monotonic() + DEATH_SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)  # a look at a condition, bounded by the deadline


def _lost(proxy: Proxy, count: int) -> bool:
    return proxy.cut >= count


def rests(network: BadNetwork, made: Trade) -> int:
    """End the traffic and check everything; how many facts there were."""
    made.end()
    ended = [n for n in sorted(network.fleet.running) if network.fleet.finished(n) is not None]
    assert not ended, [network.fleet.log_end(name) for name in ended]
    engine = open_tables(network.direct.database)
    return network.fleet.tally.held(hold_to_invariants(network.direct, engine))


@pytest.mark.skipif(not LONG, reason="takes a broker of its own and a minute: make crash")
@pytest.mark.timeout(240)
def test_commits_whose_answers_are_lost_count_once(network: BadNetwork) -> None:
    """PostgreSQL and Kafka commit, and the connection is cut before anybody hears of it."""
    for name in ALL:
        network.fleet.start(name)
    made = trade(network, 1)
    for lost in range(1, LOST_COMMITS + 1):
        network.postgres.lose_answers(1)
        network.kafka.lose_answers(1)
        for proxy in (network.postgres, network.kafka):
            until(partial(_lost, proxy, lost), "no commit")
    facts = rests(network, made)
    cut = network.postgres.cut, network.kafka.cut
    print(f"\nanswers lost: PostgreSQL {cut[0]}, Kafka {cut[1]}; {facts} facts, 0 violations")


@pytest.mark.skipif(not LONG, reason="takes a broker of its own and a minute: make crash")
@pytest.mark.timeout(300)
def test_a_worker_killed_in_doubt_about_its_commit_goes_on_right(network: BadNetwork) -> None:
    """The commit is in, its answer never comes, and then the worker dies, or asks by itself."""
    for name in ALL:
        crash_at = f"{Point.OUTCOME_UNKNOWN}:1" if name == "redemption/a" else None
        network.fleet.start(name, crash_at)
    made = trade(network, 2)
    # Whose commit is lost is chance; for as long as it is not the one that is to die, once more.
    for lost in range(1, 20):
        network.kafka.lose_answers(1, DARK_SECONDS)
        until(partial(_lost, network.kafka, lost), "no commit")
        deadline = time.monotonic() + DARK_SECONDS + 3
        while time.monotonic() < deadline and not network.fleet.kills:
            network.fleet.crashed("redemption/a")
            time.sleep(0.02)  # a look at a condition, bounded by the deadline
        if network.fleet.kills:
            break
    assert network.fleet.kills == 1, network.fleet.log_end("redemption/a")
    network.fleet.start("redemption/a")
    print(f"\ncommits lost until it died in doubt: {lost}; {rests(network, made)} facts")


@pytest.mark.skipif(not LONG, reason="takes a broker of its own and a minute: make crash")
@pytest.mark.timeout(300)
def test_a_sink_killed_as_the_database_goes_away_writes_each_row_once(
    network: BadNetwork,
) -> None:
    for name in ALL:
        crash_at = f"{Point.SINK_AWAY}:1" if name == "ledger/0" else None
        network.fleet.start(name, crash_at)
    made = trade(network, 3)
    for lost in range(1, 20):
        network.postgres.lose_answers(1)
        until(partial(_lost, network.postgres, lost), "no commit")
        if network.fleet.crashed("ledger/0"):
            break
    until(lambda: network.fleet.kills > 0 or network.fleet.crashed("ledger/0"), "no death")
    network.fleet.start("ledger/0")
    rests(network, made)


@pytest.mark.skipif(not LONG, reason="takes a broker of its own and a minute: make crash")
@pytest.mark.timeout(400)
def test_a_slow_network_and_servers_that_die_under_load_lose_nothing(network: BadNetwork) -> None:
    """30 ms each way; then the broker is killed, then the database, then both; workers too."""
    for name in ALL:
        network.fleet.start(name)
    made = trade(network, 4)
    network.kafka.delay = network.postgres.delay = SLOW_SECONDS
    time.sleep(PHASE_SECONDS)  # traffic on a slow network; the length is part of the fault
    for victims in (("broker",), ("database",), ("broker", "database")):
        if "broker" in victims:
            network.broker.kill()
            network.fleet.tally.faults[BROKER] += 1
        if "database" in victims:
            network.database.kill()
            network.fleet.tally.faults[DATABASE] += 1
        time.sleep(2.0)  # how long they are away; the length is part of the fault
        network.fleet.kill("redemption/a", signal.SIGKILL)
        network.fleet.start("redemption/a")
        if "broker" in victims:
            network.broker.restart()
        if "database" in victims:
            network.database.restart()
        time.sleep(PHASE_SECONDS / 2)  # traffic in between
    network.kafka.delay = network.postgres.delay = 0.0
    print(f"\nafter broker, database and both died: {rests(network, made)} facts, 0 violations")
