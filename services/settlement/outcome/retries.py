"""When what fell due and did not go through is tried again: ever later, within a bound."""

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from schemas.instants import MINUTE, SECOND

FIRST: Final = 5 * SECOND
LONGEST: Final = 10 * MINUTE
Due = TypeVar("Due", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Retry:
    """Tried so many times, the last time at `tried_at`; again at `again_at` (ms UTC)."""

    tries: int
    tried_at: int
    again_at: int


class Retries(Generic[Due]):
    """What waits for its next try, in one process: a new one tries everything at once."""

    def __init__(self) -> None:
        self._waiting: dict[Due, Retry] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def of(self, due: Due) -> Retry | None:
        """How far it is; None: it does not wait."""
        return self._waiting.get(due)

    def may(self, due: Due, now: int) -> bool:
        """May it be tried at `now`? A clock that was set back makes nothing wait longer."""
        retry = self._waiting.get(due)
        return retry is None or not retry.tried_at <= now < retry.again_at

    def failed(self, due: Due, now: int) -> None:
        """It did not go through."""
        before = self._waiting.get(due)
        tries = 1 if before is None else before.tries + 1
        wait = min(FIRST << min(tries - 1, 16), LONGEST)
        self._waiting[due] = Retry(tries, now, now + wait)

    def done(self, due: Due) -> None:
        """It went through."""
        self._waiting.pop(due, None)

    def only(self, dues: Collection[Due]) -> None:
        """What is due no longer waits no longer: somebody else has seen to it."""
        self._waiting = {due: retry for due, retry in self._waiting.items() if due in dues}
