"""Lets the day happen: windows of the story's clock, and a worker that is killed in one of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from time import monotonic
from typing import Final

from rich.progress import Progress

from schemas.instants import HOUR, MINUTE, format_instant
from services.demo.channels import Channels, Line
from services.demo.following import Follower
from services.demo.publishing import MIDNIGHT
from services.local.machine import Machine

WINDOW: Final = 20 * MINUTE
KILLED: Final = "redemption/1"
KILL_AT: Final = MIDNIGHT + 12 * HOUR
CLOSING: Final = MIDNIGHT + 22 * HOUR
GATE_SECONDS_MAX: Final = 60.0
LOOK_SECONDS: Final = 0.01


class StuckError(RuntimeError):
    """The services do not get on; the message says since when. Their logs say why."""


@dataclass(slots=True)
class Traded:
    """How the day went: seconds in all, of the longest window, and how long a kill was felt."""

    seconds: float = 0.0
    windows: int = 0
    window_seconds_max: float = 0.0
    kill_seconds: float = 0.0
    killed: str = ""
    notes: list[str] = field(default_factory=list)


def trade(
    machine: Machine, channels: Channels, follower: Follower, lines: list[Line], bar: Progress
) -> Traded:
    """Publish the day window by window, as fast as the services follow. Raises StuckError."""
    traded = Traded()
    published = bar.add_task("published", total=len(lines))
    answered = bar.add_task("answered", total=None)
    started = monotonic()
    for end, window in _windows(lines):
        window_started = monotonic()
        channels.publish(window)
        channels.tell_clock(end)
        if end == KILL_AT:
            machine.kill(KILLED)
            traded.killed = f"{KILLED} by SIGKILL at {format_instant(end)} of the story"
        channels.flush()
        if end == KILL_AT:
            service, _, slot = KILLED.partition("/")
            machine.start(service, slot)
        _gate(channels, follower)
        took = monotonic() - window_started
        traded.windows += 1
        traded.window_seconds_max = max(traded.window_seconds_max, took)
        if end == KILL_AT:
            traded.kill_seconds = took
        bar.advance(published, len(window))
        replies = sum(n for topic, n in follower.counts.items() if ".replies." in topic)
        bar.update(answered, completed=replies, description=f"answered by {_clock(end)}")
    bar.update(answered, total=sum(n for t, n in follower.counts.items() if ".replies." in t))
    channels.tell_clock(CLOSING)
    channels.flush()
    _gate(channels, follower)
    traded.seconds = monotonic() - started
    return traded


def _windows(lines: list[Line]) -> Iterator[tuple[int, list[Line]]]:
    for number, found in groupby(lines, key=lambda line: line.at // WINDOW):
        yield (number + 1) * WINDOW, list(found)


def _gate(channels: Channels, follower: Follower) -> None:
    """Wait until both deciding services have passed what was published.

    What issuance hands over stands in redemption's log by then, before anything of the next window:
    no customer is quicker than the hand-over.
    """
    deadline = monotonic() + GATE_SECONDS_MAX
    while not follower.passed(channels.ends):
        follower.look(LOOK_SECONDS)
        if monotonic() > deadline:
            raise StuckError(f"nothing decided for {GATE_SECONDS_MAX:.0f} s")


def _clock(at: int) -> str:
    minutes = (at - MIDNIGHT) // MINUTE
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
