"""What outlives a server that is stopped or killed; these servers are no other test's."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from deploy.embedded.resolve import Infrastructure
from deploy.migrations.run import upgrade
from schemas.topics import LEDGER_JOURNALS
from services.runtime.sinks import apply_batch, position_of
from services.runtime.tables import open_tables
from tests.databases import made_database
from tests.integration.clients import (
    consume_committed,
    create_topic,
    produce_in_transaction,
    sql_answers,
    transactional_producer,
)
from tests.integration.test_ledger_sink import SINK, batches, in_database, journals

pytestmark = pytest.mark.takes(5)


def test_a_killed_broker_comes_back_on_its_address_with_its_data(
    servers_of_our_own: Infrastructure, namespace: str
) -> None:
    bootstrap, broker = servers_of_our_own.bootstrap, servers_of_our_own.kafka
    assert broker is not None
    create_topic(bootstrap, namespace)
    produce_in_transaction(bootstrap, namespace, ["before"])
    broker.kill()
    try:
        with pytest.raises(KafkaException):
            AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=2)
    finally:
        broker.restart()
    produce_in_transaction(bootstrap, namespace, ["after"])
    assert consume_committed(bootstrap, namespace, 2) == ["before", "after"]


def test_a_transaction_that_was_open_as_the_broker_died_ends_and_readers_go_on(
    servers_of_our_own: Infrastructure, namespace: str
) -> None:
    """A broker that leaves out its end (KAFKA-20734) keeps its readers waiting for ever."""
    bootstrap, broker = servers_of_our_own.bootstrap, servers_of_our_own.kafka
    assert broker is not None
    create_topic(bootstrap, namespace)
    dying = transactional_producer(bootstrap, f"{namespace}-dying", timeout_ms=1_000)
    dying.begin_transaction()
    dying.produce(namespace, "never committed")
    assert dying.flush(10) == 0
    broker.kill()
    broker.restart()
    produce_in_transaction(bootstrap, namespace, ["after"])
    assert consume_committed(bootstrap, namespace, 1) == ["after"]


def test_a_killed_database_comes_back_on_its_address_with_its_data(
    servers_of_our_own: Infrastructure,
) -> None:
    database, server = servers_of_our_own.postgres, servers_of_our_own.database
    assert server is not None
    sql_answers(database, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7) RETURNING n")
    server.kill()
    try:
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(database.replace("+psycopg", "")).close()
    finally:
        server.restart()
    assert sql_answers(database, "SELECT n FROM kept") == (7,)


@pytest.fixture
def breakable(servers_of_our_own: Infrastructure, namespace: str) -> Iterator[Engine]:
    """A migrated database on a server that may be ended."""
    with made_database(servers_of_our_own, namespace) as address:
        upgrade(address)
        opened = open_tables(address)
        yield opened
        opened.dispose()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_database_that_goes_away_in_the_middle_loses_and_repeats_nothing(
    breakable: Engine, servers_of_our_own: Infrastructure, end: str
) -> None:
    engine, server = breakable, servers_of_our_own.database
    assert server is not None
    ending: dict[str, Callable[[], None]] = {"stop": server.stop, "kill": server.kill}
    made, expected = batches(60, 20)
    apply_batch(engine, SINK, made[0])
    try:
        ending[end]()
        with pytest.raises(DBAPIError):
            apply_batch(engine, SINK, made[1])
    finally:
        server.restart()
    assert position_of(engine, SINK, LEDGER_JOURNALS, 0) == made[0][-1].offset + 1
    for batch in made:
        apply_batch(engine, SINK, batch)
    assert (journals(engine), in_database(engine)) == (60, expected)
