"""A bank that keeps refusing a file is asked again ever later, and it shows."""

from dataclasses import dataclass, field

import pytest
from prometheus_client import REGISTRY

from schemas.instants import HOUR, MINUTE, SECOND, parse_instant
from schemas.topics import POLICY
from services.runtime.clocks import SetClock
from services.runtime.memory_log import MemoryLog
from services.runtime.policies import Policies, write_published_policy
from services.runtime.records import Staged
from services.settlement.bank import Delivery, Shipment, StoryBank
from services.settlement.outcome.retries import LONGEST
from services.settlement.worker import Clerk
from tests.integration.settlement.network import MAY_12, Network, use

WAITING = "scrip_settlement_retries"


@dataclass
class RefusingBank(StoryBank):
    """Takes nothing while it is `closed`; remembers when it was asked."""

    clock: SetClock = field(default_factory=lambda: SetClock(parse_instant(MAY_12)))
    closed: bool = True
    asked: list[int] = field(default_factory=list)

    def deliver(self, shipment: Shipment) -> Delivery:
        """Say no, for certain."""
        self.asked.append(self.clock.now())
        return Delivery.NOT_DELIVERED if self.closed else super().deliver(shipment)


@pytest.fixture
def bank(net: Network) -> RefusingBank:
    """The bank has refused the file of a run once, when it was carried out."""
    net.bank = refusing = RefusingBank()
    net.accrue(use("A", "B", 1200, "r1"))
    assert net.run("run1", MAY_12) == "filed"
    assert len(refusing.asked) == 1
    return refusing


def clerk_of(net: Network, bank: RefusingBank, rests: list[float]) -> Clerk:
    log = MemoryLog(1)
    document = net.policy.document.model_dump(mode="json", by_alias=True, exclude_unset=True)
    log.append(Staged(POLICY.name, 0, 0, b"policy", write_published_policy(1, 0, document)))
    return Clerk(net.desk, Policies(log.reader()), bank.clock, rests.append)


def until(clerk: Clerk, bank: RefusingBank, end: int, step: int) -> None:
    while bank.clock.now() < end:
        bank.clock.move(bank.clock.now() + step)
        clerk.tick()


def test_a_bank_that_keeps_refusing_is_asked_ever_later_and_never_without_a_rest(
    net: Network, bank: RefusingBank
) -> None:
    rests: list[float] = []
    clerk = clerk_of(net, bank, rests)
    began = bank.clock.now()
    ticks = 20
    for _ in range(ticks):
        clerk.tick()
    assert len(bank.asked) == 2, "once a wait, however often the clerk looks"
    assert len(rests) == ticks
    until(clerk, bank, began + HOUR, 10 * SECOND)
    waits = [after - before for before, after in zip(bank.asked[1:], bank.asked[2:], strict=False)]
    assert waits == sorted(waits)
    assert waits[0] <= 10 * SECOND
    assert LONGEST <= waits[-1] <= LONGEST + 10 * SECOND
    assert len(bank.asked) < 15


def test_a_file_that_is_refused_is_told_and_counted_until_the_bank_takes_it(
    net: Network, bank: RefusingBank, capsys: pytest.CaptureFixture[str]
) -> None:
    clerk = clerk_of(net, bank, [])
    clerk.tick()
    assert REGISTRY.get_sample_value(WAITING) == 1
    told = capsys.readouterr().out
    assert "run_waits" in told
    assert "run1" in told
    bank.closed = False
    until(clerk, bank, bank.clock.now() + MINUTE, 10 * SECOND)
    assert [name for name in bank.taken if "run1" in name]
    assert net.runs()["run1"]["state"] == "transmitted"
    assert REGISTRY.get_sample_value(WAITING) == 0
    assert "run_advanced" in capsys.readouterr().out


def test_what_waits_for_the_bank_holds_up_no_other_run(net: Network, bank: RefusingBank) -> None:
    clerk = clerk_of(net, bank, [])
    until(clerk, bank, bank.clock.now() + HOUR, MINUTE)
    net.accrue(use("A", "C", 1500, "r2"))
    assert net.run("run2", MAY_12) == "filed"
    bank.closed = False
    until(clerk, bank, bank.clock.now() + MINUTE, 10 * SECOND)
    assert [name for name in bank.taken if "run2" in name]


def test_a_clock_that_is_set_back_lets_nothing_wait_for_long(
    net: Network, bank: RefusingBank
) -> None:
    clerk = clerk_of(net, bank, [])
    until(clerk, bank, bank.clock.now() + HOUR, MINUTE)
    before = len(bank.asked)
    bank.clock = SetClock(bank.clock.now() - 30 * MINUTE)
    clerk._clock = bank.clock
    clerk.tick()
    assert len(bank.asked) == before + 1
