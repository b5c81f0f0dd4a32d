"""A process: its loops run until a signal comes or one of them breaks; then all of it ends."""

import logging
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import structlog

from services.runtime.collector import Collector, leave_rows_alone
from services.runtime.metrics import serve_health
from services.runtime.ports import FencedError
from services.runtime.settings import Settings, SettingsRefusedError, read_settings

EXIT_BROKEN: Final = 1
EXIT_USAGE: Final = 2
EXIT_FENCED: Final = 4
JOIN_SECONDS: Final = 20.0

_log = structlog.get_logger()


class Loop(Protocol):
    """Something that goes round until it is told to stop."""

    def tick(self, timeout: float) -> bool:
        """One round of at most about `timeout` seconds; True when something happened."""
        ...

    def ready(self) -> bool:
        """Can it do its work now?"""
        ...

    def close(self) -> None:
        """End in order."""
        ...


Make = Callable[[], Loop]


class Process:
    """Runs named loops, each in a thread of its own, made there."""

    def __init__(self, loops: Mapping[str, Make]) -> None:
        self._loops = dict(loops)
        self._running: dict[str, Loop] = {}
        self._stop = threading.Event()
        self._status = 0
        self._collector = Collector()

    def stop(self) -> None:
        """Ask every loop to end after its round."""
        self._stop.set()

    def ready(self) -> bool:
        """Are all loops up and able to work?"""
        running = dict(self._running)
        return len(running) == len(self._loops) and all(loop.ready() for loop in running.values())

    def run(self) -> int:
        """Run until stopped; the exit status."""
        threads = [
            threading.Thread(target=self._go_round, args=(name, make), name=name, daemon=True)
            for name, make in self._loops.items()
        ]
        for thread in threads:
            thread.start()
        self._stop.wait()
        for thread in threads:
            thread.join(JOIN_SECONDS)
        return self._status

    def _go_round(self, name: str, make: Make) -> None:
        try:
            loop = make()
            self._running[name] = loop
            settled = False
            while not self._stop.is_set():
                busy = loop.tick(0.1)
                if not settled and loop.ready():
                    settled = True
                    leave_rows_alone()
                self._collector.after_round(busy)
            loop.close()
        except SettingsRefusedError as cause:
            _log.error("setting_refused", loop=name, cause=str(cause))
            self._status = EXIT_USAGE
        except FencedError as cause:
            _log.error("fenced", loop=name, cause=str(cause))
            self._status = EXIT_FENCED
        except Exception:
            # A broken world ends the process: nothing is committed, and the log still has it.
            _log.exception("broken", loop=name)
            self._status = EXIT_BROKEN
        finally:
            self._stop.set()


def run_process(service: str, loops: Callable[[Settings], Mapping[str, Make]]) -> int:
    """`python -m services.<name>`: settings, logs, signals, health, loops; the exit status.

    Arguments name the loops to run; none: all of them.
    """
    configure_logs(service)
    try:
        settings = read_settings()
        made = loops(settings)
    except SettingsRefusedError as cause:
        return _usage(service, str(cause))
    chosen = sys.argv[1:] or list(made)
    unknown = [name for name in chosen if name not in made]
    if unknown:
        return _usage(service, f"no loop {unknown[0]!r}; there are {', '.join(made)}")
    process = Process({name: made[name] for name in chosen})
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop())
    if settings.health_port is not None:
        serve_health(settings.health_port, process.ready)
    _log.info("started", loops=chosen, seals=settings.seals, clock=settings.clock)
    status = process.run()
    _log.info("stopped", status=status)
    return status


def _usage(service: str, fault: str) -> int:
    """Told to a person, before any log is of use."""
    sys.stderr.write(f"{service}: {fault}\n")
    return EXIT_USAGE


def configure_logs(service: str) -> None:
    """Logs are events with keys, one JSON object a line, on standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(service=service)
