"""docs/operations/wrong-journals.md, on a real broker and database."""

import signal

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient
from sqlalchemy import insert, select

from deploy.embedded.resolve import Infrastructure
from schemas.topics import REDEMPTION_EVENTS
from services.ledger.views import trial_balance
from services.replay import tables
from services.runtime.murmur2 import partition_of
from services.stories.live import LiveStage
from tests.e2e.runbooks.runbook import Runbook
from tests.replayed import bad_deploy, play

ASK_SECONDS = 10


def offsets(infra: Infrastructure, namespace: str) -> dict[str, dict[tuple[str, int], int]]:
    """{group: {partition: committed offset}} of this installation; others share the broker."""
    admin = AdminClient({"bootstrap.servers": infra.bootstrap})
    listed = admin.list_consumer_groups(request_timeout=ASK_SECONDS).result().valid
    found = {}
    for name in sorted(g.group_id for g in listed if g.group_id.startswith(namespace)):
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)])
        places = asked[name].result().topic_partitions
        found[name] = {(p.topic, p.partition): p.offset for p in places}
    return found


def killed_midway(page: Runbook, stage: LiveStage) -> tuple[str, int]:
    """A shadow is killed with -9 at the last partition of facts; what was done, and how much."""
    first, last = sorted(partition_of(card, stage.partitions) for card in (b"c1", b"c2"))
    assert first < last
    tables.make_tables(stage.engine)
    place = {"topic": REDEMPTION_EVENTS.name, "partition": last}
    with stage.engine.connect() as blocking:
        # Whoever would write this row waits for us, who will take it back.
        blocking.execute(
            insert(tables.position).values(plan=page.values["HASH"], next_offset=0, **place)
        )
        shadow = page.begin("scrip replay shadow HASH --json")
        assert shadow.stderr is not None
        said = ""
        while f"{REDEMPTION_EVENTS.name}/{first} at" not in said:
            line = shadow.stderr.readline()
            assert line, said
            said += line
        shadow.send_signal(signal.SIGKILL)
        shadow.wait(ASK_SECONDS)
        shadow.stderr.close()
        blocking.rollback()
    with stage.engine.connect() as connection:
        rows = connection.execute(select(tables.position)).all()
    return f"{REDEMPTION_EVENTS.name}/{first} at", sum(row.next_offset for row in rows)


@pytest.mark.takes(15)
@pytest.mark.timeout(240)
def test_wrong_journals_are_adjusted_by_two_people_and_every_invariant_holds_again(
    stage: LiveStage, infra: Infrastructure, namespace: str
) -> None:
    with bad_deploy():
        play(stage)
    stage.restart()
    page = Runbook("wrong-journals", infra, namespace)
    plan = page.run("SCRIP_USER=ann scrip replay plan --type hold_captured --json").found
    assert {e: sums["adjust"] for e, sums in plan["money"]["USD"].items()} == {"E1": 400, "E2": 240}
    page.values["HASH"] = plan["hash"]
    before = offsets(infra, namespace)
    refused = page.ask("SCRIP_USER=bob scrip replay apply HASH --json", status=1).found
    assert "shadow is not finished" in refused["error"]
    done, far = killed_midway(page, stage)
    assert 0 < far < sum(plan["as_of"].values())
    going_on = page.run("scrip replay shadow HASH --json", status=1)
    assert "100 %" in going_on.errors
    assert done not in going_on.errors
    shadow = going_on.found
    assert shadow["gl"] == plan["gl"]
    assert (shadow["accounts"]["different"], shadow["items"]["different"]) == (0, 0)
    assert offsets(infra, namespace) == before
    refused = page.ask("SCRIP_USER=ann scrip replay apply HASH --json", status=1).found
    assert "a second person" in refused["error"]
    applied = page.run("SCRIP_USER=bob scrip replay apply HASH --json").found
    assert applied["posted"] == 2
    stage.settle()
    with stage.engine.connect() as connection:
        books = trial_balance(connection)["USD"]
    assert (books["E1"]["2200"], books["E2"]["2200"]) == (-400, -240)
    verified = page.run("scrip verify --json").found
    assert [v["name"] for v in verified["invariants"] if not v["holds"]] == []
    again = page.run("SCRIP_USER=bob scrip replay apply HASH --json").found
    assert (again["posted"], again["repeated"]) == (0, True)
    page.is_run()
