"""The disk under a worker's store is full: it stops, says so, and nothing of it is half done.

A small tmpfs is the disk where one may be mounted (root); else no file may grow beyond a limit.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.runtime.process import EXIT_BROKEN
from tests.crash.fleet import Fleet
from tests.crash.groups import Commits, until
from tests.crash.publishing import Channel
from tests.crash.resting import rests
from tests.crash.rota import ALL
from tests.crash.stores import checked
from tests.crash.tally import DISK_FULL
from tests.crash.trading import Trade

LONG = bool(os.environ.get("SCRIP_LONG"))
ROUNDS = 5
RATE = 100
CARDS = [f"card-{i}" for i in range(24)]
DISK_BYTES = 64 << 20
FILE_BYTES_MAX = 400_000
NAME = "redemption/a"


@dataclass
class Disk:
    """A folder that can be full: a mounted one with ballast, or by a limit to each file."""

    folder: Path
    mounted: bool
    limit: int | None = None

    def fill(self) -> None:
        """No room is left; where only a limit can do that, for who starts from now on."""
        if not self.mounted:
            self.limit = FILE_BYTES_MAX
            return
        with pytest.raises(OSError, match="No space left"):
            write_on(self.folder / "ballast")

    def clear(self) -> None:
        """There is room again."""
        self.limit = None
        (self.folder / "ballast").unlink(missing_ok=True)


def write_on(path: Path) -> None:
    """As much as there is room for."""
    with path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """An empty one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "scrip-test", str(folder)]
    able = shutil.which("mount") is not None
    mounted = able and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    yield Disk(folder, mounted)
    if mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.skipif(not LONG, reason="disks are filled and cleared: make crash")
@pytest.mark.timeout(400)
def test_a_worker_whose_disk_is_full_stops_and_goes_on_when_there_is_room(
    fleet_of: Callable[[str], Fleet], disk: Disk
) -> None:
    fleet = fleet_of("full")

    def start() -> None:
        stores = {"SCRIP_STORE": "rocksdb", "SCRIP_STORE_FOLDER": str(disk.folder)}
        fleet.start(NAME, None, (), stores, disk.limit)

    for name in ALL[1:]:
        fleet.start(name)
    start()
    channel, commits = Channel(fleet.machine), Commits(fleet.machine)
    channel.issue(CARDS, 1_000_000)
    trade = Trade(channel, CARDS, RATE, 8)
    trade.start()
    for _ in range(ROUNDS):
        commits.on_all()
        disk.fill()
        if disk.limit:
            fleet.kill(NAME)
            start()
        until(lambda: fleet.finished(NAME) is not None, lambda: "it goes on with a full disk")
        assert fleet.finished(NAME) == EXIT_BROKEN, fleet.log_end(NAME)
        assert "StoreBrokenError" in fleet.log_end(NAME)
        fleet.tally.faults[DISK_FULL] += 1
        disk.clear()
        start()
    commits.on_all()
    commits.close()
    trade.end()
    facts = rests(fleet)
    fleet.stop()
    rows = checked(fleet.machine, disk.folder)
    assert rows > len(CARDS)
    how = "tmpfs" if disk.mounted else "limit to each file"
    print(f"\ndisk full {ROUNDS} times ({how}): {facts} facts, 0 violations; {rows} rows as logged")
