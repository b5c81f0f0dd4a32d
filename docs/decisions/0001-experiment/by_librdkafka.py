"""The job in librdkafka transactions: poll, decide, produce, commit, one batch at a time.

Small on purpose: one worker, rows in memory, restored from the compacted state topic before the
first command of a partition. What ``services/runtime`` adds is left out.
"""

import json
import sys

from confluent_kafka import Consumer, Message, Producer, TopicPartition

BATCH_MAX = 500
POLL_SECONDS = 0.1
TRANSACTION_MS_MAX = 10_000


def main(kafka: str, name: str) -> None:
    """Run until killed: `kafka` is host:port, `name` prefixes topics, group and transactions."""
    producer = Producer(
        {
            "bootstrap.servers": kafka,
            "transactional.id": name,
            "transaction.timeout.ms": TRANSACTION_MS_MAX,
            "retry.backoff.ms": 1,
        }
    )
    producer.init_transactions(30)  # whatever a killed predecessor left open ends here
    consumer = Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": name,
            "group.instance.id": name,
            "session.timeout.ms": 6000,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    rows: dict[str, int] = {}

    def assigned(_: Consumer, partitions: list[TopicPartition]) -> None:
        restore(kafka, name, [p.partition for p in partitions], rows)

    consumer.subscribe([f"{name}-commands"], on_assign=assigned)
    while True:
        metadata = consumer.consumer_group_metadata()
        batch = consumer.consume(BATCH_MAX, POLL_SECONDS)
        if not batch:
            continue
        producer.begin_transaction()
        apply(producer, name, batch, rows)
        producer.send_offsets_to_transaction(after(batch), metadata, 30)
        producer.commit_transaction(30)


def apply(producer: Producer, name: str, batch: list[Message], rows: dict[str, int]) -> None:
    """Count each command once on its card and say so, inside the open transaction."""
    for message in batch:
        if message.error() is not None:
            raise RuntimeError(message.error().str())
        command = json.loads(message.value())
        card, partition = command["card"], message.partition()
        rows[card] = rows.get(card, 0) + 1
        fact = json.dumps({"id": command["id"], "card": card})
        producer.produce(f"{name}-state", str(rows[card]), card, partition)
        producer.produce(f"{name}-facts", fact, card, partition)


def after(batch: list[Message]) -> list[TopicPartition]:
    """The next offset of each partition in a batch; a batch is in order, so the last one wins."""
    ends = {(m.topic(), m.partition()): m.offset() + 1 for m in batch}
    return [TopicPartition(topic, partition, end) for (topic, partition), end in ends.items()]


def restore(kafka: str, name: str, partitions: list[int], rows: dict[str, int]) -> None:
    """Read the last committed row of every card in `partitions`."""
    reader = Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": f"{name}-restore",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    topic = f"{name}-state"
    reader.assign([TopicPartition(topic, p, 0) for p in partitions])
    to_end = set(partitions)
    while to_end:
        message = reader.poll(1)
        if message is None:
            continue
        if message.error() is not None:  # the end of a partition comes as an error of its own
            to_end.discard(message.partition())
        else:
            rows[message.key().decode()] = int(message.value())
    reader.close()


if __name__ == "__main__":
    main(*sys.argv[1:3])
