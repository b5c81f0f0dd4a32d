"""A small world on the unruly log, where what goes wrong is planned to the step."""

from collections.abc import Callable, Sequence
from random import Random

from schemas.topics import ISSUANCE_COMMANDS, ISSUANCE_EVENTS
from services.issuance.worker import SPEC as ISSUANCE
from services.runtime.murmur2 import partition_of
from services.runtime.worker import Worker
from tests.simulation.faults import Deed, Faults
from tests.simulation.faulty_log import FaultyLog
from tests.simulation.seat import CrashAtSeat, Seat
from tests.small_world import PARTITIONS, SmallWorld, money, prepared

HOME = (ISSUANCE_COMMANDS.name, partition_of(b"c1", PARTITIONS))


class Planned(Faults):
    """No chance: what is planned for a boundary happens at its next pass, once."""

    def __init__(self) -> None:
        super().__init__(Random(0), rates={})
        self.plan: dict[str, Callable[[], None] | str] = {}

    def at(self, process: str, boundary: str, batch: Sequence[Deed] = ()) -> str | None:
        planned = self.plan.pop(boundary, None)
        if planned is None or isinstance(planned, str):
            return planned
        planned()
        return None


class Town:
    """A small world whose workers sit at seats of one unruly log, with card c1 in stock."""

    def __init__(self) -> None:
        self.world = SmallWorld()
        self.log = FaultyLog(PARTITIONS, Random(0), self.world.clock.now)
        self.log.calm = True
        self.world.memory = self.log
        self.world.publish_policy()
        prepared(self.world, "c1")

    def worker(self, slot: str, faults: Planned | None = None) -> Worker:
        """A worker of issuance in a slot."""
        seat = Seat(self.log, faults or Planned(), slot)
        self.world.log = seat
        return self.world.worker(ISSUANCE, slot, CrashAtSeat(seat))

    def put_out(self, slot: str) -> None:
        """The session of a slot's member is over."""
        group = "scrip-issuance"
        instance = f"scrip-issuance-{slot}"
        (member,) = [m for m in self.log.groups[group].members if m.instance == instance]
        self.log.expel(group, member)

    def prepared(self) -> int:
        """How many cards have come into stock."""
        return len(self.world.read(ISSUANCE_EVENTS))


def sell(world: SmallWorld, card: str, id: str) -> None:
    """Both phases of a sale at F1."""
    world.send("sell_card", card, id, value=money(2500), tender="cash", place={"location": "F1"})


def work_until(worker: Worker, done: Callable[[], bool]) -> None:
    """Until it has come so far."""
    for _ in range(1_000):
        if done():
            return
        worker.tick()
    raise AssertionError("it never comes so far")


def settle(worker: Worker) -> None:
    """Until nothing moves and all is restored."""
    for _ in range(1_000):
        if not worker.tick() and worker.ready():
            return
    raise AssertionError("no rest")
