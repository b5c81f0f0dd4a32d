"""Worlds in which money moves: two runs over several uses, and faults where runs meet their ports.

Most random seeds are over before a file reaches the bank. Here cards of one place are used at
others, what is small is carried, a use is taken back between the runs, a run may be cancelled or
its entry returned, and what goes wrong goes wrong at the bank, the database and the runs' points.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from schemas.topics import LEDGER_OPERATIONS
from tests.simulation.channels import Delivery, command, policy
from tests.simulation.faults import RATES, Faults, Rates
from tests.simulation.mixture import Asked
from tests.simulation.network import DAY, HOUR, MINUTE, SECOND, START
from tests.simulation.scenes import EVERYTHING, Scene
from tests.simulation.simulation import Outcome, play
from tests.simulation.words import money
from tests.simulation.workload import Workload

SCENE: Final = Scene("paying", EVERYTHING, commands=0, cards=2, partitions=1)
# Under this version all of a use is owed, and credits leave with the debits.
IN_FULL: Final = 7
# Of what is used, something is worth an entry in each run; the rest may be less.
WORTH_IT: Final = (1_999, 2_500)
AMOUNTS: Final = (40, 40, 333, 1_999)
PLACES: Final = ("F2", "F3", "HQ")
OF_RUNS: Final = ("bank", "database", "sink_", "outbox_", "run_")
LOUDER: Final = 4
RATES_OF_RUNS: Final[Rates] = {
    boundary: {fault: LOUDER * rate for fault, rate in rates.items()}
    for boundary, rates in RATES.items()
    if boundary.startswith(OF_RUNS)
}


def paid(seed: int) -> Outcome:
    """Play one such world and check it."""
    coming = list(_Story(Random(f"{seed}/paying")).told())
    faults = Faults(Random(f"{seed}/faults of runs"), rates=RATES_OF_RUNS)
    return play(seed, SCENE, coming, faults, 0, patient=True)


@dataclass
class _Story:
    chance: Random
    at: int = START
    uses: list[Asked] = field(default_factory=list)
    orders: int = 0

    def told(self) -> Iterator[Delivery]:
        """Two runs and what lies between; enquiries give what falls due the time it needs."""
        workload = Workload(self.chance, START, SCENE)
        yield policy(IN_FULL, START, SCENE.partitions)
        for card in ("c0", "c1"):
            yield self._said(workload.meant("prepare_cards", card, self._later()))
            sold = workload.meant("sell_card", card, self._later())
            yield self._said(replace(sold, body=sold.body | {"value": money(20_000, "USD")}))
        for run in (0, 1):
            yield from self._used(workload, self.chance.randrange(1, 4))
            yield self._order("run_settlement", {})
            yield from self._meanwhile(workload, f"run_settlement-{self.orders}", run)
        for wait in (DAY, 70 * DAY, HOUR):
            yield self._said(workload.meant("enquire", "c0", self._later(wait)))

    def _used(self, workload: Workload, count: int) -> Iterator[Delivery]:
        for number in range(count):
            asked = workload.meant("redeem", self.chance.choice(("c0", "c1")), self._later())
            said = {
                "amount": money(self.chance.choice(AMOUNTS if number else WORTH_IT), "USD"),
                "place": {"location": self.chance.choice(PLACES if number else ("F2",))},
            }
            self.uses.append(replace(asked, body=asked.body | said))
            yield self._said(self.uses[-1])

    def _meanwhile(self, workload: Workload, run: str, number: int) -> Iterator[Delivery]:
        if self.chance.random() < 0.3:
            yield self._order("cancel_run", {"run": run})
        if self.chance.random() < 0.5:
            used = self.chance.choice(self.uses)
            asked = workload.meant("refund_capture", used.subject, self._later())
            taken = {"capture": used.id, "amount": used.body["amount"], "to": "same"}
            place = {"place": used.body["place"]}
            yield self._said(replace(asked, body=taken | place))
        yield self._said(workload.meant("enquire", "c1", self._later(2 * DAY)))
        if self.chance.random() < 0.4:
            place = self.chance.choice(("F1", "F2"))
            yield self._order("bank_return", {"run": run, "location": place, "code": "R01"})

    def _order(self, type: str, body: dict[str, Any]) -> Delivery:
        self.orders += type == "run_settlement"
        name = f"{type}-{self.orders}"
        at = self._later(DAY)
        order = Asked(at, type, LEDGER_OPERATIONS, "service/ledger", "office", name, body)
        return Delivery(at, (), f"{type} {name}", order, order=order)

    def _said(self, asked: Asked) -> Delivery:
        return command(asked.at, asked, asks=True)

    def _later(self, most: int = MINUTE) -> int:
        self.at += self.chance.randrange(most // 2, most) + SECOND
        return self.at
