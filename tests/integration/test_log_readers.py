"""What a restore relies on from a log's readers: the same tests for Kafka and those in memory."""

from services.runtime.kafka_log import KafkaLog
from services.runtime.ports import Log
from services.runtime.records import Row, Staged
from tests.integration.logs import COMMANDS, MEMORY, read_all, staged, until, write


def all_rows(log: Log, topic: str, partition: int) -> list[Row]:
    """Every committed key and value of a partition, three at most at a time."""
    reader = log.reader()
    end = reader.end_in_doubt(topic, partition)
    position = 0
    found: list[Row] = []

    def at_the_end() -> bool:
        nonlocal position
        rows, position = reader.rows(topic, partition, position, 3)
        assert len(rows) <= 3
        found.extend(rows)
        return position >= end

    until(at_the_end, "the end")
    return found


def test_rows_are_the_keys_and_values_of_what_is_read(log: Log) -> None:
    write(log, "writer", staged(1), staged(2, key="b"), Staged(COMMANDS, 0, 1_000, b"a", None))
    dropped = log.producer("dropped")
    dropped.begin()
    dropped.produce(staged(3))
    if isinstance(log, KafkaLog):
        dropped._producer.flush(10)  # type: ignore[attr-defined]
    assert log.reader().rows(COMMANDS, 0, 3, 10)[0] == []
    log.producer("dropped")  # the next of this name ends what is open
    write(log, "writer", staged(4), Staged(COMMANDS, 0, 1_000, None, b"5"), staged(6, key="c"))
    found = all_rows(log, COMMANDS, 0)
    assert found == [
        *((b"a", b"1"), (b"b", b"2"), (b"a", None)),
        *((b"a", b"4"), (None, b"5"), (b"c", b"6")),
    ]
    assert found == [(record.key, record.value) for record in read_all(log, COMMANDS, 0)]


def test_a_reader_goes_from_topic_to_topic_and_back(log: Log) -> None:
    write(log, "writer", *[staged(i) for i in range(4)], staged(9, topic=MEMORY))
    reader = log.reader()
    seen: list[bytes | None] = []
    places = {COMMANDS: 0, MEMORY: 0}

    def everything() -> bool:
        for topic in (COMMANDS, MEMORY):
            records, places[topic] = reader.read(topic, 0, places[topic], 1)
            assert len(records) <= 1
            seen.extend(record.value for record in records)
        return len(seen) == 5

    until(everything, "all of both")
    assert [value for value in seen if value != b"9"] == [b"0", b"1", b"2", b"3"]
