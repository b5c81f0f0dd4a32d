"""Clients race for the money of a few accounts while workers die: it is never spent twice."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.topics import REDEMPTION_COMMANDS
from tests.crash.fleet import Fleet
from tests.crash.mailbox import Mailbox
from tests.crash.publishing import Channel, Sent, money
from tests.crash.resting import rests
from tests.linearizability.account import History, Operation, Outcome
from tests.linearizability.checker import check
from tests.linearizability.second_opinion import NoGoError, build, violated

LONG = bool(os.environ.get("SCRIP_LONG"))
SEED = int(os.environ.get("SCRIP_SEED") or 5)
CLIENTS = 6
ACCOUNTS = [f"purse-{i}" for i in range(4 if LONG else 3)]
OPENING = 100
SECONDS = 60.0 if LONG else 6.0
PLANTED_SECONDS = 10.0
KILL_SECONDS_MAX = 6.0 if LONG else 3.0
PATIENCE_SECONDS = (0.03, 20.0)  # the impatient give up on an answer, and never learn it
ANSWERED_SECONDS_MAX = 60.0
WORKERS = ("redemption/a", "redemption/b")
TYPES = {
    "redeem": "redeem",
    "hold": "place_hold",
    "capture": "capture_hold",
    "release": "release_hold",
    "refund": "refund_capture",
    "enquire": "enquire",
}


class Client(threading.Thread):
    """One at a time: says something, waits for the answer or gives up on it, says the next."""

    def __init__(
        self,
        number: int,
        channel: Channel,
        mailbox: Mailbox,
        common: list[Operation],
        chance: random.Random,
        seconds: float,
    ) -> None:
        super().__init__(name=f"client {number}", daemon=True)
        self._number = number
        self._channel = channel
        self._mailbox = mailbox
        self._common = common
        self._chance = chance
        self._deadline = time.monotonic() + seconds
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Until the time is over."""
        try:
            count = 0
            while time.monotonic() < self._deadline:
                count += 1
                self._one(f"k{self._number}-{count}")
        except BaseException as failure:
            self.failure = failure
            raise

    def _one(self, id: str) -> None:
        account = self._chance.choice(ACCOUNTS)
        kind, minor, of = self._choice(account)
        id = f"{kind}-{id}"  # an enquiry is answered anew each time; the checks know it by its name
        body: dict[str, Any] = {}
        if kind in ("redeem", "hold", "refund"):
            body["amount"] = money(minor)
        if kind in ("capture", "release"):
            body["hold"] = of
        if kind == "refund":
            body["capture"] = of
        if kind != "enquire":
            body["place"] = {"location": "F2"}
        sent = Sent(REDEMPTION_COMMANDS, id, TYPES[kind], account, body)
        called = time.monotonic_ns()
        self._channel.publish(sent)
        impatient = self._chance.random() < 0.06
        came = self._mailbox.wait(sent, PATIENCE_SECONDS[0 if impatient else 1])
        if came is None:
            # Said again under the same id, and not waited for: it counts once, or not at all.
            self._channel.publish(sent)
            self._common.append(Operation(account, id, kind, called, minor, of))
            return
        at, said = came
        told = said.get("balance") or {}
        outcome = Outcome(said["outcome"] == "accepted", told.get("ledger"), told.get("held"))
        self._common.append(Operation(account, id, kind, called, minor, of, at, outcome))

    def _choice(self, account: str) -> tuple[str, int, str]:
        """Mostly what competes: holds others have placed, captures others may give back."""
        recent = [one for one in self._common[-80:] if one.account == account and _worked(one)]
        holds = [one.id for one in recent if one.kind == "hold"]
        spent = [one.id for one in recent if one.kind in ("redeem", "capture")]
        kind = self._chance.choice(
            (
                "redeem",
                "hold",
                "hold",
                "capture",
                "capture",
                "release",
                "refund",
                "refund",
                "enquire",
            )
        )
        if kind in ("capture", "release"):
            return (kind, 0, self._chance.choice(holds)) if holds else ("enquire", 0, "")
        if kind == "refund":
            minor = self._chance.choice((20, 30, 60))
            return (kind, minor, self._chance.choice(spent)) if spent else ("enquire", 0, "")
        return kind, self._chance.choice((20, 30, 60)) if kind != "enquire" else 0, ""


