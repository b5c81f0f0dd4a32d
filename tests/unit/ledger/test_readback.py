"""A lost database: operations come back from the log, executed, and are never executed again."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from services.ledger.operations import (
    OperationRefusedError,
    Order,
    close_period,
    closed_periods,
    recognize_breakage,
)
from services.ledger.sink import LedgerSink
from services.runtime.outbox_table import METADATA as OPERATIONS
from services.runtime.outbox_table import operation, outbox
from services.runtime.sinks import apply_batch
from services.runtime.tables import MEMORY_URL, create_tables, open_tables
from services.stories.cli import story_of
from services.stories.playing import Play
from services.stories.world import World

STORY = Path(__file__).parents[2] / "stories" / "finance" / "breakage-then-closed.yaml"
RECORDS_MAX = 10_000


@pytest.fixture
def play() -> Any:
    story = story_of(STORY)
    made = Play(story, World(story.begins, story.document.network.timezone))
    made.begin()
    for step in story.steps:
        made.step(step)
    yield made
    made.stage.close()


@pytest.fixture
def rebuilt(play: Any) -> Any:
    """An empty database into which a ledger sink has read the log from its beginning."""
    engine = open_tables(MEMORY_URL)
    sink = LedgerSink()
    create_tables(engine, [OPERATIONS, sink.metadata])
    for topic in sink.topics:
        for number in range(play.stage.partitions):
            records, _ = play.stage.log.read(topic.name, number, 0, RECORDS_MAX)
            if records:
                apply_batch(engine, sink, records)
    yield engine
    engine.dispose()


def operations(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(select(operation).order_by(operation.c.id)).mappings().all()
    return [{name: row[name] for name in row if name != "as_of"} for row in rows]


def test_operations_come_back_as_they_were_executed(play: Any, rebuilt: Engine) -> None:
    before = operations(play.stage.engine)
    assert [row["id"] for row in before] == ["b1", "b2", "p1"]
    assert operations(rebuilt) == before
    with rebuilt.connect() as connection:
        assert closed_periods(connection) == {"E1": "2026-04-30"}


def test_nothing_of_it_is_executed_or_told_again(play: Any, rebuilt: Engine) -> None:
    terms = play.terms()
    with rebuilt.begin() as connection:
        recognize_breakage(connection, Order("b1", "service/story"), "prop", 1000, terms)
        close_period(connection, Order("p1", "service/story"), "E1", "2026-04-30", terms)
        assert connection.execute(select(outbox)).all() == []
        with pytest.raises(OperationRefusedError, match="another operation"):
            close_period(connection, Order("b1", "ann"), "E1", "2026-04-30", terms)


def test_breakage_goes_on_from_what_was_recognised(play: Any, rebuilt: Engine) -> None:
    with rebuilt.begin() as connection:
        recognize_breakage(connection, Order("b3", "ann"), "prop", 1200, play.terms())
        (body,) = connection.execute(select(outbox.c.body)).scalars()
    assert body["lines"] == []
