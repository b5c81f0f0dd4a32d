"""What is made on servers that others use: topics a broker hears of late, roles others alter."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

import psycopg
import pytest
from confluent_kafka.admin import AdminClient
from sqlalchemy.exc import InternalError

from deploy.embedded.resolve import Infrastructure
from deploy.migrations import run
from deploy.migrations.run import newest, upgrade
from schemas.topics import TOPICS
from services.runtime import topic_admin
from services.runtime.topic_admin import TopicAdmin, TopicRefusedError
from tests.databases import made_database
from tests.integration.other_process import until

MADE = """
DO $$ BEGIN
    CREATE ROLE bi_reader NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""
ALTERED = "ALTER ROLE bi_reader SET statement_timeout = '60s'"


@dataclass
class HardOfHearing:
    """A broker that, once topics were made, does not name them for so many answers."""

    client: AdminClient
    silences: int
    made: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def create_topics(self, *asked: Any, **limits: Any) -> Any:
        """Make them."""
        self.made = True
        return self.client.create_topics(*asked, **limits)

    def list_topics(self, *asked: Any, **limits: Any) -> Any:
        """All there are, or as if nothing had been made."""
        found = self.client.list_topics(*asked, **limits)
        if self.made and self.silences:
            self.silences -= 1
            found.topics = {}
        return found


def hard_of_hearing(infra: Infrastructure, namespace: str, silences: int) -> TopicAdmin:
    admin = TopicAdmin(infra.bootstrap, namespace)
    admin._admin = cast(AdminClient, HardOfHearing(admin._admin, silences))
    return admin


def test_topics_that_were_made_are_waited_for_until_the_broker_names_them(
    infra: Infrastructure, namespace: str
) -> None:
    admin = hard_of_hearing(infra, namespace, silences=3)
    assert len(admin.apply(1)) == len(TOPICS)
    assert cast(HardOfHearing, admin._admin).silences == 0
    assert admin.apply(1) == []


def test_topics_that_are_never_named_are_not_taken_for_made(
    infra: Infrastructure, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_admin, "SEEN_SECONDS_MAX", 0.2)
    admin = hard_of_hearing(infra, namespace, silences=1_000_000)
    with pytest.raises(TopicRefusedError, match="made, and not seen"):
        admin.apply(1)


@pytest.mark.skipif(
    "PYTEST_XDIST_WORKER" in os.environ,
    reason="other tests alter the server's role meanwhile: run it alone",
)
def test_an_upgrade_is_done_again_where_another_databases_altered_the_role(
    infra: Infrastructure, database: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(plain(database)) as connection:
        connection.execute(MADE)
        connection.execute(ALTERED)
    with made_database(infra, f"{namespace}b") as beside:
        monkeypatch.setattr(run, "_TRIES_MAX", 1)
        with pytest.raises(InternalError, match="concurrently updated"):
            upgraded_beside_an_alteration(database, beside).result()
        monkeypatch.undo()
        upgraded_beside_an_alteration(database, beside).result()
        with psycopg.connect(plain(beside)) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        assert found == [(newest(),)]


def upgraded_beside_an_alteration(database: str, beside: str) -> "Future[None]":
    """`beside` comes to the role while a transaction in `database` has altered it, and waits."""
    with ThreadPoolExecutor(1) as pool, psycopg.connect(plain(database)) as altering:
        altering.execute(ALTERED)
        upgraded = pool.submit(upgrade, beside)
        with psycopg.connect(plain(database), autocommit=True) as looking:
            name = beside.rpartition("/")[2]
            waits = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            waits += "WHERE NOT l.granted AND a.datname = %s AND l.locktype = 'transactionid'"

            def waiting() -> bool:
                row = looking.execute(waits, (name,)).fetchone()
                return row is not None and row[0] == 1

            until(waiting, "the upgrade waits for the alteration")
        altering.commit()
        return upgraded


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")
