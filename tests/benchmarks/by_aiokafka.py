"""Our core and messages in a loop of aiokafka's transactions; run until killed.

`python -m tests.benchmarks.by_aiokafka APP`, settings as a redemption worker finds them. Left out:
restoring, sweeping, what happens after an unknown outcome.
"""

import asyncio
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import ConsumerRecord

from schemas.topics import (
    REDEMPTION_BALANCES,
    REDEMPTION_COMMANDS,
    REDEMPTION_EVENTS,
    REDEMPTION_MEMORY,
    REDEMPTION_REPLIES,
)
from services.redemption.worker import SPEC
from services.runtime.advance import Progress
from services.runtime.deciding import Deciding
from services.runtime.kafka_log import KafkaLog
from services.runtime.policies import Policies
from services.runtime.ports import Standing
from services.runtime.records import Record
from services.runtime.settings import Settings, read_settings, seals_of
from services.runtime.staging import Staging
from services.runtime.store import MemoryStore

BATCH_MAX = 5_000
TRANSACTION_MS_MAX = 10_000


def deciding_of(settings: Settings) -> Deciding:
    """The deciding service with the installation's policy and seals."""
    policies = Policies(KafkaLog(settings.kafka, settings.namespace).reader())
    policies.refresh()
    return Deciding(SPEC, policies.of, seals_of(settings), settings.partitions)


def record_of(message: ConsumerRecord) -> Record:
    """A message as the runner's record."""
    return Record(
        REDEMPTION_COMMANDS.name,
        message.partition,
        message.offset,
        message.timestamp,
        message.key,
        message.value,
        tuple(message.headers),
    )


class Held:
    """A partition: its rows, and how far it is."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.store = MemoryStore()
        self.progress = Progress()

    def open(self) -> Staging:
        """A batch of it begins."""
        source = f"service/{SPEC.service}"
        return Staging(
            source, REDEMPTION_COMMANDS, self.number, self.store, self.progress, REDEMPTION_MEMORY
        )

    def staged(self, deciding: Deciding, messages: list[ConsumerRecord]) -> Staging:
        """What a batch makes."""
        staging = self.open()
        for message in messages:
            deciding.handle(staging, record_of(message))
        staging.finish(deciding.rows)
        return staging

    def apply(self, staging: Staging) -> None:
        """The batch is committed."""
        self.store.apply(staging.committed_rows(), Standing({}, staging.progress_row))
        self.progress = staging.progress


async def main(app: str) -> None:
    """Poll, decide, commit."""
    settings = read_settings()
    deciding = deciding_of(settings)
    topics = {
        REDEMPTION_EVENTS.name: f"{app}.events",
        REDEMPTION_REPLIES.name: f"{app}.replies",
        REDEMPTION_BALANCES.name: f"{app}.balances",
        REDEMPTION_MEMORY.name: f"{app}.memory",
    }
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka,
        transactional_id=app,
        transaction_timeout_ms=TRANSACTION_MS_MAX,
        max_batch_size=512 << 10,
        linger_ms=1,
    )
    await producer.start()
    consumer = AIOKafkaConsumer(
        REDEMPTION_COMMANDS.named(settings.namespace),
        bootstrap_servers=settings.kafka,
        group_id=app,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    held = {number: Held(number) for number in range(settings.partitions)}
    while True:
        polled = await consumer.getmany(timeout_ms=100, max_records=BATCH_MAX)
        if polled:
            await _commit(producer, topics, app, deciding, held, polled)


async def _commit(
    producer: AIOKafkaProducer,
    topics: dict[str, str],
    app: str,
    deciding: Deciding,
    held: dict[int, Held],
    polled: dict[TopicPartition, list[ConsumerRecord]],
) -> None:
    stagings = {p: held[p.partition].staged(deciding, found) for p, found in polled.items()}
    async with producer.transaction():
        for staging in stagings.values():
            for staged in staging.outputs:
                await producer.send(
                    topics[staged.topic],
                    staged.value,
                    staged.key,
                    staged.partition,
                    staged.timestamp,
                    list(staged.headers),
                )
        offsets = {place: found[-1].offset + 1 for place, found in polled.items()}
        await producer.send_offsets_to_transaction(offsets, app)
    for place, staging in stagings.items():
        held[place.partition].apply(staging)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
