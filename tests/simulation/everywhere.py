"""One short history, and a kill at each boundary that its processes pass, one world for each."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from schemas.topics import LEDGER_OPERATIONS
from tests.simulation.channels import Delivery, command, policy
from tests.simulation.faults import KILL, KILL_AFTER, RATES, Deed, Faults, Killed
from tests.simulation.mixture import Asked
from tests.simulation.network import DAY, MINUTE, SECOND, START
from tests.simulation.scenes import DECIDING, EVERYTHING, Scene
from tests.simulation.simulation import Outcome, play
from tests.simulation.workload import Workload

CARDS: Final = Scene("cards", DECIDING, commands=0, cards=1, partitions=1, stores="warm")
WHOLE: Final = Scene("whole", EVERYTHING, commands=0, cards=1, partitions=1, stores="warm")
TRACE: Final = ("prepare_cards", "sell_card", "place_hold", "capture_hold", "refund_capture")
PASSES_MAX: Final = 10_000


class Once(Faults):
    """Kills at one pass of one boundary, and nothing else ever goes wrong.

    `after`: just after the call took effect, where a port knows how.
    """

    def __init__(self, number: int, *, after: bool = False) -> None:
        super().__init__(Random(0), rates={}, kept=frozenset())
        self.passed = 0
        self._number = number
        self._after = after

    def at(self, process: str, boundary: str, batch: Sequence[Deed] = ()) -> str | None:
        """Pass a boundary; die there if it is the one."""
        if not self.on:
            return None
        self.passed += 1
        if self.passed - 1 != self._number:
            return None
        fault = KILL_AFTER if self._after and KILL_AFTER in RATES.get(boundary, {}) else KILL
        self.note(fault, f"{process} at {boundary}")
        self.places[process.partition("/")[0], boundary, fault] += 1
        if fault == KILL:
            raise Killed(process)
        return fault


def everywhere(scene: Scene, step: int = 1) -> Iterator[Outcome]:
    """A kill at every `step`th pass, before it and, where that is another thing, after it."""
    for number in range(0, PASSES_MAX, step):
        for after in (False, True):
            faults = Once(number, after=after)
            outcome = play(0, scene, list(_coming(scene)), faults, 0, patient=True)
            if faults.passed <= number:
                return
            yield outcome


def _coming(scene: Scene) -> Iterator[Delivery]:
    yield policy(7, START, scene.partitions)  # under this one everything is paid in full
    workload, at = Workload(Random(3), START, scene), START
    for type in TRACE:
        at += MINUTE
        asked = workload.meant(type, "c0", at)
        if type == "capture_hold":
            place = {"location": "F2", "staff": "sam"}
            line = {"line": 1, "category": "service", "amount": asked.body["amount"]}
            asked = Asked(
                *(at, type, asked.topic, asked.source, "c0", asked.id),
                {**asked.body, "place": place, "lines": [line]},
            )
        yield command(at, asked, asks=True)
    if not scene.has_runs:
        return
    orders = (("close_period", "E1", {"until": "2025-12-31"}), ("run_settlement", "office", {}))
    for number, (type, subject, body) in enumerate(orders):
        at += DAY + SECOND
        name = f"{type}-{number}"
        order = Asked(at, type, LEDGER_OPERATIONS, "service/ledger", subject, name, body)
        yield Delivery(at, (), f"{type} {name}", order, order=order)
    body = {"run": "run_settlement-1", "location": "F1", "code": "R01"}
    order = Asked(at, "bank_return", LEDGER_OPERATIONS, "service/ledger", "office", "back", body)
    yield Delivery(at + 2 * DAY, (), "bank_return", order, order=order)
