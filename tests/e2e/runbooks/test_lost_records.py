"""docs/operations/lost-partition.md and gap.md, on a real broker and database."""

from pathlib import Path

import psycopg
import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from psycopg import sql
from sqlalchemy import func, select

from deploy.embedded.resolve import Infrastructure
from deploy.migrations.run import upgrade
from schemas.topics import LEDGER_JOURNALS, REDEMPTION_MEMORY
from services.ledger.tables import journal, progress
from services.runtime.kafka_log import KafkaLog
from services.runtime.murmur2 import partition_of
from services.stories.live import LiveStage
from tests.e2e.runbooks.runbook import Runbook
from tests.integration.logs import until
from tests.replayed import begun, play_on

LOSE_SECONDS_MAX = 30.0


def end_of(infra: Infrastructure, namespace: str, topic: str, number: int) -> int:
    return KafkaLog(infra.bootstrap, namespace).reader().end_in_doubt(topic, number)


def lose(infra: Infrastructure, name: str, number: int, end: int) -> None:
    """Every record of the partition before `end` is gone."""
    admin = AdminClient({"bootstrap.servers": infra.bootstrap})
    deletable = ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET)
    topic = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[deletable])
    for altered in admin.incremental_alter_configs([topic]).values():
        altered.result(LOSE_SECONDS_MAX)

    def deleted() -> bool:
        """The broker learns of the new policy a little later than the controller says it is so."""
        for gone in admin.delete_records([TopicPartition(name, number, end)]).values():
            try:
                gone.result(LOSE_SECONDS_MAX)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.POLICY_VIOLATION:
                    raise
                return False
        return True

    until(deleted, "the deletion")


def empty_database(infra: Infrastructure, stage: LiveStage, name: str) -> None:
    """The database is a new one, migrated and empty."""
    stage.engine.dispose()
    server = infra.postgres.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(server, autocommit=True) as connection:
        for said in ("DROP DATABASE {} WITH (FORCE)", "CREATE DATABASE {}"):
            connection.execute(sql.SQL(said).format(sql.Identifier(name)))
    upgrade(infra.postgres.rpartition("/")[0] + f"/{name}")


def journals(stage: LiveStage) -> int:
    with stage.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(journal)).scalar_one())


@pytest.mark.takes(15)
@pytest.mark.timeout(300)
def test_a_lost_partition_of_state_stops_its_worker_until_a_copy_is_put_back(
    stage: LiveStage, infra: Infrastructure, namespace: str, tmp_path: Path
) -> None:
    played = play_on(begun(stage), 0, 3)
    stage.settle()
    stage.stop()
    number = partition_of(b"c1", stage.partitions)
    page = Runbook("lost-partition", infra, namespace)
    page.values |= {
        "TOPIC": REDEMPTION_MEMORY.name,
        "PARTITION": str(number),
        "COPY": str(tmp_path / "copy"),
    }
    saved = page.run("scrip topics save TOPIC PARTITION COPY --json").found
    assert saved["rows"] > 0
    page.run("scrip topics load TOPIC PARTITION COPY --json", status=1)
    end = end_of(infra, namespace, REDEMPTION_MEMORY.name, number)
    lose(infra, f"{namespace}.{REDEMPTION_MEMORY.name}", number, end)
    assert "ProgressTornError" in page.run("python -m services.redemption", status=1).errors
    assert page.run("scrip topics load TOPIC PARTITION COPY --json").found == saved
    stage.start()
    play_on(played, 3)
    stage.settle()
    verified = page.run("scrip verify --json").found
    assert [v["name"] for v in verified["invariants"] if not v["holds"]] == []
    page.is_run()


@pytest.mark.takes(15)
@pytest.mark.timeout(300)
def test_a_sink_that_meets_a_gap_stops_and_goes_on_from_a_backup_behind_it(
    stage: LiveStage, infra: Infrastructure, namespace: str, tmp_path: Path
) -> None:
    page = Runbook("gap", infra, namespace)
    page.values |= {
        "BACKUP": str(tmp_path / "backup"),
        "DATABASE": page.environment()["SCRIP_POSTGRES"].replace("+psycopg", ""),
    }
    played = play_on(begun(stage), 0, 4)
    stage.settle()
    before = journals(stage)
    page.run("pg_dump --dbname DATABASE --format custom --file BACKUP")
    number = partition_of(b"c2", stage.partitions)
    end = end_of(infra, namespace, LEDGER_JOURNALS.name, number)
    play_on(played, 4)
    stage.settle()
    stage.stop()
    whole = journals(stage)
    lose(infra, f"{namespace}.{LEDGER_JOURNALS.name}", number, end)
    empty_database(infra, stage, namespace)
    assert "GapError" in page.run("python -m services.ledger sink", status=1).errors
    with stage.engine.connect() as connection:
        query = (
            select(func.count())
            .select_from(progress)
            .where(progress.c.topic == LEDGER_JOURNALS.name, progress.c.partition == number)
        )
        assert connection.execute(query).scalar_one() == 0
    stage.engine.dispose()
    page.run("pg_restore --dbname DATABASE --clean --if-exists BACKUP")
    assert journals(stage) == before
    stage.start()
    stage.settle()
    assert journals(stage) == whole > before
    verified = page.run("scrip verify --json", status=1).found
    broken = {v["name"] for v in verified["invariants"] if not v["holds"]}
    assert "facts_are_numbered_and_chained" in broken
    assert not broken & {"accounts_equal_postgres", "items_equal_postgres"}
    page.is_run()
