"""What falls due is swept a little at a time, so that whoever writes a command waits for little."""

import orjson
import pytest

from schemas.topics import REDEMPTION_COMMANDS, REDEMPTION_EVENTS
from services.redemption.worker import SPEC as REDEMPTION
from services.runtime.sweeping import SWEEPS_AWAITED_MAX
from tests.small_world import PARTITIONS, SmallWorld, money, prepared

HOLDS = 400


@pytest.fixture
def world() -> SmallWorld:
    """A card with value, and many holds on many cards that all end in ten minutes."""
    made = SmallWorld()
    made.publish_policy()
    cards = [f"c{number}" for number in range(HOLDS)]
    prepared(made, *cards)
    made.start()
    for card in cards:
        made.send("sell_card", card, f"s-{card}", value=money(500), tender="cash")
    made.settle()
    for card in cards:
        made.send("place_hold", card, f"h-{card}", amount=money(100))
    made.settle()
    return made


def types(world: SmallWorld) -> list[str]:
    return [str(orjson.loads(r.value or b"")["type"]) for r in world.read(REDEMPTION_EVENTS)]


def on_their_way(world: SmallWorld) -> int:
    """Sweeps written to the log and not decided yet."""
    told = sum(b"lapse_hold" in (r.value or b"") for r in world.read(REDEMPTION_COMMANDS))
    return told - types(world).count("hold_lapsed.v1")


def test_everything_due_is_swept_once_and_never_much_at_a_time(world: SmallWorld) -> None:
    world.clock.move(world.clock.now() + 600_000)
    most = 0
    while [True for worker in world.workers if worker.tick()]:
        most = max(most, on_their_way(world))
    assert types(world).count("hold_lapsed.v1") == HOLDS
    assert 0 < most <= SWEEPS_AWAITED_MAX
    assert on_their_way(world) == 0


def test_a_command_waits_behind_a_bounded_number_of_sweeps(world: SmallWorld) -> None:
    world.clock.move(world.clock.now() + 600_000)
    for worker in world.workers:
        worker.tick()
    record = world.send("redeem", "c1", "r1", amount=money(1))
    ahead = world.memory.read(REDEMPTION_COMMANDS.name, record.partition, 0, 1_000_000)[0]
    sweeps = [r for r in ahead if b"lapse_hold" in (r.value or b"") and r.offset < record.offset]
    assert 0 < len(sweeps) <= SWEEPS_AWAITED_MAX // PARTITIONS


def test_sweeps_that_get_lost_are_sent_again_and_done_once(world: SmallWorld) -> None:
    world.clock.move(world.clock.now() + 600_000)
    for worker in world.workers:
        worker.tick()
    # The workers are gone; another one finds the same dues, and what the first has sent.
    for worker in world.workers:
        worker.close()
    world.workers = [world.worker(REDEMPTION, slot="1")]
    world.settle()
    assert types(world).count("hold_lapsed.v1") == HOLDS
    assert world.deadletters() == []


def test_what_never_gets_done_does_not_hold_up_the_rest(world: SmallWorld) -> None:
    world.clock.move(world.clock.now() + 600_000)
    worker = next(one for one in world.workers if one.job.service == "redemption")
    agendas = [p.agenda for p in worker.partitions.values() if p.agenda is not None]
    sent = [len(agenda.due(world.clock.now(), 75)) for agenda in agendas]
    assert sent == [75] * len(agendas)
    assert [agenda.awaited(()) for agenda in agendas] == sent
    again = [len(agenda.due(world.clock.now() + 1_000, 75)) for agenda in agendas]
    assert again == sent
    assert [agenda.awaited(()) for agenda in agendas] == [0] * len(agendas)
