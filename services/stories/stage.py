"""Where a story is played: the ports that the memory world and the live one both have."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Engine

from services.runtime.ports import StateReader
from services.runtime.records import Staged
from services.settlement.delivery.operations import Desk


class Stage(Protocol):
    """All services at work on one log and one database, under one clock."""

    @property
    def partitions(self) -> int:
        """Of every topic but the policy's."""
        ...

    @property
    def reader(self) -> StateReader:
        """Reads any topic, committed records only."""
        ...

    @property
    def engine(self) -> Engine:
        """The database."""
        ...

    @property
    def desk(self) -> Desk:
        """Where settlement runs are worked on."""
        ...

    def publish(self, records: Sequence[Staged]) -> None:
        """Write records as they are, with their timestamps."""
        ...

    def settle(self) -> None:
        """Let every service work until nothing moves any more."""
        ...

    def move(self, now: int) -> None:
        """The clock stands at `now` (ms UTC): in every partition, and for whoever asks."""
        ...

    def restart(self) -> None:
        """Every worker stops, and new ones restore themselves."""
        ...

    def close(self) -> None:
        """End everything."""
        ...
