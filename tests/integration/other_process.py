"""Servers of another process, looked at from outside while it runs and after it was ended."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deploy.embedded.places import reachable

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("run_infrastructure.py")
POLL_SECONDS_MAX = 90.0


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + POLL_SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline, f"not within {POLL_SECONDS_MAX:.0f} s: {what}"
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # A process that ended and was not waited for yet holds nothing any more.
    return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z"


def interpreter_for(uid: int) -> str | None:
    """A Python that this user can run: ours, or the system's of the same version."""
    ours = Path(sys.executable)
    if reachable(ours.parent, uid) and reachable(ours.resolve().parent, uid):
        return str(ours)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    systems = Path("/usr/bin") / name
    return str(systems) if systems.exists() else None


@contextmanager
def another_process(
    *arguments: str,
    user: int | None = None,
    home: Path | None = None,
    interpreter: str = sys.executable,
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run the program that takes an infrastructure, with embedded servers, until the block ends."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"SCRIP_KAFKA", "SCRIP_POSTGRES"}
    }
    environment |= {"PYTHONPATH": f"{ROOT}:{packages()}", "DOCKER_HOST": "unix:///nobody/listens"}
    if home is not None:
        environment |= {"HOME": str(home), "TMPDIR": str(home), "SCRIP_CACHE": str(home / "cache")}
    process = subprocess.Popen(
        [interpreter, str(PROGRAM), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the program ended before its servers answered"
        yield process, json.loads(line)
    finally:
        process.kill()
        process.wait()


def assert_nothing_is_left(taken: dict[str, Any]) -> None:
    until(lambda: all(map(is_gone, taken["pids"])), "its servers have ended")
    until(lambda: not any(map(os.path.exists, taken["folders"])), "its folders are gone")


def packages() -> Path:
    """Where the installed packages are, for a Python that is not this environment's."""
    spec = find_spec("pytest")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parents[1]
