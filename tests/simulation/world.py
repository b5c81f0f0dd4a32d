"""The simulated world: processes that live, stand still and die on one broker and one database.

Nothing runs at the same time. A process that freezes inside a call stands still while the rest of
the world goes on within that call; then it goes on where it was, a zombie perhaps.
"""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Final

from sqlalchemy import select

from schemas.topics import REDEMPTION_EVENTS, SETTLEMENT_ITEMS
from services.runtime.ports import FencedError, TopicPartition
from services.settlement.tables import progress
from tests.simulation.channels import Delivery
from tests.simulation.disks import Disks
from tests.simulation.faults import Faults, Killed
from tests.simulation.faulty_log import FaultyLog
from tests.simulation.network import DAY, HOUR, MINUTE, SECOND, START
from tests.simulation.processes import Process, Site, SkewedClock, start
from tests.simulation.seat import Seat

FROZEN_MAX: Final = 3
NAPS_MAX: Final = (10, 40, 120)
STEPS_MAX: Final = 6_000
ROUNDS_MAX: Final = 3_000
TOLD_MAX: Final = 60
# Until entries have settled and every return window has ended.
RUNS: Final = (5 * DAY, 5 * DAY)


class RestlessError(AssertionError):
    """After the faults stopped, the services did not come to rest."""


