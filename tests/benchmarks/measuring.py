"""What a contender costs: processor time and progress sampled side by side, and their slope.

`marginal` figures come from two lengths of one run: from n to 2n commands committed. What is paid
once (start, restore, compiling, topics) falls out; what is paid for each command stays.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition

from deploy.embedded.guarded import GuardedServer

TICKS = os.sysconf("SC_CLK_TCK")
LOOK_SECONDS = 0.1
STUCK_SECONDS_MAX = 90.0
PARTITIONS = 4


class ContenderFailedError(RuntimeError):
    """It ended, or made no progress for long; the end of its log says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """At `at` (monotonic seconds): records committed as read, processor seconds used so far."""

    at: float
    done: int
    app: float
    broker: float
    others: float


@dataclass(frozen=True, slots=True)
class Marginal:
    """Per command from n to 2n: µs of the app's and the broker's processor, commands a second.

    `others` is what everybody else used meanwhile, in processors.
    """

    commands: int
    app_us: float
    broker_us: float
    per_second: float
    others: float


def cpu_seconds(pid: int | None) -> float:
    """User and system time of a process, all its threads; 0 where there is none here."""
    if pid is None:
        return 0.0
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(after_name[11]) + int(after_name[12])) / TICKS


def resident_mib(pid: int | None) -> int:
    """What of a process is in memory now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def machine_seconds() -> float:
    """Processor time of the whole machine that was not idle."""
    first = Path("/proc/stat").read_text().partition("\n")[0].split()[1:]
    user, nice, system, _idle, _wait, irq, soft = map(int, first[:7])
    return (user + nice + system + irq + soft) / TICKS


class Progress:
    """How far a consumer group is on a topic, by its committed offsets."""

    def __init__(self, bootstrap: str, group: str, topic: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "enable.auto.commit": False,
                # Otherwise every look would wait for the transaction that is open just now.
                "isolation.level": "read_uncommitted",
                "log_level": 2,
            }
        )
        self._places = [TopicPartition(topic, number) for number in range(PARTITIONS)]

    def done(self) -> int:
        """Records behind the committed offsets."""
        try:
            found = self._consumer.committed(self._places, 5.0)
        except KafkaException:
            return -1
        return sum(max(0, place.offset) for place in found)

    def end(self) -> int:
        """Records there are."""
        ends = (self._consumer.get_watermark_offsets(place, 10.0) for place in self._places)
        return sum(end[1] for end in ends)

    def close(self) -> None:
        """Give the connections back."""
        self._consumer.close()


def sampled(
    processes: Sequence[GuardedServer],
    broker: int | None,
    progress: Progress,
    until: int,
    say: Callable[[str], None],
) -> list[Sample]:
    """Samples from the start until so many records are done. Raises ContenderFailedError."""
    samples: list[Sample] = []
    moved = told = time.monotonic()
    while not samples or samples[-1].done < until:
        time.sleep(LOOK_SECONDS)
        done, at = progress.done(), time.monotonic()
        app, brokers = sum(cpu_seconds(one.pid) for one in processes), cpu_seconds(broker)
        ended = next((one for one in processes if one.ended()), None)
        if ended is not None or at - moved > STUCK_SECONDS_MAX:
            raise ContenderFailedError((ended or processes[0]).log_end())
        if done < 0 or (samples and done <= samples[-1].done):
            continue
        moved = at
        own = time.process_time()
        samples.append(Sample(at, done, app, brokers, machine_seconds() - own - app - brokers))
        if at - told > 5.0:
            told = at
            say(f"  {done:,} of {until:,}")
    return samples


def marginal(samples: Sequence[Sample], start: int, n: int) -> Marginal:
    """From `start` + n to `start` + 2n records: straight lines between samples."""
    first, last = at_count(samples, start + n), at_count(samples, start + 2 * n)
    seconds = last.at - first.at
    return Marginal(
        commands=n,
        app_us=round((last.app - first.app) / n * 1e6, 1),
        broker_us=round((last.broker - first.broker) / n * 1e6, 1),
        per_second=round(n / seconds),
        others=round((last.others - first.others) / seconds, 2),
    )


def at_count(samples: Sequence[Sample], count: int) -> Sample:
    """The sample as it would have been at exactly so many records."""
    for before, after in pairwise(samples):
        if before.done <= count <= after.done:
            share = (count - before.done) / max(1, after.done - before.done)

            def between(
                name: str, a: Sample = before, b: Sample = after, s: float = share
            ) -> float:
                low: float = getattr(a, name)
                return low + s * (getattr(b, name) - low)

            return Sample(between("at"), count, *map(between, ("app", "broker", "others")))
    raise ValueError(f"{count} records lie outside the samples")
