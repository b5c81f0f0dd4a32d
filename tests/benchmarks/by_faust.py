"""Our core and messages in a faust-streaming agent, rows in its tables; run until killed.

`python -m tests.benchmarks.by_faust APP GUARANTEE FOLDER`, settings as a redemption worker finds
them. An agent has one event at a time, so rows and progress are written for each of them.
"""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import faust
from faust.transport.drivers.aiokafka import Producer

from schemas.topics import REDEMPTION_COMMANDS, REDEMPTION_EVENTS, REDEMPTION_MEMORY
from schemas.topics import REDEMPTION_REPLIES as REPLIES
from services.runtime.advance import Progress
from services.runtime.records import Record, Staged
from services.runtime.settings import Settings, read_settings
from services.runtime.staging import Staging
from services.runtime.store import MemoryStore
from tests.benchmarks.by_aiokafka import deciding_of

TRANSACTION_MS_MAX = 10_000
plain_settings = Producer._settings_default


def with_a_short_transaction(self: Producer) -> dict[str, Any]:
    """Producer settings that a broker for money accepts; faust has no setting for it."""
    return {**plain_settings(self), "transaction_timeout_ms": TRANSACTION_MS_MAX}


Producer._settings_default = with_a_short_transaction


class TableStore(MemoryStore):
    """Rows of a partition in faust's tables: accounts in one, everything else in the other."""

    def __init__(self, balances: faust.Table, memory: faust.Table) -> None:
        super().__init__()
        self._balances = balances
        self._memory = memory

    def get(self, key: str) -> bytes | None:
        """The row, or None."""
        found: bytes | None = self._of(key).get(key.encode())
        return found

    def put(self, rows: Iterable[tuple[str, bytes | None]]) -> None:
        """Write rows; faust tells its changelog."""
        for key, value in rows:
            self._of(key)[key.encode()] = value

    def _of(self, key: str) -> faust.Table:
        return self._memory if "/" in key else self._balances


def application(app_name: str, guarantee: str, folder: str) -> faust.App:
    """The app, its agent and tables."""
    settings = read_settings()
    app = faust.App(
        app_name,
        broker=f"kafka://{settings.kafka}",
        store="memory://",
        datadir=folder,
        processing_guarantee=guarantee,
        topic_partitions=settings.partitions,
        topic_disable_leader=True,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.0,
        broker_commit_interval=0.5,
        producer_linger=0.005,
        web_enabled=False,
    )
    raw = {"key_type": bytes, "value_type": bytes}
    wire = {**raw, "key_serializer": "raw", "value_serializer": "raw"}
    topics = {
        REDEMPTION_EVENTS.name: app.topic(f"{app_name}.events", **wire),
        REPLIES.name: app.topic(f"{app_name}.replies", **wire),
    }
    table = {**raw, "partitions": settings.partitions}
    store = TableStore(app.Table("balances", **table), app.Table("memory", **table))
    decide = deciding_agent(settings, store, topics)
    app.agent(app.topic(REDEMPTION_COMMANDS.named(settings.namespace), **wire))(decide)
    return app


def deciding_agent(settings: Settings, store: TableStore, topics: Mapping[str, Any]) -> Any:
    """What the agent does with its stream: one event after the other."""
    deciding = deciding_of(settings)
    progress: dict[int, Progress] = {}

    async def decide(stream: faust.Stream) -> None:
        async for event in stream.events():
            message = event.message
            staging = Staging(
                deciding.source,
                REDEMPTION_COMMANDS,
                message.partition,
                store,
                progress.get(message.partition) or Progress(),
                REDEMPTION_MEMORY,
            )
            deciding.handle(staging, _record(message))
            staging.finish(deciding.rows)
            await _tell(staging.outputs, topics)
            store.put(staging.committed_rows())
            store.put([(f"{message.partition}/progress", staging.progress_row)])
            progress[message.partition] = staging.progress

    return decide


def _record(message: Any) -> Record:
    headers = message.headers
    return Record(
        REDEMPTION_COMMANDS.name,
        message.partition,
        message.offset,
        int(message.timestamp * 1000) if message.timestamp < 1e11 else int(message.timestamp),
        message.key,
        message.value,
        tuple(headers.items() if isinstance(headers, Mapping) else headers or ()),
    )


async def _tell(outputs: list[Staged], topics: Mapping[str, Any]) -> None:
    for staged in outputs:
        topic = topics.get(staged.topic)
        if topic is not None:
            await topic.send(key=staged.key, value=staged.value, partition=staged.partition)


if __name__ == "__main__":
    app_, guarantee_, folder_ = sys.argv[1:4]
    sys.argv[1:] = ["worker", "-l", "warn", "--without-web"]
    application(app_, guarantee_, folder_).main()
