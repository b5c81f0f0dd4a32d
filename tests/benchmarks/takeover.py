"""How long after kill -9 a worker commits again: started anew, and when another one takes over.

The largest of 30, with every invariant checked, is `make crash`'s; here a few are shown.
"""

import threading
import time

from schemas.topics import REDEMPTION_COMMANDS
from services.local.machine import Machine
from services.runtime.murmur2 import partition_of
from tests.benchmarks.feeding import send
from tests.benchmarks.latency import Replies, Sent, as_sent, producer_of, wait_until
from tests.benchmarks.measuring import PARTITIONS
from tests.benchmarks.workload import Workload

RATE = 50
TRAFFIC_SECONDS_MAX = 40


class Traffic(threading.Thread):
    """Commands at a steady rate until ended, and when each was answered."""

    def __init__(self, machine: Machine, sent: list[Sent]) -> None:
        super().__init__(daemon=True, name="traffic")
        self.sent = sent
        self._machine = machine
        self._known = {one.id: one for one in sent}
        self._ended = threading.Event()
        self._replies = Replies(machine, self._seen)

    def run(self) -> None:
        """Publish."""
        producer = producer_of(self._machine)
        for one in self.sent:
            one.at = time.monotonic()
            send(producer, REDEMPTION_COMMANDS.named(self._machine.namespace), one.message)
            producer.poll(0)
            if self._ended.wait(1 / RATE):
                break
        producer.flush(10.0)

    def answered_after(self, since: float) -> set[int]:
        """Partitions on which a command sent since then was answered."""
        return {
            partition_of(one.subject.encode(), PARTITIONS)
            for one in self.sent
            if one.at > since and one.back
        }

    def first_on_every_partition(self, since: float) -> float:
        """Seconds from `since` until every partition had answered a command sent after it."""
        wait_until(lambda: len(self.answered_after(since)) == PARTITIONS)
        first: dict[int, float] = {}
        for one in self.sent:
            if one.at > since and one.back:
                number = partition_of(one.subject.encode(), PARTITIONS)
                first[number] = min(one.back, first.get(number, one.back))
        return max(first.values()) - since

    def end(self) -> None:
        """Stop."""
        self._ended.set()
        self.join()
        self._replies.close()

    def _seen(self, id: str, at: float) -> None:
        one = self._known.get(id)
        if one is not None and not one.back:
            one.back = at


def started_anew(machine: Machine, workload: Workload, slot: str) -> float:
    """Kill the only worker; the same slot starts at once; seconds to commits on all partitions."""
    traffic = _traffic(machine, workload)
    since = time.monotonic()
    machine.kill(f"redemption/{slot}")
    machine.processes[f"redemption/{slot}"].wait(10.0)
    machine.start("redemption", slot)
    took = traffic.first_on_every_partition(since)
    traffic.end()
    return round(took, 2)


def taken_over(machine: Machine, workload: Workload, slot: str) -> float:
    """Kill one of two workers and leave it dead; seconds until the other commits for it too."""
    traffic = _traffic(machine, workload)
    since = time.monotonic()
    machine.kill(f"redemption/{slot}")
    machine.processes[f"redemption/{slot}"].wait(10.0)
    took = traffic.first_on_every_partition(since)
    traffic.end()
    return round(took, 2)


def _traffic(machine: Machine, workload: Workload) -> Traffic:
    """Traffic that is answered on every partition."""
    since = time.monotonic()
    made = Traffic(machine, as_sent(workload.commands(RATE * TRAFFIC_SECONDS_MAX)))
    made.start()
    made.first_on_every_partition(since)
    return made
