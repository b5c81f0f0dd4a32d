"""The job in aiokafka transactions: the same loop as by_librdkafka, on asyncio."""

import asyncio
import json
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

PARTITIONS = 4
BATCH_MAX = 500
POLL_MS = 100
TRANSACTION_MS_MAX = 10_000


async def main(kafka: str, name: str) -> None:
    """Run until killed: `kafka` is host:port, `name` prefixes topics, group and transactions."""
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka,
        transactional_id=name,
        transaction_timeout_ms=TRANSACTION_MS_MAX,
    )
    await producer.start()  # whatever a killed predecessor left open ends here
    consumer = AIOKafkaConsumer(
        f"{name}-commands",
        bootstrap_servers=kafka,
        group_id=name,
        group_instance_id=name,
        session_timeout_ms=6000,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    rows = await restore(kafka, f"{name}-state")  # the only worker: every partition is its own
    while True:
        polled = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_MAX)
        if not polled:
            continue
        async with producer.transaction():
            offsets = {}
            for partition, batch in polled.items():
                await apply(producer, name, partition.partition, batch, rows)
                offsets[partition] = batch[-1].offset + 1
            await producer.send_offsets_to_transaction(offsets, name)


async def apply(
    producer: AIOKafkaProducer, name: str, partition: int, batch: list, rows: dict[str, int]
) -> None:
    """Count each command once on its card and say so, inside the open transaction."""
    for record in batch:
        command = json.loads(record.value)
        card = command["card"]
        rows[card] = rows.get(card, 0) + 1
        key = card.encode()
        fact = json.dumps({"id": command["id"], "card": card}).encode()
        await producer.send(f"{name}-state", str(rows[card]).encode(), key, partition)
        await producer.send(f"{name}-facts", fact, key, partition)


async def restore(kafka: str, topic: str) -> dict[str, int]:
    """The last committed row of every card."""
    rows: dict[str, int] = {}
    reader = AIOKafkaConsumer(
        bootstrap_servers=kafka,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await reader.start()
    partitions = [TopicPartition(topic, p) for p in range(PARTITIONS)]
    reader.assign(partitions)
    ends = await reader.end_offsets(partitions)
    await reader.seek_to_beginning(*partitions)
    while any([await reader.position(p) < end for p, end in ends.items()]):
        polled = await reader.getmany(timeout_ms=200)
        for batch in polled.values():
            rows.update({record.key.decode(): int(record.value) for record in batch})
    await reader.stop()
    return rows


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
