"""The job in faust-streaming: a table of counts, written the way its documentation shows."""

import sys

import faust


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
