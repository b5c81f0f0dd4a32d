"""Sweeps a great many accounts that are due, while channels go on: how fast, and who waits.

`python -m tests.benchmarks.sweeps kafka ACCOUNTS SECONDS WORKERS [PARTITIONS]`: accounts (60 %
with a hold past its end, the rest with a lot past its validity) lie on the topic of balances; real
workers sweep them while a channel publishes 500 commands a second on other accounts. Facts are
counted: each account must be swept once. Told apart are the first 200 seconds, in which the
broker's virtual machine still compiles, and the SECONDS after them. Workers run at a lower priority
than the broker, which has a machine of its own elsewhere. There is a partition for each worker, or
as many as are asked for: a transaction writes to four topics of each. `… cpu ACCOUNTS` sweeps on a
log in memory.
"""

import json
import os
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as KafkaPartition

from deploy.embedded.kafka import SERVER_FLAGS
from deploy.embedded.resolve import infrastructure
from schemas.instants import DAY
from schemas.message import encode_command
from schemas.topics import (
    REDEMPTION_BALANCES,
    REDEMPTION_COMMANDS,
    REDEMPTION_EVENTS,
    REDEMPTION_MEMORY,
    REDEMPTION_REPLIES,
)
from schemas.value import Draw, Hold, Lot, Where
from services.local.keys import seals_for
from services.local.machine import Machine
from services.redemption.rows import ROWS, Account
from services.redemption.worker import SPEC
from services.runtime.kafka_reader import arrived
from services.runtime.kafka_settings import plain_producer_settings, reader_settings
from services.runtime.murmur2 import partition_of
from services.runtime.records import Staged
from services.runtime.rowcodec import CoreRows
from tests.benchmarks.swept import SWEPT, Swept, wait_for_facts
from tests.small_world import POLICY_DOCUMENT, SmallWorld

RATE: Final = 500
# A channel's gateway sends what it has gathered; a wait counts from before that.
LINGER_MS: Final = 10
COLD_SECONDS: Final = 200.0
NICENESS: Final = 10
SPENDERS: Final = 2_000
CODEC: Final = CoreRows(ROWS, REDEMPTION_MEMORY, REDEMPTION_BALANCES)
WHERE: Final = Where(location="F1", entity="E1", channel="pos", register="3")


def _account(now: int, kind: str) -> Account:
    """An account that is due since a minute: by a hold, by a lot, or not at all."""
    held = 100 if kind == "hold" else 0
    lot = Lot(
        lot="L1",
        origin="paid",
        location="F1",
        entity="E1",
        programme="gift",
        jurisdiction="US-NY",
        cohort="2026-01",
        minor=50_000_000,
        held=held,
        funded=50_000_000,
        face_start=50_000_000,
        funded_start=50_000_000,
        sold_at=now - 400 * DAY,
        expires_at=now - 60_000 if kind == "lot" else None,
    )
    draws = [Draw(lot="L1", minor=100)]
    hold = Hold(hold="H1", minor=100, placed_at=now - DAY, ends_at=now - 60_000, draws=draws)
    return Account(
        kind="card",
        programme="gift",
        currency="USD",
        life=1,
        state="Activated",
        ledger=lot.minor,
        held=held,
        lots=[lot],
        holds=[hold] if held else [],
        used=True,
        loaded_at=lot.sold_at,
    )


def rows(count: int, now: int) -> Iterator[tuple[str, bytes]]:
    """Accounts that are due, and those that spend meanwhile."""
    made = {kind: CODEC.write("a", _account(now, kind)) for kind in ("hold", "lot", "none")}
    for number in range(count):
        yield f"due-{number:07d}", made["hold" if number % 5 < 3 else "lot"]
    for number in range(SPENDERS):
        yield f"spend-{number}", made["none"]


def cpu(count: int) -> dict[str, Any]:
    """Microseconds of one processor for a sweep, from looking at its row to its fact and row."""
    world = SmallWorld()
    world.publish_policy()
    for key, row in rows(count, world.clock.now()):
        world.memory.append(
            Staged(REDEMPTION_BALANCES.name, None, world.clock.now(), key.encode(), row)
        )
    worker = world.worker(SPEC)
    while not (worker.partitions and worker.ready()):
        worker.tick()
    began = time.process_time()
    ticks = 0
    while worker.tick():
        ticks += 1
    used = time.process_time() - began
    swept = sum(
        any(kind in (r.value or b"") for kind in SWEPT) for r in world.read(REDEMPTION_EVENTS)
    )
    assert swept == count, swept
    return {"accounts": count, "ticks": ticks, "us_per_sweep": round(used / count * 1e6, 1)}