class World:
    """One seed's world; `watch` is called with the partitions where something was
    committed, and raises what must not be.
    """

    def __init__(
        self,
        seed: int,
        deliveries: list[Delivery],
        faults: Faults,
        site: Site,
        *,
        patient: bool = False,
    ) -> None:
        self.now = deliveries[0].at if deliveries else START
        self.site = site
        self.disks = Disks()
        self.log = FaultyLog(site.scene.partitions, Random(f"{seed}/log"), lambda: self.now)
        self.faults = faults
        self.told: deque[str] = deque(maxlen=TOLD_MAX)
        self.watch: Callable[[set[TopicPartition]], None] = lambda places: None
        self.processes: list[Process] = []
        self._chance = Random(f"{seed}/schedule")
        self._clocks = Random(f"{seed}/clocks")
        self._deliveries = deque(deliveries)
        self._patient = patient
        self._births = 0
        self._seen = 0
        self._quiet = 0
        self._frozen: list[Process] = []
        faults.freeze = self._freeze

    def play(self, faults_min: int) -> None:
        """Until all is delivered and enough has gone wrong; then all heals and comes to rest."""
        for role in self.site.scene.roles:
            self._birth(role, "0")
            if self.site.scene.crowd or self._chance.random() < 0.3:
                self._birth(role, "1")
        while self._deliveries or sum(self.faults.struck.values()) < faults_min:
            self.step()
            if self.faults.step > STEPS_MAX:
                break
        self.heal()

    def step(self) -> None:
        """Something happens."""
        self.faults.step += 1
        running = [p for p in self.processes if p.state == "running"]
        drawn = self._chance.random()
        if self._deliveries and drawn < self._haste(len(running)):
            self._deliver()
        elif drawn > 0.92 or not running:
            self._disturb(running)
        else:
            self._tick(self._chance.choice(running))
        self.look()

    def _haste(self, running: int) -> float:
        """How likely something arrives now: seldom while what came before is not dealt with."""
        if self._patient:
            return float(not self.log.behind() and self._quiet > running)
        if self._deliveries[0].order is not None:
            return 0.9 if self._caught_up() else 0.02 / max(running, 1)
        return 0.06 / max(running, 1) if self.log.behind() else 0.6

    def _caught_up(self) -> bool:
        """Has what was used become items, and have those come into the database?"""
        if self.log.behind() or not self.log.passed("settlement", REDEMPTION_EVENTS.name):
            return False
        assert self.site.engine is not None
        columns = (progress.c.partition, progress.c.next_offset)
        chosen = select(*columns).where(progress.c.topic == SETTLEMENT_ITEMS.name)
        with self.site.engine.connect() as connection:
            reached = {row[0]: row[1] for row in connection.execute(chosen)}
        numbers = range(self.site.scene.partitions)
        return all(reached.get(n, 0) > self.log.last(SETTLEMENT_ITEMS.name, n) for n in numbers)

    def heal(self) -> None:
        """No more faults: the dead are put out, everything starts again and works to the end."""
        self.faults.on = False
        self.log.calm = True
        for identity in self.log.open():
            self.log.expire(identity)
        while self._deliveries:
            self._deliver()
        self.settle()
        # What has fallen due by now is swept in time, also by machines whose clocks are behind,
        # and again where a clock that is ahead sent it too early, or the batch was dropped.
        for pause in (MINUTE, HOUR, MINUTE, *(RUNS if self.site.scene.has_runs else ())):
            self.now += pause
            self.settle()

    def settle(self) -> None:
        """Go round until nothing moves; who dies even now (a fenced zombie) is replaced."""
        for _ in range(ROUNDS_MAX):
            self.faults.step += 1
            for process in self.processes:
                self._put_out(process)
            for role in self.site.scene.roles:
                if not self._alive(role, "0"):
                    self._birth(role, "0")
            running = [p for p in self.processes if p.state == "running"]
            moved = [p.name for p in running if self._tick(p)]
            self.look()
            unready = [p.name for p in running if not p.loop.ready()]
            if not moved and not unready:
                return
        raise RestlessError(f"moving: {moved}, not ready: {unready}")

    def close(self) -> None:
        """Nobody holds anything any more."""
        for process in self.processes:
            process.give_back()

    def look(self) -> None:
        """Have what was committed since the last look checked."""
        if self.log.decided != self._seen:
            self._seen = self.log.decided
            fresh, self.log.fresh = self.log.fresh, set()
            self.watch(fresh)

    def _tick(self, process: Process) -> bool:
        try:
            if process.loop is None:
                skew = self._chance.randrange(-20, 21) * SECOND
                clock = SkewedClock(lambda: self.now, skew, self._clocks)
                start(process, self.site, self.disks, clock)
                self.told.append(f"{self.faults.step}: {process.name} starts")
                return True
            moved = bool(process.loop.tick())
            self._quiet = 0 if moved else self._quiet + 1
        except Killed:
            self._die(process, "killed")
            return True
        except FencedError:
            self._die(process, "fenced")
            return True
        except Exception as cause:
            if not process.seat.doubtful:
                raise
            # Its database had taken something and does not have it: it may stop, loudly.
            self._die(process, f"stopped by {type(cause).__name__}")
            return True
        if moved:
            self.told.append(f"{self.faults.step}: {process.name} works")
        return moved

    def _deliver(self) -> None:
        for number in range(1 if self._patient else self._chance.choice((1, 1, 2, 5))):
            if not self._deliveries or (number and self._deliveries[0].order is not None):
                return
            delivery = self._deliveries.popleft()
            self.now = max(self.now, delivery.at)
            if delivery.order is not None:
                self.site.tray.append(delivery.order)
            for staged in delivery.records:
                self.log.append(staged)
            self.told.append(f"{self.faults.step}: arrives: {delivery.said}")

    def _freeze(self, process: str) -> None:
        """Stand still here while the world goes on; who was silent too long loses its place."""
        sleeper = next(p for p in self.processes if p.name == process)
        if len(self._frozen) >= FROZEN_MAX or sleeper.state != "running":
            return
        sleeper.state = "frozen"
        self._frozen.append(sleeper)
        self.told.append(f"{self.faults.step}: {process} stands still")
        lot = self._chance.random()
        if lot < 0.5:
            self._put_out(sleeper)
            if lot < 0.25:
                self._birth(sleeper.role, sleeper.slot)
        elif lot < 0.8 and sleeper.seat.members:
            group, member = sleeper.seat.members[-1]
            # The coordinator may take all its partitions away while it stays a member.
            self.log.rebalance(group, member if self._chance.random() < 0.7 else None)
        for _ in range(self._chance.randrange(1, self._chance.choice(NAPS_MAX))):
            self.step()
        self._frozen.remove(sleeper)
        self.told.append(f"{self.faults.step}: {process} goes on")
        if sleeper.state == "dead":
            raise Killed(process)
        sleeper.state = "running"

    def _disturb(self, running: list[Process]) -> None:
        """What happens to processes between their steps."""
        dead = [p for p in self.processes if p.state == "dead"]
        missing = [r for r in self.site.scene.roles if not self._alive(r, "0")]
        drawn = self._chance.random()
        if missing and drawn < 0.6:
            self._birth(self._chance.choice(missing), "0")
        elif dead and drawn < 0.75:
            self._put_out(self._chance.choice(dead))
        elif drawn < 0.80:
            self._neglect()
        elif drawn < 0.87:
            role = self._chance.choice(self.site.scene.roles)
            if not self._alive(role, "1") and self.faults.may():
                self.faults.note("another joins", role)
                self._birth(role, "1")
        elif running:
            self._strike(self._chance.choice(running), drawn)

    def _neglect(self) -> None:
        """What brokers and disks do by themselves."""
        drawn = self._chance.random()
        if self.log.open() and drawn < 0.7:
            identity = self._chance.choice(self.log.open())
            if self.faults.may():
                self.log.expire(identity)
                self.faults.note("transaction timed out", identity)
        elif drawn < 0.85:
            self.look()
            if self.faults.may() and self.log.compact(self.now):
                self.faults.note("topics are compacted", "broker")
        elif self.site.scene.stores == "warm" and self.faults.may():
            self.faults.note("power is lost", "disks")
            self.disks.lose_power(self._chance)

    def _strike(self, process: Process, drawn: float) -> None:
        everybody = [p for p in self.processes if p.state == "running"]
        if not self.faults.may():
            return
        if drawn < 0.90:
            self.faults.note("kill", f"{process.name} between steps")
            self._die(process, "killed")
        elif drawn < 0.92 and process.loop is not None and process.slot != "0":
            self.faults.note("leaves", process.name)
            process.loop.close()
            process.state = "gone"
        elif drawn < 0.975 and process.seat.members:
            group = process.seat.members[0][0]
            self.faults.note("rebalance", group)
            self.log.rebalance(group)
        elif drawn < 0.985:
            self.faults.note("everything restarts", "all")
            for other in everybody:
                self._die(other, "killed")

    def _alive(self, role: str, slot: str) -> bool:
        return any(
            (p.role, p.slot) == (role, slot) and p.state == "running" for p in self.processes
        )

    def _birth(self, role: str, slot: str) -> None:
        self._births += 1
        self.processes = [p for p in self.processes if p.state != "gone"]
        seat = Seat(self.log, self.faults, f"{role}/{slot}#{self._births}")
        self.processes.append(Process(role, slot, self._births, seat))

    def _die(self, process: Process, how: str) -> None:
        process.state = "dead"
        process.give_back()
        self.told.append(f"{self.faults.step}: {process.name} is {how}")

    def _put_out(self, process: Process) -> None:
        """Its session is over: the group goes on without it. One that is dead is forgotten."""
        for group, member in process.seat.members:
            if member in self.log.groups[group].members and process.state != "running":
                self.log.expel(group, member)
        if process.state == "dead":
            process.state = "gone"
