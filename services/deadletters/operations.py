"""Sends dead letters once more, each at most once, and records who did."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Engine, select, update

from schemas.errors import ScripError
from schemas.topics import DEADLETTERS
from services.deadletters.letters import Letter, is_sent, once_more, read_letter
from services.runtime.outbox_table import insert_new, operation
from services.runtime.ports import BatchDroppedError, Log, OutcomeUnknownError
from services.runtime.slices import records_now

KIND: Final = "requeue_deadletter"
IDENTITY: Final = "scrip-deadletters"
BATCH_MAX: Final = 500


class RequeueInDoubtError(ScripError):
    """Kafka did not say whether the letters are in. Run the same again: it looks before it acts."""


class LetterChangedError(ScripError):
    """A letter's operation is known with other content. The topic was made anew; look at both."""


def letters_of(log: Log) -> Iterator[Letter]:
    """Every dead letter there is now, partition by partition."""
    reader = log.reader()
    for number in range(log.partitions(DEADLETTERS.name)):
        for record in records_now(reader, DEADLETTERS.name, number):
            yield read_letter(record)


def requeue(
    log: Log, engine: Engine, letters: Sequence[Letter], made_by: str, now: int
) -> tuple[list[Letter], list[Letter]]:
    """Send them once more: (sent now, sent before). `now` in ms UTC.

    Whether a batch of an earlier, broken run is in is looked up on its topic. Raises
    RequeueInDoubtError, LetterChangedError.
    """
    sent: list[Letter] = []
    before: list[Letter] = []
    for start in range(0, len(letters), BATCH_MAX):
        batch = letters[start : start + BATCH_MAX]
        # A new producer of this identity ends what an earlier one has left open.
        producer = log.producer(IDENTITY)
        states = _begun(log, engine, batch, made_by, now)
        left: list[Letter] = []
        for letter in batch:
            (before if _in_already(log, letter, states) else left).append(letter)
        try:
            if left:
                producer.begin()
                for letter in left:
                    producer.produce(once_more(letter))
                producer.commit({}, None)
        except (BatchDroppedError, OutcomeUnknownError) as cause:
            raise RequeueInDoubtError(str(cause)) from cause
        finally:
            producer.abandon()
        _done(engine, batch, now)
        sent += left
    return sent, before


def sent_before(engine: Engine, letters: Sequence[Letter]) -> set[str]:
    """The names of those that were sent once more already."""
    names = {letter.operation: letter.name for letter in letters}
    ids = sorted(names)
    found: set[str] = set()
    with engine.connect() as connection:
        for start in range(0, len(ids), BATCH_MAX):
            chosen = operation.c.id.in_(ids[start : start + BATCH_MAX])
            query = select(operation.c.id).where(chosen, operation.c.state == "executed")
            found.update(names[id] for id in connection.execute(query).scalars())
    return found


def _begun(
    log: Log, engine: Engine, letters: Sequence[Letter], made_by: str, now: int
) -> dict[str, tuple[str, int]]:
    """{operation: (state, where its topic ended when it began)}; `new` is what begins now."""
    reader = log.reader()
    ends: dict[tuple[str, int], int] = {}
    states: dict[str, tuple[str, int]] = {}
    with engine.begin() as connection:
        for letter in letters:
            place = (letter.topic, letter.partition)
            if place not in ends:
                ends[place] = reader.end_in_doubt(*place)
            row = _row(letter, made_by, now, ends[place])
            if insert_new(connection, operation, row):
                states[letter.operation] = ("new", ends[place])
                continue
            chosen = select(operation.c.state, operation.c.arguments, operation.c.as_of)
            known = connection.execute(chosen.where(operation.c.id == letter.operation)).one()
            if known.arguments != row["arguments"]:
                raise LetterChangedError(f"dead letter {letter.name}")
            states[letter.operation] = (known.state, next(iter(known.as_of.values())))
    return states


def _row(letter: Letter, made_by: str, now: int, end: int) -> dict[str, Any]:
    return {
        "id": letter.operation,
        "kind": KIND,
        "arguments": {
            "letter": letter.name,
            "topic": letter.topic,
            "partition": letter.partition,
            "sha256": letter.sha256,
            "requeued": letter.requeued + 1,
        },
        "made_by": made_by,
        "as_of": {f"{letter.topic}/{letter.partition}": end},
        "state": "begun",
        "created_at": now,
    }


def _in_already(log: Log, letter: Letter, states: dict[str, tuple[str, int]]) -> bool:
    state, end = states[letter.operation]
    if state != "begun":
        return state == "executed"
    return is_sent(
        once_more(letter), records_now(log.reader(), letter.topic, letter.partition, end)
    )


def _done(engine: Engine, letters: Sequence[Letter], now: int) -> None:
    ids = [letter.operation for letter in letters]
    with engine.begin() as connection:
        connection.execute(
            update(operation)
            .where(operation.c.id.in_(ids), operation.c.state == "begun")
            .values(state="executed", executed_at=now)
        )
