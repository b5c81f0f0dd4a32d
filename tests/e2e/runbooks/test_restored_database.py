"""docs/operations/restored-database.md, on a real broker and database."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from deploy.embedded.resolve import Infrastructure
from services.ledger.tables import journal
from services.runtime.outbox_table import outbox_head
from services.stories.live import LiveStage
from tests.e2e.runbooks.runbook import Runbook
from tests.replayed import begun, play_on


@pytest.mark.takes(15)
@pytest.mark.timeout(300)
def test_sinks_of_a_database_restored_from_yesterday_catch_up_by_themselves(
    stage: LiveStage, infra: Infrastructure, namespace: str, tmp_path: Path
) -> None:
    page = Runbook("restored-database", infra, namespace)
    page.values |= {
        "BACKUP": str(tmp_path / "backup"),
        "DATABASE": page.environment()["SCRIP_POSTGRES"].replace("+psycopg", ""),
    }
    played = play_on(begun(stage), 0, 2)
    page.run("pg_dump --dbname DATABASE --format custom --file BACKUP")
    play_on(played, 2)
    before = journals(stage)
    stage.stop()
    stage.engine.dispose()
    page.run("pg_restore --dbname DATABASE --clean --if-exists BACKUP")
    assert journals(stage) < before
    stage.start()
    stage.settle()
    verified = page.run("scrip verify --json").found
    assert [v["name"] for v in verified["invariants"] if not v["holds"]] == []
    assert journals(stage) == before
    plan = page.run("SCRIP_USER=ann scrip replay plan --json").found
    assert plan["adjustments"]["facts"] == 0
    page.values["HASH"] = plan["hash"]
    shadow = page.run("scrip replay shadow HASH --json").found
    assert (shadow["accounts"]["checked"], shadow["accounts"]["different"]) == (2, 0)
    assert (shadow["items"]["checked"], shadow["items"]["different"]) == (2, 0)
    with stage.engine.connect() as connection:
        assert connection.execute(select(outbox_head.c.position)).scalar_one() == 0
    page.is_run()


def journals(stage: LiveStage) -> int:
    with stage.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(journal)).scalar_one())
