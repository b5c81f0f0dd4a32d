"""Named crash points: `SCRIP_CRASH_AT=point:n` ends the process at the n-th pass of a point."""

import os
from typing import Final, NoReturn, Protocol

EXIT_STATUS: Final = 86


class CrashPoints(Protocol):
    """Somebody who may end the process where it stands."""

    def at(self, point: str) -> None:
        """Pass a named point."""
        ...


class NoCrash:
    """Nobody crashes."""

    def at(self, point: str) -> None:
        """Go on."""


class CrashFromEnvironment:
    """Dies without a word (`os._exit`) at the point and pass that were asked for."""

    def __init__(self, request: str) -> None:
        point, _, count = request.partition(":")
        self._point = point
        self._left = int(count or 1)

    def at(self, point: str) -> None:
        """Die here, if this is the one."""
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                _die()


def crash_points(request: str | None) -> CrashPoints:
    """The crash points of a setting; None: nobody crashes."""
    return CrashFromEnvironment(request) if request else NoCrash()


def _die() -> NoReturn:
    os._exit(EXIT_STATUS)
