"""Crash points: what may be asked for, and when a process dies of it."""

import os
import signal
import subprocess
import sys

import pytest

from services.runtime.crash import (
    EXIT_STATUS,
    CrashPointUnknownError,
    Point,
    crash_points,
    read_request,
)
from services.runtime.settings import SettingsRefusedError, read_settings

DIE = """
from services.runtime.crash import Point, crash_points
crash = crash_points("polled:3")
for passed in range(5):
    print(passed, flush=True)
    crash.at(Point.ASSIGNED)
    crash.at(Point.POLLED)
"""


def test_a_request_names_a_point_and_the_pass_it_dies_at() -> None:
    assert read_request("after_commit:17") == (Point.AFTER_COMMIT, 17, "die")
    assert read_request("after_commit") == (Point.AFTER_COMMIT, 1, "die")
    assert read_request("after_commit:2:freeze") == (Point.AFTER_COMMIT, 2, "freeze")


@pytest.mark.parametrize(
    "request_",
    ["after_comit:1", "after_commit:0", "after_commit:-1", ":2", "after_commit:1:sleep"],
)
def test_a_point_or_pass_that_does_not_exist_is_refused_at_start(
    request_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CrashPointUnknownError):
        crash_points(request_)
    monkeypatch.setenv("SCRIP_CRASH_AT", request_)
    with pytest.raises(SettingsRefusedError, match=r"crash point|no number from 1|no fate"):
        read_settings()


def test_a_process_dies_at_the_pass_it_was_asked_for_and_says_nothing_more() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", DIE], capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == EXIT_STATUS
    assert ended.stdout.split() == ["0", "1", "2"]


def test_a_process_freezes_at_its_pass_and_goes_on_when_it_is_woken() -> None:
    program = DIE.replace("polled:3", "polled:3:freeze")
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    _, stopped = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(stopped)
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=30)[0].split() == ["0", "1", "2", "3", "4"]
    assert process.returncode == 0


def test_without_a_request_nobody_crashes() -> None:
    crash = crash_points(None)
    for point in Point:
        crash.at(point)


def test_there_are_at_least_forty_points() -> None:
    assert len(Point) >= 40
