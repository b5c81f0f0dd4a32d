"""Calls that come back in time, also where the library below forgets its own time-out.

librdkafka's `send_offsets_to_transaction` may hang for good after the group's coordinator was away
(its issue 5456), whatever time-out it is given.
"""

import queue
import threading
from collections.abc import Callable


class CallHangsError(Exception):
    """The call did not come back in time; whoever made it must not be used again."""


class BoundedCalls:
    """Makes calls one at a time in a thread of its own, which is left behind when one hangs."""

    def __init__(self, name: str) -> None:
        self._asked: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._answered: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def call(self, action: Callable[[], None], seconds: float) -> None:
        """Make the call; what it raises is raised here; CallHangsError after `seconds`."""
        self._asked.put(action)
        try:
            failure = self._answered.get(timeout=seconds)
        except queue.Empty:
            raise CallHangsError(f"no answer in {seconds} s") from None
        if failure is not None:
            raise failure

    def close(self) -> None:
        """No more calls; a thread that hangs is left behind."""
        self._asked.put(None)

    def _serve(self) -> None:
        while (action := self._asked.get()) is not None:
            try:
                action()
            except BaseException as failure:
                self._answered.put(failure)
            else:
                self._answered.put(None)
