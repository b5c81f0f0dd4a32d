"""Workers are killed, frozen and stopped under load: nothing is lost, nothing counts twice."""

import os
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.resolve import Infrastructure
from schemas.topics import (
    DEADLETTERS,
    ISSUANCE_REPLIES,
    REDEMPTION_BALANCES,
    REDEMPTION_EVENTS,
    REDEMPTION_REPLIES,
)
from services.local.machine import Machine
from tests.crash.publishing import Channel, Traffic, body_of, read_topic
from tests.crash.tally import FROZEN, KILL_9, TERMINATED, Tally
from tests.small_world import POLICY_DOCUMENT

LONG = bool(os.environ.get("SCRIP_LONG"))
ROUNDS = 10 if LONG else 1
RATE = 500
FROZEN_SECONDS = 10.0
BETWEEN_SECONDS = 2.0
THROUGH_SECONDS_MAX = 120.0
WORKERS = ("redemption/a", "redemption/b")
POLICY: dict[str, Any] = {
    **POLICY_DOCUMENT,
    "channels": {"pos": {"may": ["issue", "redeem", "refund"]}},
}


@pytest.fixture
def machine(infra: Infrastructure, namespace: str, tmp_path: Path) -> Iterator[Machine]:
    """An installation with issuance and two redemption workers."""
    made = Machine(infra, tmp_path, namespace)
    made.prepare(POLICY, time.time_ns() // 1_000_000)
    made.start("issuance")
    for name in WORKERS:
        made.start(*name.split("/"))
    yield made
    made.stop()


def until_answered(machine: Machine, channel: Channel) -> list[dict[str, Any]]:
    """Every reply, once there are as many as commands were sent."""
    deadline = time.monotonic() + THROUGH_SECONDS_MAX
    replies: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        records = read_topic(machine, ISSUANCE_REPLIES) + read_topic(machine, REDEMPTION_REPLIES)
        replies = [body_of(record) for record in records]
        if len(replies) >= len(channel.sent):
            return replies
    ended = {name: machine.processes[name].log_end() for name in machine.ended()}
    raise AssertionError(f"{len(replies)} replies to {len(channel.sent)} commands; ended: {ended}")


def disturb(machine: Machine, chance: random.Random, tally: Tally) -> None:
    """Kill, freeze and stop workers, in a random order."""
    acts = ["kill", "freeze", "term"] * ROUNDS
    chance.shuffle(acts)
    for act in acts:
        name = chance.choice(WORKERS)
        process = machine.processes[name]
        _let_run(BETWEEN_SECONDS * chance.random())
        tally.faults[{"kill": KILL_9, "freeze": FROZEN, "term": TERMINATED}[act]] += 1
        if act == "freeze":
            machine.kill(name, signal.SIGSTOP)
            _let_run(FROZEN_SECONDS)
            machine.kill(name, signal.SIGCONT)
        else:
            machine.kill(name, signal.SIGKILL if act == "kill" else signal.SIGTERM)
            assert process.wait(30.0), f"{name} does not end"
            machine.start(*name.split("/"))


def _let_run(seconds: float) -> None:
    # Not to synchronise: traffic goes on meanwhile, and the length is part of the fault.
    time.sleep(seconds)


@pytest.mark.takes(35)
@pytest.mark.timeout(900 if LONG else 400)
def test_nothing_is_lost_or_doubled_when_workers_are_killed_frozen_and_stopped(
    machine: Machine, tally: Tally
) -> None:
    """Rounds of SIGKILL, SIGSTOP for 10 s and SIGTERM at 500 commands a second."""
    seed = int(os.environ.get("SCRIP_SEED") or 7)
    channel = Channel(machine)
    cards = [f"card-{i}" for i in range(50)]
    channel.issue(cards, 1_000_000)
    traffic = Traffic(channel, cards, RATE, seed)
    traffic.start()
    disturb(machine, random.Random(seed), tally)
    traffic.end()
    replies = until_answered(machine, channel)
    _every_command_is_answered_once(channel, replies)
    _facts_follow_from_answers(machine, replies)
    assert read_topic(machine, DEADLETTERS) == []
    outcomes = Counter(reply["data"]["outcome"] for reply in replies)
    repeated = sum(bool(reply["data"].get("repeated")) for reply in replies)
    print(f"seed {seed}: {len(channel.sent)} commands, {dict(outcomes)}, {repeated} repeats")


def _every_command_is_answered_once(channel: Channel, replies: list[dict[str, Any]]) -> None:
    sent = Counter((s.subject, s.id) for s in channel.sent)
    answers: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for reply in replies:
        answers[reply["subject"], reply["data"]["command"]].append(reply["data"])
    assert {key: len(found) for key, found in answers.items()} == dict(sent)
    for key, found in answers.items():
        first = [answer for answer in found if not answer.get("repeated")]
        assert len(first) == 1, f"{key} was decided {len(first)} times"
        for answer in found:
            assert {**answer, "repeated": True} == {**first[0], "repeated": True}


def _facts_follow_from_answers(machine: Machine, replies: list[dict[str, Any]]) -> None:
    """Each accepted command has just the facts it was told of; balances are their sum."""
    facts: dict[tuple[str, str], list[str]] = defaultdict(list)
    ledger: Counter[str] = Counter()
    for record in read_topic(machine, REDEMPTION_EVENTS):
        fact = body_of(record)
        facts[fact["subject"], fact["causationid"]].append(fact["type"])
        match fact["type"]:
            case "value_loaded.v1" | "capture_refunded.v1":
                ledger[fact["subject"]] += fact["data"]["minor"]
            case "hold_captured.v1":
                ledger[fact["subject"]] -= fact["data"]["minor"]
    told = {
        (reply["subject"], reply["data"]["command"]): reply["data"]["facts"]
        for reply in replies
        if reply["source"] == "service/redemption" and not reply["data"].get("repeated")
    }
    for key, types in told.items():
        assert facts[key] == types, key
    rows: dict[str, dict[str, Any]] = {}
    for record in read_topic(machine, REDEMPTION_BALANCES):
        rows[(record.key or b"").decode()] = body_of(record)
    assert {card: row["ledger"] for card, row in rows.items()} == dict(ledger)
