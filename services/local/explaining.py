"""Runs a command, and tells what goes wrong around it; what can go wrong is loaded when it has."""

import logging
import sys
from collections.abc import Callable
from types import TracebackType

import structlog


class Explaining:
    """Holds a command's exit status and, where something was refused or is missing, a sentence."""

    def __init__(self) -> None:
        self.status = 0
        self.sentence: str | None = None

    def __enter__(self) -> "Explaining":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        cause: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(cause, Exception):
            return False
        # Every client, database and installer has errors of its own: half a second to load.
        from services.local.failures import sentence_of  # noqa: PLC0415

        said = sentence_of(cause)
        if said is None:
            return False
        self.status, self.sentence = said
        return True


def explained(run: Callable[[], int]) -> tuple[int, str | None]:
    """Run it: the exit status, and a sentence where something was refused or is missing."""
    _quiet()
    with Explaining() as told:
        told.status = run()
    return told.status, told.sentence


def _quiet() -> None:
    """Standard output is the answer's; what the runtime logs at least warns."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
