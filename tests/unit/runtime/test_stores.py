"""What the runner relies on from a store: the same for memory, RocksDB and simulated disks."""

import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.runtime.ports import Standing, Store
from services.runtime.rocks_settings import budget
from services.runtime.rocks_store import PLACES_MAX, RocksStore, StoreBrokenError, StoreBusyError
from services.runtime.store import MemoryStore
from services.runtime.timeline import WINDOW
from tests.simulation.disks import Place, WarmStore
from tests.unit.runtime.killed_store import TOPIC, batch

ROOT = Path(__file__).parents[3]
KILLS = 6
Reopen = Callable[[], Store]


class Opened:
    """One store, and how a process that starts anew finds it."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._folder = folder
        self._memory = MemoryStore() if kind == "memory" else None
        self._place = Place() if kind == "simulated disk" else None
        self._rocks: RocksStore | None = None

    def again(self) -> Store:
        """Close it and open it."""
        if self._memory is not None:
            self._memory.close()
            return self._memory
        if self._place is not None:
            return WarmStore(self._place)
        self.close()
        self._rocks = RocksStore(self._folder, "same", budget(8))
        return self._rocks

    def close(self) -> None:
        """Give files back."""
        if self._rocks is not None:
            self._rocks.close()


@pytest.fixture(params=["memory", "rocksdb", "simulated disk"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    made = Opened(request.param, tmp_path / "store")
    yield made
    made.close()


def test_rows_are_found_changed_and_deleted(opened: Opened) -> None:
    store = opened.again()
    assert store.get("a") is None
    assert store.standing() is None
    store.apply([("a", b"1"), ("b", b"2"), ("ä/ö", b"\x00\xff")], Standing({TOPIC: 3}, b"{}"))
    store.apply([("a", b"3"), ("b", None), ("never", None)], Standing({TOPIC: 6}, b"{}"))
    assert (store.get("a"), store.get("b"), store.get("ä/ö")) == (b"3", None, b"\x00\xff")
    assert dict(store.scan()) == {"a": b"3", "ä/ö": b"\x00\xff"}


def test_a_store_opened_again_has_its_rows_and_its_place(opened: Opened) -> None:
    opened.again().apply([("a", b"1")], Standing({TOPIC: 3, "other": 7}, b"{1}"))
    opened.again().apply([("b", b"2")], Standing({TOPIC: 5}, b"{2}"))
    store = opened.again()
    assert dict(store.scan()) == {"a": b"1", "b": b"2"}
    standing = store.standing()
    assert standing is not None
    assert (standing.offsets, standing.progress) == ({TOPIC: 5, "other": 7}, b"{2}")


def test_what_is_restored_counts_once_its_end_is_reached(opened: Opened) -> None:
    store = opened.again()
    store.restore([("a", b"1"), ("b", b"2")])
    store.restore([("b", None)])
    assert store.standing() is None
    store.reached(Standing({TOPIC: 9}, b"{}"))
    store = opened.again()
    assert dict(store.scan()) == {"a": b"1"}
    standing = store.standing()
    assert standing is not None
    assert standing.offsets == {TOPIC: 9}


def test_of_rows_restored_at_once_the_last_of_a_key_counts(opened: Opened) -> None:
    store = opened.again()
    store.restore([("b", b"1"), ("a", b"9"), ("b", None), ("c", None), ("a", b"2"), ("c", b"3")])
    assert dict(store.scan()) == {"a": b"2", "c": b"3"}


def test_a_cleared_store_is_empty_and_starts_from_nothing(opened: Opened) -> None:
    store = opened.again()
    store.dues.add(1, "a")
    store.apply([("a", b"1")], Standing({TOPIC: 3}, b"{}"))
    store.clear("a test")
    assert list(store.scan()) == []
    assert store.standing() is None
    assert store.dues.first() is None
    store = opened.again()
    assert store.standing() is None


def test_entries_come_in_their_order_and_outlive_the_process(opened: Opened) -> None:
    store = opened.again()
    for at, key in [(30, "c"), (10, "b"), (10, "a"), (20, "gone")]:
        store.dues.add(at, key)
    store.apply([("a", b"1")], Standing({}, b"{}"))
    store = opened.again()
    assert [store.dues.take(20), store.dues.take(20)] == [(10, "a"), (10, "b")]
    entry = store.dues.take(20)
    assert entry == (20, "gone")
    store.dues.done(entry)
    assert store.dues.take(29) is None
    store.apply([], Standing({}, b"{}"))
    assert store.dues.first() == (30, "c")


def test_an_entry_that_was_taken_and_not_done_is_there_again_after_a_restart(
    tmp_path: Path,
) -> None:
    opened = Opened("rocksdb", tmp_path)
    store = opened.again()
    store.forgettings.add(10, "a")
    store.apply([("a", b"1")], Standing({}, b"{}"))
    assert store.forgettings.take(10) == (10, "a")
    assert store.forgettings.first() is None
    assert opened.again().forgettings.first() == (10, "a")
    opened.close()


def test_a_timeline_longer_than_its_window_loses_and_doubles_nothing(
    opened: Opened,
) -> None:
    chance = random.Random(3)
    store = opened.again()
    there: set[tuple[int, str]] = set()
    taken: list[tuple[int, str]] = []
    for round in range(8):
        for _ in range(WINDOW):
            entry = (chance.randrange(1_000 * (round + 1), 100_000), f"k{chance.randrange(5_000)}")
            there.add(entry)
            store.dues.add(*entry)
        store.apply([], Standing({}, b"{}"))
        while (taken_now := store.dues.take(1_000 * (round + 1) - 1)) is not None:
            taken.append(taken_now)
            store.dues.done(taken_now)
        if round == 4:
            store.apply([], Standing({}, b"{}"))
            store = opened.again()
    while (taken_now := store.dues.take(100_000)) is not None:
        taken.append(taken_now)
        store.dues.done(taken_now)
    assert len(taken) == len(set(taken))
    assert taken == sorted(there)


def test_a_store_killed_in_the_middle_of_a_batch_has_all_of_it_or_nothing(
    tmp_path: Path,
) -> None:
    chance = random.Random(7)
    folder, number = tmp_path / "store", 1
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.runtime.killed_store", str(folder), str(number)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        said = number - 1
        for _ in range(chance.randrange(1, 40)):
            said = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        said = max(said, *(int(line) for line in process.stdout.read().split()), 0)
        process.wait(10)
        store = RocksStore(folder, "same", budget(8))
        standing = store.standing()
        assert standing is not None
        number = standing.offsets[TOPIC]
        assert number >= said, "a batch that was applied is gone"
        assert dict(store.scan()) == {key: row for key, row in batch(number) if row is not None}
        assert standing.progress == b"%d" % number
        shelved = [store.dues.take(number + 1) for _ in range(number + 1)]
        assert shelved == [*((i, "row0") for i in range(1, number + 1)), None]
        store.close()
        number += 1


def _full(folder: Path) -> None:
    """Runs in a process of its own: no file may be longer than 300 kB."""
    store = RocksStore(folder, "same", budget(8))
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    number = 0
    try:
        while number < 1_000:
            store.apply(batch(number + 1), Standing({TOPIC: number + 1}, b"%d" % (number + 1)))
            number += 1
    except StoreBrokenError as cause:
        print(f"{number} {cause}")
        os._exit(3)
    os._exit(0)


def test_a_full_disk_stops_loudly_and_leaves_whole_batches_only(tmp_path: Path) -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            "import pathlib, sys; from tests.unit.runtime.test_stores import _full; "
            "_full(pathlib.Path(sys.argv[1]))",
            str(tmp_path / "store"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert ended.returncode == 3, ended.stderr
    done = int(ended.stdout.split()[0])
    assert "File too large" in ended.stdout
    store = RocksStore(tmp_path / "store", "same", budget(8))
    standing = store.standing()
    assert standing is not None
    assert standing.offsets[TOPIC] == done
    assert dict(store.scan()) == {key: row for key, row in batch(done) if row is not None}
    store.close()


def test_a_store_of_another_cluster_topic_or_namespace_is_thrown_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RocksStore(tmp_path, "cluster=a", budget(8))
    store.apply([("a", b"1")], Standing({TOPIC: 1}, b"{}"))
    store.close()
    store = RocksStore(tmp_path, "cluster=b", budget(8))
    assert (list(store.scan()), store.standing()) == ([], None)
    store.close()
    assert "it holds the rows of cluster=a" in capsys.readouterr().out


@pytest.mark.parametrize("where", ["CURRENT", "MANIFEST", "sst"])
def test_a_torn_store_is_thrown_away_and_rebuilt(
    tmp_path: Path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RocksStore(tmp_path, "same", budget(8))
    store.restore([(f"row{i}", os.urandom(300)) for i in range(5_000)])
    store.reached(Standing({TOPIC: 5_000}, b"{}"))
    store.close()
    (place,) = tmp_path.iterdir()
    torn = max((f for f in place.iterdir() if where in f.name), key=lambda f: f.stat().st_size)
    content = bytearray(torn.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(b ^ 0xFF for b in content[middle : middle + 64])
    torn.write_bytes(content)
    store = RocksStore(tmp_path, "same", budget(8))
    if where == "sst":  # seen when it is read: the process ends, and the next one rebuilds
        with pytest.raises(StoreBrokenError, match="Corruption"):
            _read_all(store)
        store.close()
        store = RocksStore(tmp_path, "same", budget(8))
    assert (list(store.scan()), store.standing()) == ([], None)
    store.close()
    assert "store_thrown_away" in capsys.readouterr().out


def _read_all(store: Store) -> None:
    for i in range(5_000):
        store.get(f"row{i}")


def test_a_restore_that_did_not_end_is_begun_anew(tmp_path: Path) -> None:
    store = RocksStore(tmp_path, "same", budget(8))
    store.restore([(f"row{i}", b"x" * 300) for i in range(1_000)])
    store._flush()
    store.close()
    store = RocksStore(tmp_path, "same", budget(8))
    assert (list(store.scan()), store.standing()) == ([], None)
    store.close()


def test_who_replaces_a_frozen_process_takes_the_next_place(tmp_path: Path) -> None:
    held = [RocksStore(tmp_path, "same", budget(8)) for _ in range(PLACES_MAX)]
    held[0].apply([("a", b"1")], Standing({TOPIC: 1}, b"{}"))
    assert held[1].standing() is None
    with pytest.raises(StoreBusyError, match="all 8 places"):
        RocksStore(tmp_path, "same", budget(8))
    for store in held:
        store.close()
    store = RocksStore(tmp_path, "same", budget(8))
    assert store.get("a") == b"1"
    store.close()
