"""What the runner relies on from a log: the same tests for Kafka and for those in memory.

The simulator's log is tried as its processes have it, from a seat, with nothing going wrong.
"""

import time

import pytest

from deploy.embedded.resolve import Infrastructure
from services.runtime.kafka_log import KafkaLog
from services.runtime.murmur2 import partition_of
from services.runtime.ports import (
    Assigned,
    BatchDroppedError,
    Consumer,
    FencedError,
    Log,
    OutcomeUnknownError,
    RecordRefusedError,
    Revoked,
)
from services.runtime.records import Marked, Staged
from services.runtime.topic_admin import TopicAdmin
from tests.integration.logs import (
    COMMANDS,
    EVENTS,
    MEMORY,
    PARTITIONS,
    read_all,
    staged,
    until,
    write,
)


def joined(consumer: Consumer) -> set[tuple[str, int]]:
    """Poll until something was assigned; start it all at 0."""

    def assigned() -> set[tuple[str, int]]:
        consumer.poll(10, 0.2)
        return {
            name
            for change in consumer.changes()
            if isinstance(change, Assigned)
            for name in change.partitions
        }

    found = until(assigned, "assignment")
    for name in found:
        consumer.start_at(name, 0)
    return found


def test_a_committed_transaction_is_read_in_order_with_key_headers_and_time(log: Log) -> None:
    first = staged(1)
    first.headers = (("scrip-chain", b"x"),)
    write(log, "writer", first, staged(2), staged(3, topic=EVENTS, partition=2))
    found = read_all(log, COMMANDS, 0)
    assert [record.value for record in found] == [b"1", b"2"]
    assert found[0].header("scrip-chain") == b"x"
    assert found[0].key == b"a"
    assert read_all(log, EVENTS, 2)[0].timestamp == 1_003


def test_a_record_without_partition_lies_where_murmur2_says(log: Log) -> None:
    keys = [f"card-{i}" for i in range(40)]
    write(log, "writer", *[staged(i, key=key, partition=None) for i, key in enumerate(keys)])
    for number in range(PARTITIONS):
        wanted = {key.encode() for key in keys if partition_of(key.encode(), PARTITIONS) == number}
        assert {record.key for record in read_all(log, COMMANDS, number)} == wanted


def test_a_marked_record_is_told_where_it_was_written(log: Log) -> None:
    write(log, "writer", staged(1), staged(2))
    marked = [Marked(COMMANDS, 0, 1_000, b"a", b"3"), Marked(MEMORY, 0, 1_000, b"a", b"4")]
    write(log, "writer", staged(9), *marked)
    found = {(r.topic, r.value): r.offset for t in (COMMANDS, MEMORY) for r in read_all(log, t, 0)}
    assert marked[0].offset == found[COMMANDS, b"3"] > 2
    assert marked[1].offset == found[MEMORY, b"4"]


def test_an_open_transaction_is_in_doubt_and_hides_what_follows(log: Log) -> None:
    hanging = log.producer("hanging")
    hanging.begin()
    hanging.produce(staged(1))
    if isinstance(log, KafkaLog):
        hanging._producer.flush(10)  # type: ignore[attr-defined]
    write(log, "writer", staged(2))
    reader = log.reader()
    assert reader.end_in_doubt(COMMANDS, 0) >= 2
    assert reader.read(COMMANDS, 0, 0, 10)[0] == []
    log.producer("hanging")  # the next of this name ends what is open
    values = until(lambda: [r.value for r in read_all(log, COMMANDS, 0)], "the end of the doubt")
    assert values == [b"2"]


def test_what_is_sent_outside_a_transaction_is_read_while_others_are_open(log: Log) -> None:
    hanging = log.producer("hanging")
    hanging.begin()
    hanging.produce(staged(1, topic=EVENTS))
    first = staged(2)
    first.headers = (("scrip-chain", b"x"),)
    sender = log.sender()
    sender.send(first)
    sender.send(staged(3, key="b", partition=2))
    found = until(lambda: read_all(log, COMMANDS, 0), "what was sent")
    assert [(r.value, r.key) for r in found] == [(b"2", b"a")]
    assert found[0].header("scrip-chain") == b"x"
    assert until(lambda: read_all(log, COMMANDS, 2), "what was sent")[0].value == b"3"
    hanging.abandon()


