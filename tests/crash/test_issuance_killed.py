"""Issuance dies in the middle of its transactions; holds on cards that are live go on."""

import itertools
import os
import random
import statistics
import threading
import time
from collections.abc import Callable

import pytest

from schemas.topics import REDEMPTION_COMMANDS
from services.runtime.crash import Point
from tests.crash.fleet import Fleet
from tests.crash.groups import Commits, until
from tests.crash.mailbox import Mailbox
from tests.crash.publishing import Channel, Sent, money
from tests.crash.resting import rests
from tests.crash.rota import ALL

LONG = bool(os.environ.get("SCRIP_LONG"))
SEED = int(os.environ.get("SCRIP_SEED") or 23)
CARDS = [f"card-{i}" for i in range(24)]
HOLDS_A_SECOND = 50
SALES_A_SECOND = 20
RETURNS, DEPARTURES = 10, 5
AWAY_SECONDS = 9.0  # longer than a transaction may stay open
P99_SECONDS_MAX = 7.0
ANSWER_SECONDS_MAX = 60.0


class Tills(threading.Thread):
    """Holds of a second on live cards, timed; and sales, which issuance hands over."""

    def __init__(self, channel: Channel, seed: int) -> None:
        super().__init__(name="tills", daemon=True)
        self._channel = channel
        self._chance = random.Random(seed)
        self._over = threading.Event()
        self.holds: list[tuple[Sent, int]] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Until it is ended."""
        try:
            began = time.monotonic()
            held = sold = 0
            while not self._over.wait(0.005):
                gone = time.monotonic() - began
                while held < gone * HOLDS_A_SECOND:
                    held += 1
                    self._hold(held)
                while sold < gone * SALES_A_SECOND:
                    sold += 1
                    self._channel.sell(f"sold-{sold}", 1_000)
        except BaseException as failure:
            self.failure = failure
            raise

    def end(self) -> None:
        """Stop, and wait until everything has reached Kafka."""
        self._over.set()
        self.join(ANSWER_SECONDS_MAX)
        assert self.failure is None, self.failure
        self._channel.flush()

    def _hold(self, number: int) -> None:
        sent = hold(f"h{number}", self._chance.choice(CARDS))
        self.holds.append((sent, time.monotonic_ns()))
        self._channel.publish(sent)


def hold(id: str, card: str) -> Sent:
    """A cent for a second."""
    body = {"amount": money(1), "ttl_seconds": 1, "place": {"location": "F2"}}
    return Sent(REDEMPTION_COMMANDS, id, "place_hold", card, body)


def until_live(channel: Channel, mailbox: Mailbox) -> None:
    """A card is live when redemption takes a hold on it: issuance's word may be on its way."""
    waiting, deadline = list(CARDS), time.monotonic() + ANSWER_SECONDS_MAX
    for number in itertools.count():
        asked = {card: hold(f"live-{number}-{card}", card) for card in waiting}
        for sent in asked.values():
            channel.publish(sent)
        channel.flush()
        for card, sent in asked.items():
            came = mailbox.wait(sent, ANSWER_SECONDS_MAX)
            assert came is not None, f"{sent.id} was never answered"
            if came[1]["outcome"] == "accepted":
                waiting.remove(card)
        if not waiting:
            return
        assert time.monotonic() < deadline, f"not live: {waiting}"


def latencies(tills: Tills, mailbox: Mailbox) -> list[float]:
    """Seconds from each hold to its answer; every one is answered, and accepted."""
    found = []
    for sent, at in tills.holds:
        came = mailbox.wait(sent, ANSWER_SECONDS_MAX)
        assert came is not None, f"{sent.id} was never answered"
        assert came[1]["outcome"] == "accepted", came
        found.append((came[0] - at) / 1e9)
    return sorted(found)


@pytest.mark.skipif(not LONG, reason="fifteen deaths, one after the other: make crash")
@pytest.mark.timeout(500)
def test_holds_go_on_while_issuance_is_killed_in_the_middle_of_its_transactions(
    fleet_of: Callable[[str], Fleet],
) -> None:
    """Its open transaction hides what lies behind it in redemption's commands, and not for long."""
    fleet, chance = fleet_of("issuance"), random.Random(SEED)
    for name in ALL:
        fleet.start(name)
    channel = Channel(fleet.machine)
    channel.issue(CARDS, 1_000_000)
    commits = Commits(fleet.machine)
    commits.on_all()
    mailbox = Mailbox(channel)
    mailbox.start()
    until_live(channel, mailbox)
    fleet.kill("issuance/0")
    tills = Tills(channel, SEED)
    tills.start()
    for number in range(RETURNS + DEPARTURES):
        fleet.start("issuance/0", f"{Point.AFTER_FLUSH}:{chance.randrange(2, 12)}")
        until(lambda: fleet.crashed("issuance/0"), lambda: fleet.log_end("issuance/0"))
        if number >= RETURNS:
            time.sleep(AWAY_SECONDS)  # how long it is away; the length is part of the fault
    fleet.start("issuance/0")
    tills.end()
    times = latencies(tills, mailbox)
    mailbox.end()
    commits.close()
    p99 = times[len(times) * 99 // 100]
    print(
        f"\n{len(times)} holds while issuance died {RETURNS + DEPARTURES} times: "
        f"p50 {statistics.median(times):.3f} s, p99 {p99:.2f} s, largest {times[-1]:.2f} s; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    assert p99 <= P99_SECONDS_MAX
    rests(fleet)
