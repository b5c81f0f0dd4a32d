"""Keeps one server process and makes sure that it does not outlive whoever asked for it.

Run as a program of its own by `guarded.py`, with nothing but the standard library:
``python -I -S guard.py OWNER_PID LAST_SIGNAL REMOVE LOG UID ARGV...``

It reads orders from its input (``start``, ``signal N``) and answers on its output (``pid N``,
``ended N``). The end of its input, or another parent than at the start, means that the owner is
gone, be it by kill -9: the server gets LAST_SIGNAL, then SIGKILL, and the folder REMOVE goes too.
It is a process, not a thread, because the kernel's parent-death signal is tied to the thread that
started a process, and because a killed owner can clean nothing up itself.
"""

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time

GRACE_SECONDS_MAX = 20.0
ORPHAN_SECONDS_MAX = 5.0
PARENT_CHECK_SECONDS = 1.0
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main(arguments: list[str]) -> int:
    """Serve orders until the owner is gone; 0 when nothing was left behind."""
    owner, last_signal, remove, log, uid, *argv = arguments
    _take_in_orphans()
    wakeup = _wake_on_child_end()
    server = Server(argv, log, int(uid))
    while os.getppid() == int(owner):
        ready, _, _ = select.select([0, wakeup], [], [], PARENT_CHECK_SECONDS)
        if wakeup in ready:
            os.read(wakeup, 4096)
        server.report_end()
        if 0 in ready and not server.obey(os.read(0, 4096)):
            break
    server.end(int(last_signal))
    _reap_orphans()
    if remove:
        shutil.rmtree(remove, ignore_errors=True)
    return 0


class Server:
    """The one process kept here; it may be started again after it ended."""

    def __init__(self, argv: list[str], log: str, uid: int) -> None:
        self._argv = argv
        self._log = log
        self._uid = uid
        self._process: subprocess.Popen[bytes] | None = None
        self._orders = b""

    def obey(self, received: bytes) -> bool:
        """Carry out complete orders; false at the end of input."""
        if not received:
            return False
        *orders, self._orders = (self._orders + received).split(b"\n")
        for order in orders:
            verb, _, argument = order.decode().partition(" ")
            if verb == "start":
                self._start()
            elif verb == "signal" and self._process is not None:
                self._process.send_signal(int(argument))
        return True

    def report_end(self) -> None:
        """Tell the owner once that the process has ended."""
        if self._process is not None and self._process.poll() is not None:
            _say(f"ended {self._process.returncode}")
            self._process = None

    def end(self, last_signal: int) -> None:
        """Ask the process to end, and end it if it does not."""
        if self._process is None:
            return
        self._process.send_signal(last_signal)
        try:
            self._process.wait(GRACE_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> None:
        identity = None if self._uid < 0 else self._uid
        # preexec_fn is safe here: this program has one thread.
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
                preexec_fn=_end_with_guard if sys.platform == "linux" else None,  # noqa: PLW1509
                user=identity,
                group=identity,
                extra_groups=None if identity is None else [],
            )
        _say(f"pid {self._process.pid}")


def _say(line: str) -> None:
    try:
        os.write(1, line.encode() + b"\n")
    except BrokenPipeError:
        # The owner is gone: the loop sees that by itself and cleans up.
        return


def _take_in_orphans() -> None:
    """Become the parent of whatever the server leaves behind, so that it can be waited for."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_with_guard() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _wake_on_child_end() -> int:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    # The owner decides when this ends; a Ctrl-C meant for the owner must not get in between.
    # Not SIG_IGN: that would be inherited by the server, which then could not be asked to end.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return reader


def _reap_orphans() -> None:
    """Wait for what the server left behind: a database's workers see its end by themselves."""
    deadline = time.monotonic() + ORPHAN_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
