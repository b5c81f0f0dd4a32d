"""Porcupine, the checker others trust, as a program built from pinned modules where Go is."""

import os
import shutil
import subprocess
from pathlib import Path

import orjson

from tests.linearizability.account import History

SOURCE = Path(__file__).with_name("porcupine")
BUILD_SECONDS_MAX = 120.0
CHECK_SECONDS_MAX = 60


class NoGoError(RuntimeError):
    """Go is not on PATH, or its modules cannot be had: this checker is left out."""


def build(folder: Path) -> Path:
    """The program. Raises NoGoError, CalledProcessError with what the compiler said."""
    go = shutil.which("go")
    if go is None:
        raise NoGoError("no go on PATH")
    program = folder / "porcupine"
    fetched = subprocess.run(
        [go, "mod", "download"],
        cwd=SOURCE,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS_MAX,
        check=False,
    )
    if fetched.returncode:
        raise NoGoError(f"its modules cannot be had: {fetched.stderr.strip()[-200:]}")
    subprocess.run(
        [go, "build", "-mod=readonly", "-trimpath", "-o", str(program), "."],
        cwd=SOURCE,
        check=True,
        timeout=BUILD_SECONDS_MAX,
        env={**os.environ, "GOFLAGS": ""},
    )
    return program


def violated(program: Path, history: History) -> list[str]:
    """The accounts whose history is not linearizable. Raises RuntimeError if it cannot tell."""
    written = orjson.dumps(
        {"opening": history.opening, "operations": [one.as_json() for one in history.operations]}
    )
    accounts = max(1, len(history.opening))
    ended = subprocess.run(
        [str(program), str(CHECK_SECONDS_MAX)],
        input=written,
        capture_output=True,
        timeout=CHECK_SECONDS_MAX * accounts + 10,
        check=False,
    )
    said = ended.stdout.decode()
    if ended.returncode not in (0, 1):
        raise RuntimeError(f"porcupine could not tell: {said}{ended.stderr.decode()}")
    verdicts = dict(line.rsplit(" ", 1) for line in said.splitlines())
    assert set(verdicts) == set(history.opening), said
    return sorted(name for name, verdict in verdicts.items() if verdict == "violated")
