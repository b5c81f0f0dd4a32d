"""Measures the stores: memory with many accounts, restore from Kafka, restart from a warm store.

`python -m tests.benchmarks.stores restore|memory COUNT FOLDER`: `restore` takes the broker that
tests take. FOLDER, which is to be empty, holds the files of RocksDB.
"""

import gc
import json
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from deploy.embedded.resolve import infrastructure
from schemas.topics import REDEMPTION_BALANCES, REDEMPTION_COMMANDS, REDEMPTION_MEMORY
from services.redemption.worker import SPEC
from services.runtime.advance import Progress, progress_key
from services.runtime.bounds import Bounds
from services.runtime.clocks import SystemClock
from services.runtime.kafka_log import KafkaLog
from services.runtime.kafka_settings import plain_producer_settings
from services.runtime.partitions import Partition
from services.runtime.ports import Standing, Store
from services.runtime.rocks_settings import budget
from services.runtime.rocks_store import RocksStore
from services.runtime.store import MemoryStore
from services.runtime.topic_admin import TopicAdmin
from tests.benchmarks.accounts import CODEC, rows

TOPICS = (REDEMPTION_BALANCES, REDEMPTION_MEMORY)
SLICE = 20_000
READS = 20_000
MB = 1_000_000


def resident_mib() -> int:
    """What of this process is in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 >> 20


@contextmanager
def measured(figures: dict[str, Any], size: int) -> Iterator[None]:
    """Wall and processor seconds, and MB/s of rows by both."""
    began, used = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    figures |= {
        "seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "mb": size // MB,
        "mb_per_second": round(size / MB / wall),
        "mb_per_cpu_second": round(size / MB / cpu),
    }


def partition(store: Store) -> Partition:
    """A held partition of redemption, to be restored."""
    bounds = Bounds(SPEC.core, CODEC)
    return Partition(REDEMPTION_COMMANDS, 0, store, REDEMPTION_MEMORY, SystemClock(), bounds)


def published(bootstrap: str, namespace: str, count: int) -> int:
    """Write accounts and a progress row; the bytes of the rows."""
    TopicAdmin(bootstrap, namespace).apply(1)
    producer = Producer(plain_producer_settings(bootstrap))
    topic = REDEMPTION_BALANCES.named(namespace)
    size = 0
    for key, row in rows(count):
        size += len(key) + len(row)
        while True:
            try:
                producer.produce(topic, row, key.encode(), partition=0)
                break
            except BufferError:
                producer.poll(0.1)
    row = Progress(next=count).encode()
    memory = REDEMPTION_MEMORY.named(namespace)
    producer.produce(memory, row, progress_key(REDEMPTION_COMMANDS.name).encode(), partition=0)
    assert producer.flush(60) == 0
    return size


def restored(log: KafkaLog, store: Store) -> Partition:
    """Restore as a worker does."""
    held = partition(store)
    reader = log.reader()
    held.begin_restore(reader, TOPICS)
    while not held.restore_slice(reader):
        pass
    return held


def restore(count: int, folder: Path) -> dict[str, Any]:
    """On the broker that tests take."""
    with infrastructure(say=print) as infra:
        return restore_on(infra.bootstrap, count, folder)


def restore_on(bootstrap: str, count: int, folder: Path) -> dict[str, Any]:
    """Into memory, into RocksDB, and then from the warm RocksDB store, opened anew."""
    figures: dict[str, Any] = {"rows": count, "memory": {}, "rocksdb": {}, "warm": {}}
    namespace = f"b{uuid.uuid4().hex[:8]}"
    size = published(bootstrap, namespace, count)
    log = KafkaLog(bootstrap, namespace)
    for kind, make in _stores(folder).items():
        store = make()
        gc.collect()
        with measured(figures[kind], size):
            held = restored(log, store)
        figures[kind]["next_due"] = held.agenda.next_due() if held.agenda else None
        assert held.progress.next == count
        store.close()
        del store, held
    with measured(figures["warm"], 0):
        store = _stores(folder)["rocksdb"]()
        held = restored(log, store)
    assert held.progress.next == count
    assert held.agenda is not None
    assert held.agenda.next_due() == figures["rocksdb"]["next_due"]
    store.close()
    return figures


def _stores(folder: Path) -> dict[str, Callable[[], Store]]:
    return {
        "memory": MemoryStore,
        "rocksdb": lambda: RocksStore(folder, "bench", budget()),
    }


def memory(count: int, folder: Path) -> dict[str, Any]:
    """Resident memory with so many accounts in RocksDB: while filling, reading and writing."""
    figures: dict[str, Any] = {"rows": count, "start_mib": resident_mib()}
    store = RocksStore(folder, "bench", budget())
    held = partition(store)
    assert held.agenda is not None
    taken: list[tuple[str, bytes | None]] = []
    size, highest = 0, 0
    with measured(figures, count * 893):
        for key, row in rows(count):
            taken.append((key, row))
            size += len(key) + len(row)
            if len(taken) == SLICE:
                held.agenda.take(taken)
                store.restore(taken)
                taken = []
                highest = max(highest, resident_mib())
        held.agenda.take(taken)
        store.restore(taken)
        store.reached(Standing({}, b"{}"))
    figures["filled_mib"], figures["mb"] = resident_mib(), size // MB
    figures |= _used(store, count)
    figures["highest_mib"] = max(highest, resident_mib(), figures["used_mib"])
    store.close()
    return figures


def _used(store: RocksStore, count: int) -> dict[str, Any]:
    """Reads of any account, then batches of a thousand changed rows."""
    chance = random.Random(1)
    chosen = {chance.randrange(count) for _ in range(READS)}
    keys = [key for number, (key, _) in enumerate(rows(count)) if number in chosen]
    chance.shuffle(keys)
    began = time.perf_counter()
    assert all(store.get(key) is not None for key in keys)
    reading = (time.perf_counter() - began) / len(keys)
    changed = [(key, store.get(key)) for key in keys]
    began = time.perf_counter()
    for start in range(0, len(changed), 1_000):
        store.apply(changed[start : start + 1_000], Standing({"t": start}, b"{}"))
    writing = (time.perf_counter() - began) / len(changed)
    return {
        "us_per_read": round(reading * 1e6, 1),
        "us_per_row_applied": round(writing * 1e6, 1),
        "used_mib": resident_mib(),
    }


def main() -> None:
    """What to measure, how many rows, where the files go."""
    what, count, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    print(json.dumps({"restore": restore, "memory": memory}[what](count, folder)))


if __name__ == "__main__":
    main()
