"""Bugs around the database: sinks, the outboxes, and settlement runs up to the bank."""

from collections.abc import Sequence
from typing import Any, Final

import pytest
from sqlalchemy import Engine, select, update

from schemas.codec import read_fact
from services.runtime import outbox, progress, sink_loop, sinks
from services.runtime.records import Record
from services.runtime.sinks import Sink
from services.settlement import runs
from services.settlement.outcome import operations as outcome
from services.settlement.tables import item, run
from services.settlement.telling import operations as telling
from tests.simulation.planting import ROWS, RUNS, Plant, planted

PLANTS: Final[list[Plant]] = []


@planted(PLANTS, *ROWS)
def a_sink_moves_apart_from_its_rows(patch: pytest.MonkeyPatch) -> None:
    def apart(engine: Engine, sink: Sink, records: Sequence[Record], *_: Any) -> int:
        topic = next(topic for topic in sink.topics if topic.name == records[0].topic)
        place = progress.Place(sink.name, topic.name, records[0].partition)
        facts = [read_fact(topic, record.value or b"") for record in records]
        with engine.begin() as connection:
            before = progress.read_position(connection, sink.progress, place)
            after = progress.follow(before or progress.Position(), records, facts)
            sink.apply(connection, topic, place.partition, records, facts)
        with engine.begin() as connection:
            time = facts[-1].time
            progress.move(connection, sink.progress, place, before, after, time)
        return len(records)

    patch.setattr(sink_loop, "apply_batch", apart)


@planted(PLANTS, *ROWS)
def a_sink_does_not_compare_its_progress(patch: pytest.MonkeyPatch) -> None:
    def unasked(before: Any, records: Any, facts: Any) -> Any:
        return progress.Position(records[-1].offset + 1, before.sequences, before.chains)

    patch.setattr(sinks, "read_position", lambda *_: None)
    patch.setattr(sinks, "follow", unasked)
    patch.setattr(sinks, "move", lambda *_: None)


@planted(PLANTS, *ROWS)
def an_outbox_begins_anew_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    restore = outbox.Outbox._restore

    def forgetful(self: Any, reader: Any) -> None:
        restore(self, reader)
        for known in self._progress.values():
            known.next = 0

    patch.setattr(outbox.Outbox, "_restore", forgetful)


@planted(PLANTS, *ROWS)
def an_outbox_takes_doubt_for_success(patch: pytest.MonkeyPatch) -> None:
    commit = outbox.Outbox._commit

    def sure(self: Any, producer: Any, stagings: Any, told: Any) -> None:
        commit(self, producer, stagings, told)
        if self._producer is None:
            self._producer = self._log.producer(self._identity)
            for number, staged in stagings.items():
                self._progress[number] = staged.progress

    patch.setattr(outbox.Outbox, "_commit", sure)


@planted(PLANTS, *ROWS)
def machines_clocks_date_what_leaves(patch: pytest.MonkeyPatch) -> None:
    fact_of = outbox.fact_of
    patch.setattr(outbox, "fact_of", lambda row, now: fact_of(row, row.time))


@planted(PLANTS, *RUNS)
def an_item_is_claimed_twice(patch: pytest.MonkeyPatch) -> None:
    def any_state(connection: Any, *, lock: bool = True) -> Any:
        chosen = select(item).where(item.c.kind != "unreconciled")
        return connection.execute(chosen.order_by(item.c.item)).mappings().all()

    patch.setattr(runs, "_accrued", any_state)


@planted(PLANTS, *RUNS)
def an_order_repeated_is_a_new_run(patch: pytest.MonkeyPatch) -> None:
    opened = runs._open

    def anew(connection: Any, order: Any, terms: Any) -> bool:
        mine = select(run.c.state).where(run.c.run == order.run)
        state = connection.execute(mine).scalar_one_or_none()
        if state in ("closed", "settled", "transmitted"):
            connection.execute(update(run).where(run.c.run == order.run).values(state="open"))
            return True
        return opened(connection, order, terms)

    patch.setattr(runs, "_open", anew)


@planted(PLANTS, *RUNS)
def a_returned_entry_is_paid_all_the_same(patch: pytest.MonkeyPatch) -> None:
    moved = outcome._moved

    def all_of_it(connection: Any, row: Any, number: int) -> Any:
        return moved(connection, row, number)[:-1]

    patch.setattr(outcome, "_moved", all_of_it)


@planted(PLANTS, *RUNS)
def a_fact_of_a_run_is_told_before_it_is_true(patch: pytest.MonkeyPatch) -> None:
    """The fact leaves in a transaction of its own, before the rows are changed."""
    take = telling.take_effect

    def torn(connection: Any, *asked: Any) -> None:
        connection.commit()
        connection.begin()
        take(connection, *asked)

    patch.setattr(telling, "take_effect", torn)
