"""Forks service processes from one that has imported everything, so that a start costs no second.

Run as a program: ``python -m tests.crash.zygote``. It reads orders, one JSON object a line, on its
input: ``{"start": name, "program": service, "arguments": […], "environment": {…}, "log": path}``,
and ``"file_bytes_max"`` where its files shall not grow beyond a size.
It answers ``{"name": …, "pid": …}`` and, when a process has ended, ``{"name": …, "ended": status}``
(negative: by a signal). When its input ends it takes its processes with it.
"""

import ctypes
import json
import os
import resource
import select
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import services.issuance.worker
import services.ledger.worker
import services.redemption.worker
import services.settlement.worker
from services.runtime.partitions import Partition
from services.runtime.process import run_process
from tests.crash.settling import settle_until_closed

PR_SET_PDEATHSIG = 1
LOOK_SECONDS = 0.05


def forgetful() -> int:
    """Redemption with a fault: restored, an account is what it was at first; its money is back."""
    take = Partition._take

    def first_only(self: Partition, rows: Sequence[tuple[bytes | None, bytes | None]]) -> None:
        known: set[bytes | None] = set()
        kept = []
        for key, value in rows:
            name = (key or b"").decode()
            if "/" in name or (key not in known and self.store.get(name) is None):
                kept.append((key, value))
            known.add(key)
        take(self, kept)

    Partition._take = first_only
    return run_process("redemption", services.redemption.worker.loops)


PROGRAMS: dict[str, Callable[[], int]] = {
    "issuance": lambda: run_process("issuance", services.issuance.worker.loops),
    "redemption": lambda: run_process("redemption", services.redemption.worker.loops),
    "ledger": lambda: run_process("ledger", services.ledger.worker.loops),
    "settlement": lambda: run_process("settlement", services.settlement.worker.loops),
    "settling": settle_until_closed,
    "forgetful": forgetful,
}


def main() -> int:
    """Serve until the input ends."""
    children: dict[int, str] = {}
    waiting = b""
    try:
        while True:
            ready, _, _ = select.select([0], [], [], LOOK_SECONDS)
            if ready:
                received = os.read(0, 65_536)
                if not received:
                    return 0
                *orders, waiting = (waiting + received).split(b"\n")
                for order in orders:
                    _start(json.loads(order), children)
            _report_ends(children)
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)


def _start(order: dict[str, Any], children: dict[int, str]) -> None:
    zygote = os.getpid()
    pid = os.fork()
    if pid == 0:
        _be(order, zygote)
    children[pid] = order["start"]
    _say({"name": order["start"], "pid": pid})


def _be(order: dict[str, Any], zygote: int) -> NoReturn:
    status = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() == zygote:
            log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            if order.get("file_bytes_max"):
                resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_bytes_max"],) * 2)
            os.environ.clear()
            os.environ.update(order["environment"])
            sys.argv = [order["program"], *order["arguments"]]
            status = PROGRAMS[order["program"]]()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _report_ends(children: dict[int, str]) -> None:
    while children:
        pid, ended = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        _say({"name": children.pop(pid), "ended": os.waitstatus_to_exitcode(ended)})


def _say(answer: dict[str, Any]) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
