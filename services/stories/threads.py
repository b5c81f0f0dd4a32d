"""Loops in threads of this process, counted, and heard when one of them breaks."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Protocol

TICK_SECONDS: Final = 0.02


class BrokenLoopError(RuntimeError):
    """A service's loop has ended by an error; the story cannot go on."""


class Loop(Protocol):
    """Something that goes round."""

    def tick(self, timeout: float) -> bool:
        """One round."""
        ...

    def close(self) -> None:
        """End in order."""
        ...


class Threads:
    """Runs each loop in a thread of its own, made there, until `stop`."""

    def __init__(self, makers: Mapping[str, Callable[[], Loop]]) -> None:
        self.loops: dict[str, Loop] = {}
        self._rounds = dict.fromkeys(makers, 0)
        self._ending = threading.Event()
        self._pool = ThreadPoolExecutor(len(makers))
        self._running: dict[str, Future[None]] = {
            name: self._pool.submit(self._run, name, make) for name, make in makers.items()
        }

    def rounds(self) -> dict[str, int]:
        """How often each loop has gone round. Raises BrokenLoopError."""
        for name, running in self._running.items():
            if running.done() and (error := running.exception()) is not None:
                raise BrokenLoopError(f"{name}: {type(error).__name__}: {error}") from error
        return dict(self._rounds)

    def stop(self) -> None:
        """End every loop after its round."""
        self._ending.set()
        self._pool.shutdown(wait=True)

    def _run(self, name: str, make: Callable[[], Loop]) -> None:
        loop = make()
        self.loops[name] = loop
        try:
            while not self._ending.is_set():
                loop.tick(TICK_SECONDS)
                self._rounds[name] += 1
        finally:
            loop.close()
