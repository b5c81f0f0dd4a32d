"""The simulated world: processes that live, stand still and die on one broker and one database.

Nothing runs at the same time. A process that freezes inside a call stands still while the rest of
the world goes on within that call; then it goes on where it was, a zombie perhaps.
"""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Final

from sqlalchemy import Engine

from services.runtime.outbox_table import publish
from services.runtime.ports import FencedError
from tests.simulation.channels import Delivery
from tests.simulation.faults import Faults, Killed
from tests.simulation.faulty_log import FaultyLog
from tests.simulation.network import HOUR, MINUTE, PARTITIONS, SECOND
from tests.simulation.processes import ROLES, Process, SkewedClock, seated, start

FROZEN_MAX: Final = 3
NAPS_MAX: Final = (10, 40, 120)
STEPS_MAX: Final = 6_000
ROUNDS_MAX: Final = 3_000
TOLD_MAX: Final = 60


class RestlessError(AssertionError):
    """After the faults stopped, the services did not come to rest."""


class World:
    """One seed's world; `watch` is called when a step has
    committed something, and raises what must not be.
    """

    def __init__(self, seed: int, deliveries: list[Delivery], faults: Faults, engine: Engine):
        self.now = deliveries[0].at
        self.log = FaultyLog(PARTITIONS, Random(f"{seed}/log"), lambda: self.now)
        self.faults = faults
        self.told: deque[str] = deque(maxlen=TOLD_MAX)
        self.watch: Callable[[], None] = lambda: None
        self.processes: list[Process] = []
        self._engine = engine
        self._chance = Random(f"{seed}/schedule")
        self._deliveries = deque(deliveries)
        self._births = 0
        self._seen = 0
        self._frozen: list[Process] = []
        faults.freeze = self._freeze

    def play(self, faults_min: int) -> None:
        """Until all is delivered and enough has gone wrong; then all heals and comes to rest."""
        for role in ROLES:
            self._birth(role, "0")
            if self._chance.random() < 0.4:
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
        if drawn < 0.22 and self._deliveries:
            self._deliver()
        elif drawn < 0.30 or not running:
            self._disturb(running)
        else:
            self._tick(self._chance.choice(running))
        self._look()

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
        for pause in (MINUTE, HOUR, MINUTE):
            self.now += pause
            self.settle()

    def settle(self) -> None:
        """Go round until nothing moves; who dies even now (a fenced zombie) is replaced."""
        for _ in range(ROUNDS_MAX):
            self.faults.step += 1
            for process in self.processes:
                self._put_out(process)
            for role in ROLES:
                if not self._alive(role, "0"):
                    self._birth(role, "0")
            running = [p for p in self.processes if p.state == "running"]
            moved = [p.name for p in running if self._tick(p)]
            self._look()
            unready = [p.name for p in running if not p.loop.ready()]
            if not moved and not unready:
                return
        raise RestlessError(f"moving: {moved}, not ready: {unready}")

    def _look(self) -> None:
        if self.log.decided != self._seen:
            self._seen = self.log.decided
            self.watch()

    def _tick(self, process: Process) -> bool:
        try:
            if process.loop is None:
                skew = self._chance.randrange(-20, 21) * SECOND
                start(process, self._engine, SkewedClock(lambda: self.now, skew))
                self.told.append(f"{self.faults.step}: {process.name} starts")
                return True
            moved = bool(process.loop.tick())
        except Killed:
            self._die(process, "killed")
            return True
        except FencedError:
            self._die(process, "fenced")
            return True
        if moved:
            self.told.append(f"{self.faults.step}: {process.name} works")
        return moved

    def _deliver(self) -> None:
        for _ in range(self._chance.choice((1, 1, 2, 5))):
            if not self._deliveries:
                return
            delivery = self._deliveries.popleft()
            self.now = max(self.now, delivery.at)
            if delivery.telling is not None:
                with self._engine.begin() as connection:
                    publish(connection, delivery.telling)
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
            self.log.rebalance(sleeper.seat.members[0][0])
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
        missing = [r for r in ROLES if not self._alive(r, "0")]
        drawn = self._chance.random()
        if missing and drawn < 0.6:
            self._birth(self._chance.choice(missing), "0")
        elif dead and drawn < 0.75:
            self._put_out(self._chance.choice(dead))
        elif self.log.open() and drawn < 0.80:
            self.log.expire(self._chance.choice(self.log.open()))
            self.faults.note("transaction timed out", "broker")
        elif drawn < 0.89:
            role = self._chance.choice(ROLES)
            if not self._alive(role, "1"):
                self.faults.note("another joins", role)
                self._birth(role, "1")
        elif running:
            self._strike(self._chance.choice(running), drawn)

    def _strike(self, process: Process, drawn: float) -> None:
        if drawn < 0.91:
            self.faults.note("kill", f"{process.name} between steps")
            self._die(process, "killed")
        elif drawn < 0.93 and process.loop is not None and process.slot != "0":
            self.faults.note("leaves", process.name)
            process.loop.close()
            process.state = "gone"
        elif drawn < 0.975 and process.seat.members:
            group = process.seat.members[0][0]
            self.faults.note("rebalance", group)
            self.log.rebalance(group)
        elif drawn < 0.985:
            self.faults.note("everything restarts", "all")
            for other in [p for p in self.processes if p.state == "running"]:
                self._die(other, "killed")

    def _alive(self, role: str, slot: str) -> bool:
        return any(
            (p.role, p.slot) == (role, slot) and p.state == "running" for p in self.processes
        )

    def _birth(self, role: str, slot: str) -> None:
        self._births += 1
        self.processes = [p for p in self.processes if p.state != "gone"]
        self.processes.append(seated(self.log, self.faults, role, slot, self._births))

    def _die(self, process: Process, how: str) -> None:
        process.state = "dead"
        self.told.append(f"{self.faults.step}: {process.name} is {how}")

    def _put_out(self, process: Process) -> None:
        """Its session is over: the group goes on without it. One that is dead is forgotten."""
        for group, member in process.seat.members:
            if member in self.log.groups[group].members and process.state != "running":
                self.log.expel(group, member)
        if process.state == "dead":
            process.state = "gone"
