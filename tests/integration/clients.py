"""What a test of the servers does with them: topics, transactions, records, statements."""

import time
from typing import Any

import psycopg
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

READ_SECONDS_MAX = 30.0


def create_topic(bootstrap: str, name: str, **settings: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topic = NewTopic(name, num_partitions=1, replication_factor=1, config=settings)
    admin.create_topics([topic])[name].result(20)


def transactional_producer(bootstrap: str, name: str, timeout_ms: int = 5000) -> Producer:
    settings = {"bootstrap.servers": bootstrap, "transactional.id": name}
    producer = Producer({**settings, "transaction.timeout.ms": timeout_ms})
    producer.init_transactions(30)
    return producer


def produce_in_transaction(
    bootstrap: str, topic: str, values: list[str], commit: bool = True, timestamp: int = 0
) -> None:
    producer = transactional_producer(bootstrap, f"{topic}-writer")
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, **({"timestamp": timestamp} if timestamp else {}))
    producer.flush(20)
    if commit:
        producer.commit_transaction(20)
    else:
        producer.abort_transaction(20)


def consume_committed(bootstrap: str, topic: str, count: int) -> list[str]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"{topic}-reader",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([topic])
    values: list[str] = []
    deadline = time.monotonic() + READ_SECONDS_MAX
    while len(values) < count and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            values.append((message.value() or b"").decode())
    consumer.close()
    return values


def sql_answers(url: str, *statements: str) -> Any:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
    return cursor.fetchone()
