"""The job in faust-streaming: a table of counts, written the way its documentation shows."""

import sys
from typing import Any

import faust
from faust.transport.drivers.aiokafka import Producer

TRANSACTION_MS_MAX = 10_000


def with_a_short_transaction(settings: dict[str, Any]) -> dict[str, Any]:
    """Producer settings that a broker for money accepts.

    Such a broker allows 15 s, so that a killed writer does not hold up its readers; faust asks for
    60 s, has no setting for it, and would otherwise not start in exactly_once at all.
    """
    return {**settings, "transaction_timeout_ms": TRANSACTION_MS_MAX}


plain_settings = Producer._settings_default
Producer._settings_default = lambda self: with_a_short_transaction(plain_settings(self))


def application(kafka: str, name: str, guarantee: str, folder: str) -> faust.App:
    """The app; `guarantee` is at_least_once or exactly_once, `folder` takes its working files."""
    app = faust.App(
        name,
        broker=f"kafka://{kafka}",
        store="memory://",
        datadir=folder,
        processing_guarantee=guarantee,
        topic_partitions=4,
        topic_disable_leader=True,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.0,
        broker_commit_interval=0.5,
        producer_linger=0.005,
        web_enabled=False,
    )
    commands = app.topic(
        f"{name}-commands", key_type=str, value_type=bytes, value_serializer="json"
    )
    facts = app.topic(f"{name}-facts", key_type=str, value_serializer="json")
    counts = app.Table("counts", default=int, partitions=4)

    @app.agent(commands)
    async def apply(stream: faust.Stream) -> None:
        async for card, command in stream.items():
            counts[card] += 1
            await facts.send(key=card, value={"id": command["id"], "card": card})

    return app


if __name__ == "__main__":
    kafka_, name_, guarantee_, folder_ = sys.argv[1:5]
    sys.argv[1:] = ["worker", "-l", "warn", "--without-web"]
    application(kafka_, name_, guarantee_, folder_).main()