def test_what_cannot_be_sent_is_said_aloud_and_stops_nobody(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    if not isinstance(log, KafkaLog):
        pytest.skip("in memory everything can be sent")
    sender = log.sender()

    def said() -> str:
        sender.send(staged(1, partition=PARTITIONS))  # there is no such partition
        return capsys.readouterr().out

    assert "not_sent" in until(said, "the warning")
    sender.send(staged(2))
    assert until(lambda: read_all(log, COMMANDS, 0), "what was sent")[0].value == b"2"


def test_a_producer_that_was_replaced_cannot_commit(log: Log) -> None:
    old = log.producer("twice")
    old.begin()
    old.produce(staged(1))
    new = log.producer("twice")
    with pytest.raises((BatchDroppedError, OutcomeUnknownError, Exception)) as raised:
        old.commit({}, None)
    assert raised.type.__name__ in (
        "BatchDroppedError",
        "OutcomeUnknownError",
        "FencedError",
    )
    new.begin()
    new.produce(staged(2))
    new.commit({}, None)
    assert [record.value for record in read_all(log, COMMANDS, 0)] == [b"2"]


def test_group_offsets_are_committed_with_the_records_or_not_at_all(log: Log) -> None:
    write(log, "writer", staged(1), staged(2))
    consumer = log.consumer("group", [COMMANDS], "member")
    joined(consumer)
    until(lambda: consumer.poll(10, 0.2), "the records")
    producer = log.producer("member")
    producer.begin()
    producer.produce(staged(9, topic=MEMORY))
    producer.commit({(COMMANDS, 0): 2}, consumer.group_metadata())
    assert consumer.committed([(COMMANDS, 0), (COMMANDS, 1)]) == {
        (COMMANDS, 0): 2,
        (COMMANDS, 1): None,
    }
    assert [record.value for record in read_all(log, MEMORY, 0)] == [b"9"]
    consumer.close()


def test_a_member_reads_on_from_where_it_is_told_to(log: Log) -> None:
    write(log, "writer", *[staged(i) for i in range(5)])
    consumer = log.consumer("group", [COMMANDS], "member")
    joined(consumer)
    first = until(lambda: consumer.poll(10, 0.2), "the records")
    assert first[0].offset == 0
    consumer.start_at((COMMANDS, 0), 3)
    again = until(lambda: consumer.poll(10, 0.2), "the records again")
    assert [record.value for record in again] == [b"3", b"4"]
    consumer.close()


def test_two_members_share_the_partitions_and_a_change_of_generation_drops_the_batch(
    log: Log,
) -> None:
    write(log, "writer", staged(1))
    one = log.consumer("group", [COMMANDS], "one")
    held = joined(one)
    assert held == {(COMMANDS, number) for number in range(PARTITIONS)}
    before = one.group_metadata()
    two = log.consumer("group", [COMMANDS], "two")
    gained: set[tuple[str, int]] = set()
    lost: set[tuple[str, int]] = set()

    def shared() -> bool:
        for consumer in (one, two):
            consumer.poll(10, 0.1)
            for change in consumer.changes():
                if isinstance(change, Revoked):
                    lost.update(change.partitions)
                elif consumer is two:
                    gained.update(change.partitions)
        return bool(gained) and gained == lost

    until(shared, "sharing")
    producer = log.producer("one")
    producer.begin()
    producer.produce(staged(9, topic=MEMORY))
    with pytest.raises(BatchDroppedError):
        producer.commit({(COMMANDS, 0): 1}, before)
    log.producer("one")
    assert read_all(log, MEMORY, 0) == []
    one.close()
    two.close()


def test_a_member_whose_name_another_process_has_taken_learns_of_it(log: Log) -> None:
    old = log.consumer("group", [COMMANDS], "member")
    joined(old)
    old.confirm()
    new = log.consumer("group", [COMMANDS], "member")
    joined(new)
    new.confirm()
    with pytest.raises(FencedError):
        old.confirm()
    new.close()
    old.close()


def test_a_fact_of_several_megabytes_goes_in_and_comes_out(log: Log) -> None:
    large = b"x" * 6_000_000
    write(log, "writer", Staged(EVENTS, 0, 1_000, b"a", large))
    assert [record.value for record in read_all(log, EVENTS, 0)] == [large]


def test_a_record_that_kafka_refuses_for_good_is_told_from_a_batch_that_was_dropped(
    infra: Infrastructure, namespace: str
) -> None:
    TopicAdmin(infra.bootstrap, namespace).apply(PARTITIONS)
    log = KafkaLog(infra.bootstrap, namespace)
    ahead = int((time.time() + 2 * 3600) * 1000)
    # That it was dropped is told at once; which record it was, when the batch is made again.
    with pytest.raises(BatchDroppedError):
        write(log, "ahead", Staged(EVENTS, 0, ahead, b"a", b"tomorrow"))
    with pytest.raises(RecordRefusedError, match=r"scrip\.redemption.*set the clocks right"):
        write(log, "ahead", Staged(EVENTS, 0, ahead, b"a", b"tomorrow"))
    write(log, "ahead", Staged(EVENTS, 0, ahead - 2 * 3600 * 1000, b"a", b"today"))
    assert [record.value for record in read_all(log, EVENTS, 0)] == [b"today"]


def test_a_paused_partition_brings_nothing_until_it_is_started_again(log: Log) -> None:
    write(log, "writer", staged(1), staged(2, partition=1))
    consumer = log.consumer("group", [COMMANDS], "member")
    joined(consumer)
    consumer.pause([(COMMANDS, 0)])
    found = until(lambda: consumer.poll(10, 0.2), "the other partition's record")
    assert [record.value for record in found] == [b"2"]
    assert consumer.poll(10, 0.2) == []
    consumer.start_at((COMMANDS, 0), 0)
    again = until(lambda: consumer.poll(10, 0.2), "the record that waited")
    assert [record.value for record in again] == [b"1"]
    consumer.close()


def test_a_producer_given_up_never_commits_what_it_wrote(log: Log) -> None:
    given_up = log.producer("writer")
    given_up.begin()
    given_up.produce(staged(1))
    given_up.abandon()
    write(log, "writer", staged(2))
    assert [record.value for record in read_all(log, COMMANDS, 0)] == [b"2"]


def test_a_topic_that_is_not_there_has_no_partitions(log: Log) -> None:
    assert (log.partitions(COMMANDS), log.partitions("scrip.nothing.v1")) == (PARTITIONS, 0)