class Channel(threading.Thread):
    """Publishes RATE redemptions a second, evenly, and times their replies by the clock."""

    def __init__(self, machine: Machine, seconds: float) -> None:
        super().__init__(daemon=True)
        self.sent: dict[str, float] = {}
        self.waited: dict[str, float] = {}
        self._machine = machine
        self._seconds = seconds
        self._seals = seals_for(machine.seal_keys, "channel-pos")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._over = threading.Event()

    def run(self) -> None:
        self._reader.start()
        settings = plain_producer_settings(self._machine.infra.bootstrap)
        producer = Producer({**settings, "linger.ms": LINGER_MS})
        topic = REDEMPTION_COMMANDS
        name = topic.named(self._machine.namespace)
        began = time.monotonic()
        for number in range(int(RATE * self._seconds)):
            if (wait := began + number / RATE - time.monotonic()) > 0:
                time.sleep(wait)
            id, subject = f"r{number}", f"spend-{number % SPENDERS}"
            value = encode_command(
                id=id,
                type="redeem",
                source="channel/pos",
                subject=subject,
                time=time.time_ns() // 1_000_000,
                body={"amount": {"minor": 1, "currency": "USD"}},
                replyto="bench",
            )
            headers = list(self._seals.seal(topic.name, subject.encode(), value))
            self.sent[id] = time.monotonic()
            producer.produce(name, value, subject.encode(), headers=headers)
            producer.poll(0)  # reports of delivery leave the client's queue
        producer.flush(10)

    def finish(self) -> list[float]:
        """Milliseconds each command waited, in the order of sending; all have been answered."""
        self.join()
        ends = time.monotonic() + 30
        while len(self.waited) < len(self.sent) and time.monotonic() < ends:
            time.sleep(0.05)
        self._over.set()
        self._reader.join()
        assert len(self.waited) == len(self.sent), (len(self.waited), len(self.sent))
        return [self.waited[id] for id in self.sent]

    def _read(self) -> None:
        name = REDEMPTION_REPLIES.named(self._machine.namespace)
        for value in follow(self._machine, name, self._over):
            id = orjson.loads(value)["data"]["command"]
            self.waited.setdefault(id, (time.monotonic() - self.sent[id]) * 1_000)


def follow(machine: Machine, topic: str, over: threading.Event) -> Iterator[bytes]:
    """The committed records of a topic as they come, until it is over."""
    settings = reader_settings(machine.infra.bootstrap, "read_committed")
    consumer = Consumer({**settings, "fetch.wait.max.ms": 100, "enable.partition.eof": False})
    consumer.assign([KafkaPartition(topic, number, 0) for number in range(machine.partitions)])
    while not over.is_set():
        for message in arrived(consumer, 2_000, 0.1):
            if message.error() is None:
                yield message.value() or b""
    consumer.close()


def published(machine: Machine, count: int, now: int) -> None:
    """Write the accounts where the workers restore from."""
    producer = Producer(plain_producer_settings(machine.infra.bootstrap))
    topic = REDEMPTION_BALANCES.named(machine.namespace)
    for key, row in rows(count, now):
        name = key.encode()
        while True:
            try:
                producer.produce(topic, row, name, partition_of(name, machine.partitions))
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(60) == 0


def kafka(count: int, seconds: float, workers: int, partitions: int) -> dict[str, Any]:
    """Sweep for so long with real workers, a real broker, and a channel beside them."""
    policy = {**POLICY_DOCUMENT, "channels": {"pos": {"may": ["redeem"]}}}
    servers = infrastructure(say=print, kafka_flags=SERVER_FLAGS)
    with servers as infra, tempfile.TemporaryDirectory() as folder:
        name = f"w{uuid.uuid4().hex[:8]}"
        machine = Machine(infra, Path(folder), name, partitions=partitions)
        machine.prepare(policy, int(time.time() * 1_000))
        published(machine, count, int(time.time() * 1_000))
        began = time.monotonic()
        started = [machine.start("redemption", str(slot)) for slot in range(workers)]
        try:
            wait_for_facts(machine)
            restored = time.monotonic() - began
            figures = _measured(machine, seconds, started)
        finally:
            machine.stop()
    told = {"accounts": count, "workers": workers, "partitions": partitions}
    return {**told, "load": os.getloadavg()[0], "restored_seconds": round(restored, 1), **figures}


def cpu_seconds(processes: list[int]) -> float:
    """Processor time these processes and their children have had."""
    ticks = 0
    for process in processes:
        folder = Path(f"/proc/{process}")
        children = (folder / "task" / str(process) / "children").read_text().split()
        for one in (folder, *(Path(f"/proc/{child}") for child in children)):
            ticks += sum(map(int, (one / "stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _measured(machine: Machine, seconds: float, workers: list[int]) -> dict[str, Any]:
    for worker in workers:
        os.setpriority(os.PRIO_PGRP, worker, NICENESS)
    began = time.time_ns() // 1_000_000
    channel = Channel(machine, COLD_SECONDS + seconds)
    channel.start()
    time.sleep(COLD_SECONDS)
    used = cpu_seconds(workers)
    channel.join()
    used = cpu_seconds(workers) - used
    waited = channel.finish()
    swept = Swept(machine)
    warm = began + int(COLD_SECONDS * 1_000)
    cold, each = swept.by_second(began, warm), swept.by_second(warm, warm + int(seconds * 1_000))
    told = waited[int(RATE * COLD_SECONDS) :]
    return {
        "cold": _told(cold, waited[: int(RATE * COLD_SECONDS)]),
        # Only as long as something was left to sweep; with next to no accounts, without sweeps.
        **_told(each, told[: RATE * len(each)] if sum(each) else told),
        "swept_twice": sum(times > 1 for times in swept.times.values()),
        "worker_us_each": round(used * 1e6 / (sum(each) + len(told)), 1),
    }


def _told(each: list[int], waited: list[float]) -> dict[str, Any]:
    """What was swept in each second, and how long commands waited meanwhile (ms)."""
    ranked = sorted(waited)
    return {
        "swept": sum(each),
        "seconds": len(each),
        "swept_per_second": round(sum(each) / len(each)),
        "slowest_second": min(each),
        "commands": len(ranked),
        "p50_ms": round(ranked[len(ranked) // 2], 1),
        "p99_ms": round(ranked[int(len(ranked) * 0.99)], 1),
        "max_ms": round(ranked[-1], 1),
    }


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["cpu", count]:
            print(json.dumps(cpu(int(count))))
        case ["kafka", count, seconds, workers, *more] if len(more) < 2:
            each = map(int, (workers, *more, workers))
            print(json.dumps(kafka(int(count), float(seconds), next(each), next(each))))
        case _:
            sys.exit(__doc__)
