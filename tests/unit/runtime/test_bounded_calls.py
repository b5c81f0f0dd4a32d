"""A call that hangs is left behind; what a call raises is raised where it was asked for."""

import threading

import pytest

from services.runtime.bounded import BoundedCalls, CallHangsError


def test_a_call_that_hangs_is_given_up_in_time() -> None:
    never = threading.Event()
    with pytest.raises(CallHangsError):
        BoundedCalls("hangs").call(lambda: bool(never.wait()) and None, 0.05)


def test_what_a_call_raises_is_raised_and_the_next_call_goes_on() -> None:
    calls = BoundedCalls("raises")

    def fail() -> None:
        raise KeyError("here")

    with pytest.raises(KeyError, match="here"):
        calls.call(fail, 1.0)
    seen: list[int] = []
    calls.call(lambda: seen.append(1), 1.0)
    assert seen == [1]
    calls.close()
