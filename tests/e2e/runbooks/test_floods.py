"""docs/operations/poison-flood.md and sent-twice.md, on a real broker and database."""

from typing import Any

import pytest
from sqlalchemy import func, select

from deploy.embedded.resolve import Infrastructure
from schemas.topics import DEADLETTERS, ISSUANCE_COMMANDS, REDEMPTION_COMMANDS, REDEMPTION_EVENTS
from services.ledger.tables import journal
from services.runtime.deadletters import CAUSE, OFFSET, PARTITION, TOPIC
from services.runtime.murmur2 import partition_of
from services.runtime.records import Record, Staged
from services.stories.assembly import SEALS
from services.stories.live import LiveStage
from tests.e2e.runbooks.runbook import Runbook
from tests.replayed import NOW, play
from tests.small_world import SmallWorld, money

FLOOD = 300
READ_MAX = 10_000


def records(stage: LiveStage, topic: str) -> list[Record]:
    return [
        record
        for number in range(stage.partitions)
        for record in stage.reader.read(topic, number, 0, READ_MAX)[0]
    ]


def sealed(key: bytes, value: bytes | None) -> tuple[tuple[str, bytes], ...]:
    """By a channel as every other: what is no channel's is another matter."""
    return SEALS.seal(REDEMPTION_COMMANDS.name, key, value or b"")


def of_a_newer_channel(stage: LiveStage) -> Staged:
    """A good command among the dead letters: an older worker could not read it."""
    place = {"location": "F1", "channel": "pos"}
    sent = SmallWorld().send("redeem", "c2", "late-1", amount=money(500), place=place)
    number = partition_of(b"c2", stage.partitions)
    burial = (
        (TOPIC, REDEMPTION_COMMANDS.name.encode()),
        (PARTITION, str(number).encode()),
        (OFFSET, b"999999"),
        (CAUSE, b"unreadable: data.amount: an unknown field"),
    )
    headers = (*sealed(b"c2", sent.value), *burial)
    return Staged(DEADLETTERS.name, number, NOW, b"c2", sent.value, headers)


@pytest.mark.takes(15)
@pytest.mark.timeout(240)
def test_a_flood_of_poison_is_listed_and_only_what_is_mended_is_sent_once_more(
    stage: LiveStage, infra: Infrastructure, namespace: str
) -> None:
    play(stage)
    poison = [
        Staged(REDEMPTION_COMMANDS.name, n % 4, NOW, b"k", value, sealed(b"k", value))
        for n, value in enumerate(b"\x00 poison %d" % n for n in range(FLOOD))
    ]
    stage.publish([*poison, of_a_newer_channel(stage)])
    stage.settle()
    page = Runbook("poison-flood", infra, namespace)
    listed = page.run("scrip deadletters list --json").found
    assert listed["counts"] == [
        {
            "topic": REDEMPTION_COMMANDS.name,
            "cause_class": "unreadable",
            "letters": FLOOD + 1,
        }
    ]
    page.values["LETTER"] = listed["deadletters"][0]["letter"]
    shown = page.run("scrip deadletters show LETTER --json").found
    assert shown["obstacle"].startswith("this version cannot read it either")
    before = len(records(stage, REDEMPTION_COMMANDS.name))
    dry = page.run("scrip deadletters requeue --cause unreadable --json").found
    assert ([one["key"] for one in dry["would_send"]], dry["refused_count"]) == (["c2"], FLOOD)
    assert len(records(stage, REDEMPTION_COMMANDS.name)) == before
    page.ask("scrip deadletters requeue --cause unreadable --yes --json", status=2)
    send = "SCRIP_USER=ann scrip deadletters requeue --cause unreadable --yes --json"
    assert [one["key"] for one in page.run(send).found["sent"]] == ["c2"]
    assert [one["key"] for one in page.run(send).found["sent_before"]] == ["c2"]
    again = page.run("scrip deadletters requeue --cause unreadable --json").found
    assert (again["would_send"], [one["key"] for one in again["sent_before"]]) == ([], ["c2"])
    named = page.ask(f"scrip deadletters requeue {page.values['LETTER']} 3/999999 --json", status=1)
    assert (named.found["not_there"], named.found["refused_count"]) == (["3/999999"], 1)
    stage.settle()
    assert len(records(stage, REDEMPTION_COMMANDS.name)) == before + 1
    assert any(b'"late-1"' in (r.value or b"") for r in records(stage, REDEMPTION_EVENTS.name))
    page.run("scrip verify --json")
    page.is_run()


@pytest.mark.takes(15)
@pytest.mark.timeout(240)
def test_a_day_that_a_channel_sends_twice_counts_once(
    stage: LiveStage, infra: Infrastructure, namespace: str
) -> None:
    play(stage)
    page = Runbook("sent-twice", infra, namespace)
    page.values["ACCOUNT"] = "c1"
    show = "scrip account show ACCOUNT --json"
    before: dict[str, Any] = page.run(show).found
    facts = len(records(stage, REDEMPTION_EVENTS.name))
    posted = journals(stage)
    sent = records(stage, ISSUANCE_COMMANDS.name) + records(stage, REDEMPTION_COMMANDS.name)
    day = [record for record in sent if b'"replyto"' in (record.value or b"")]
    assert len(day) == 5
    stage.publish(
        [Staged(r.topic, r.partition, NOW, r.key, r.value, r.headers) for r in reversed(day)]
    )
    stage.settle()
    assert len(records(stage, REDEMPTION_EVENTS.name)) == facts
    assert journals(stage) == posted
    assert page.run(show).found == before
    verified = page.run("scrip verify --json").found
    assert [v["name"] for v in verified["invariants"] if not v["holds"]] == []
    page.is_run()


def journals(stage: LiveStage) -> int:
    with stage.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(journal)).scalar_one())
