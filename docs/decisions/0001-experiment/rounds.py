"""One round: send commands to a small card job, kill it while it works, compare what it applied.

A command adds one to a card. Afterwards a card's row must say exactly how many commands were
sent to it (`lost`, `twice`), and every command must have exactly one fact (`no_fact`, `two_facts`).
"""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

HERE = Path(__file__).resolve().parent
PARTITIONS = 4
CARDS = 200
QUIET_SECONDS = 5.0
STOP_SECONDS_MAX = 10.0
FALLS_MAX = 10


@dataclass(frozen=True, slots=True)
class Runner:
    """One way of running the job: its script, further arguments, and the topic with its rows."""

    title: str
    script: str
    arguments: tuple[str, ...]
    state: str


RUNNERS = (
    Runner("librdkafka transactions", "by_librdkafka.py", (), "{name}-state"),
    Runner("aiokafka transactions", "by_aiokafka.py", (), "{name}-state"),
    Runner("faust at_least_once", "by_faust.py", ("at_least_once",), "{name}-counts-changelog"),
    Runner("faust exactly_once", "by_faust.py", ("exactly_once",), "{name}-counts-changelog"),
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one round may cost: commands, kills, seconds, and commands a second when sending."""

    commands: int
    kills: int
    seconds: float
    rate: int
    seed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen: every number counts commands, except kills, falls and seconds.

    `left` were not read when time was up: those among the lost are late rather than gone.
    """

    sent: int
    kills: int
    falls: int
    seconds: float
    left: int
    lost: int
    twice: int
    no_fact: int
    two_facts: int

    @property
    def wrong(self) -> int:
        """0 where every command was applied once and told once."""
        return self.left + self.lost + self.twice + self.no_fact + self.two_facts


class DoesNotRunError(RuntimeError):
    """A runner cannot do the job on this machine at all; its log says why (--logs keeps it)."""


class Job:
    """The worker as a process: started, killed by -9, started again when it falls over."""

    def __init__(self, kafka: str, name: str, runner: Runner, folder: Path) -> None:
        self._log = (folder / f"{name}.log").open("ab")
        arguments = [kafka, name, *runner.arguments]
        if runner.arguments:
            arguments.append(str(folder / name))
        self._command = [sys.executable, str(HERE / runner.script), *arguments]
        self.kills = self.falls = 0
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log)

    def kill(self) -> None:
        """kill -9 in the middle of whatever it does, and a new process at once."""
        self._process.kill()
        self._process.wait()
        self.kills += 1
        self._start()

    def stand_up(self) -> None:
        """Start it again if it ended by itself, as a supervisor would; bounded."""
        if self._process.poll() is None:
            return
        if self.falls == FALLS_MAX:
            raise DoesNotRunError(f"ended by itself {FALLS_MAX} times: see {self._log.name}")
        self.falls += 1
        self._start()

    def stop(self) -> None:
        """SIGTERM, so that it may write what it still holds; kill -9 if it does not end."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def play(kafka: str, runner: Runner, bounds: Bounds, folder: Path) -> Outcome:
    """One round of `runner` on topics of its own."""
    word = "-".join([*runner.script.removesuffix(".py").split("_"), *runner.arguments])
    name = f"adr1-{random.SystemRandom().randrange(16**8):08x}-{word}".replace("_", "-")
    create_topics(kafka, name, compacted=runner.state == "{name}-state")
    started = time.monotonic()
    job = Job(kafka, name, runner, folder)
    try:
        sent = drive(kafka, name, job, bounds)
    finally:
        job.stop()
    rows: dict[str, int] = {}
    facts: Counter[str] = Counter()
    read_all(kafka, runner.state.format(name=name), lambda m: rows.update([row_of(m)]))
    read_all(kafka, f"{name}-facts", lambda m: facts.update([json.loads(m.value())["id"]]))
    return Outcome(
        sent=bounds.commands,
        kills=job.kills,
        falls=job.falls,
        seconds=time.monotonic() - started,
        left=left(kafka, name),
        lost=sum(max(0, n - rows.get(card, 0)) for card, n in sent.items()),
        twice=sum(max(0, rows.get(card, 0) - n) for card, n in sent.items()),
        no_fact=bounds.commands - len(facts),
        two_facts=facts.total() - len(facts),
    )


def create_topics(kafka: str, name: str, *, compacted: bool) -> None:
    """Commands, facts and, for the plain clients, rows; faust makes its changelog itself."""
    wanted = [NewTopic(f"{name}-{what}", PARTITIONS, 1) for what in ("commands", "facts")]
    if compacted:
        policy = {"cleanup.policy": "compact"}
        wanted.append(NewTopic(f"{name}-state", PARTITIONS, 1, config=policy))
    admin = AdminClient({"bootstrap.servers": kafka})  # must outlive its futures
    for made in admin.create_topics(wanted).values():
        made.result(30)


def drive(kafka: str, name: str, job: Job, bounds: Bounds) -> Counter[str]:
    """Send at the given rate, kill at even shares of progress, return once nothing moves."""
    chance = random.Random(bounds.seed)
    producer = Producer(
        {
            "bootstrap.servers": kafka,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",  # as faust has it: its facts stay in their partition
        }
    )
    watch = watching(kafka, f"{name}-facts", "read_uncommitted")
    kill_at = [bounds.commands * (2 * k + 1) // (2 * bounds.kills + 1) for k in range(bounds.kills)]
    sent: Counter[str] = Counter()
    seen, started, moved = 0, time.monotonic(), time.monotonic()
    while (now := time.monotonic()) - started < bounds.seconds:
        due = min(bounds.commands, int((now - started) * bounds.rate))
        for number in range(sent.total(), due):
            card = f"card-{chance.randrange(CARDS)}"
            producer.produce(f"{name}-commands", command(number, card), card)
            sent[card] += 1
        producer.poll(0)
        if arrived := len(watch.consume(2000, 0.02 + 0.05 * chance.random())):
            seen, moved = seen + arrived, time.monotonic()
        if kill_at and seen >= kill_at[0]:
            job.kill()
            kill_at.pop(0)
            moved = time.monotonic()
        job.stand_up()
        quiet = now - moved > QUIET_SECONDS
        if quiet and due == bounds.commands and not kill_at and left(kafka, name) == 0:
            break
    producer.flush(30)
    watch.close()
    return sent


def left(kafka: str, name: str) -> int:
    """How many commands the job's group has not yet committed as read."""
    group = Consumer({"bootstrap.servers": kafka, "group.id": name, "enable.auto.commit": False})
    partitions = [TopicPartition(f"{name}-commands", p) for p in range(PARTITIONS)]
    ends = [group.get_watermark_offsets(p, 10)[1] for p in partitions]
    reached = [max(0, p.offset) for p in group.committed(partitions, 10)]
    group.close()
    return sum(ends) - sum(reached)