def _worked(operation: Operation) -> bool:
    """Not told of a refusal: what was never answered may have worked."""
    return operation.outcome is None or operation.outcome.accepted


def raced(
    fleet: Fleet, seed: int, workers: Sequence[str] = WORKERS, seconds: float = SECONDS
) -> History:
    """The history of clients racing while workers are killed."""
    for name in ("issuance/0", *workers):
        fleet.start(name)
    channel = Channel(fleet.machine)
    channel.issue(ACCOUNTS, OPENING)
    mailbox = Mailbox(channel)
    mailbox.start()
    _until_open(channel, mailbox)
    common: list[Operation] = []
    clients = [
        Client(n, channel, mailbox, common, random.Random(seed * 100 + n), seconds)
        for n in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    chance, deadline = random.Random(seed), time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(chance.random() * KILL_SECONDS_MAX)  # its length is part of the fault
        name = chance.choice(workers)
        fleet.kill(name, signal.SIGKILL)
        fleet.start(name)
    for client in clients:
        client.join(ANSWERED_SECONDS_MAX)
        assert not client.is_alive(), f"{client.name} is stuck"
        assert client.failure is None, client.failure
    channel.flush()
    mailbox.end()
    return History(dict.fromkeys(ACCOUNTS, OPENING), list(common))


def _until_open(channel: Channel, mailbox: Mailbox) -> None:
    """Until every account is live and can be asked."""
    deadline = time.monotonic() + ANSWERED_SECONDS_MAX
    waiting = list(ACCOUNTS)
    for attempt in range(1000):
        sent = channel.send(REDEMPTION_COMMANDS, f"open-{attempt}", "enquire", waiting[0])
        came = mailbox.wait(sent, 5.0)
        if came is not None and came[1]["outcome"] == "accepted":
            waiting.pop(0)
        if not waiting:
            return
        if time.monotonic() > deadline:
            break
    raise AssertionError(f"{waiting} never opened")


@pytest.mark.takes(30)
@pytest.mark.timeout(400)
def test_spends_are_linearizable_while_workers_are_killed(
    fleet_of: Callable[[str], Fleet], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    fleet = fleet_of("race")
    history = raced(fleet, SEED)
    (tmp_path / "history.json").write_bytes(orjson.dumps([o.as_json() for o in history.operations]))
    began = time.monotonic()
    verdicts = check(history)
    wrong = [(v.account, v.stuck_at, v.longest[-3:]) for v in verdicts if not v.holds]
    assert not wrong, wrong
    unknown = sum(one.outcome is None for one in history.operations)
    said = [one.outcome for one in history.operations if one.outcome is not None]
    accepted = sum(one.accepted for one in said)
    assert accepted > 20
    assert len(said) - accepted > 5, "nobody was refused: they did not compete"
    print(
        f"\nseed {SEED}: {len(history.operations)} operations on {len(ACCOUNTS)} accounts, "
        f"{accepted} accepted, {unknown} never answered, {fleet.kills} kills: linearizable, "
        f"checked in {time.monotonic() - began:.2f} s"
    )
    for name in ("ledger/0", "settlement/0"):
        fleet.start(name)
    rests(fleet)
    assert _by_porcupine(tmp_path_factory, history) == []


@pytest.mark.skipif(not LONG, reason="one more race: make crash")
@pytest.mark.timeout(200)
def test_money_that_is_spent_twice_is_found_by_both_checkers(
    fleet_of: Callable[[str], Fleet], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The same race against workers with a fault: after a restart what was spent is there again."""
    history = raced(fleet_of("planted"), SEED, ("forgetful/a", "forgetful/b"), PLANTED_SECONDS)
    wrong = [verdict.account for verdict in check(history) if not verdict.holds]
    assert wrong
    print(f"\n{len(history.operations)} operations, spent twice: {wrong}")
    assert _by_porcupine(tmp_path_factory, history) == wrong


def _by_porcupine(factory: pytest.TempPathFactory, history: History) -> list[str]:
    """Its verdict; skips, saying so, where there is no Go."""
    try:
        program = build(factory.mktemp("porcupine"))
    except NoGoError as missing:
        pytest.skip(f"PORCUPINE LEFT OUT: {missing}; the checker in Python has judged alone")
    return violated(program, history)