def command(number: int, card: str) -> bytes:
    """One command; its id is its number, so that each can be looked for."""
    return json.dumps({"id": f"command-{number}", "card": card}).encode()


def watching(kafka: str, topic: str, isolation: str) -> Consumer:
    """A reader of a whole topic from its beginning, in no group that anyone shares."""
    reader = Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": f"{topic}-watch",
            "isolation.level": isolation,
            "enable.auto.commit": False,
            "enable.partition.eof": isolation == "read_committed",
        }
    )
    reader.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
    return reader


def read_all(kafka: str, topic: str, take: Callable[[Message], None]) -> None:
    """Give every committed record of a topic to `take`, up to the end of each partition."""
    reader = watching(kafka, topic, "read_committed")
    to_end = set(range(PARTITIONS))
    deadline = time.monotonic() + 60
    while to_end and time.monotonic() < deadline:
        message = reader.poll(1)
        if message is not None and message.error() is not None:
            to_end.discard(message.partition())
        elif message is not None and message.value() is not None:
            take(message)
    reader.close()
    if to_end:
        raise TimeoutError(f"{topic}: partitions {sorted(to_end)} could not be read to their end")


def row_of(message: Message) -> tuple[str, int]:
    """Card and count of a state record; faust writes its keys as JSON strings."""
    return message.key().decode().strip('"'), int(message.value())
