"""Rows kept as objects are never other than the store's bytes say."""

from schemas.topics import REDEMPTION_COMMANDS
from services.redemption.worker import SPEC
from services.runtime.crash import CrashPoints, NoCrash, Point
from services.runtime.kept import Kept
from services.runtime.records import Staged
from services.runtime.seals import SealsOff
from services.runtime.worker import Worker
from tests.benchmarks.workload import POLICY, Message, Workload
from tests.small_world import START, SmallWorld


class GroupMovesOn(NoCrash):
    """Once told of a world, its group deals anew just before the next commit."""

    def __init__(self) -> None:
        self.world: SmallWorld | None = None

    def at(self, point: Point) -> None:
        """The transaction's generation is not the group's any more."""
        if self.world is not None and point is Point.AFTER_PRODUCE:
            self.world.memory.rebalance("scrip-redemption")
            self.world = None


def send(world: SmallWorld, message: Message) -> None:
    """Put a message on its partition."""
    world.memory.append(
        Staged(REDEMPTION_COMMANDS.name, None, message.time, message.key, message.value)
    )


def busy_world(count: int, crash: CrashPoints | None = None) -> tuple[SmallWorld, Worker]:
    """Some accounts and so many commands on them, decided in many batches."""
    world = SmallWorld()
    world.publish_policy(POLICY)
    workload = Workload(SealsOff(), SealsOff(), start=START, accounts=40)
    worker = world.worker(SPEC, crash=crash)
    for number, message in enumerate([*workload.opening(), *workload.commands(count)]):
        send(world, message)
        if number % 37 == 0:
            world.settle([worker])
    world.settle([worker])
    return world, worker


def require_equal(worker: Worker) -> int:
    """Every kept row against its bytes; how many there are."""
    compared = 0
    for partition in worker.partitions.values():
        for key, row in partition.kept.all().items():
            value = partition.store.get(key)
            assert value is not None
            assert worker.job.rows.write(key, row) == value
            assert worker.job.rows.read(key, value) == row
            compared += 1
    return compared


def test_after_any_batch_a_kept_row_is_what_its_bytes_say() -> None:
    _, worker = busy_world(800)
    assert require_equal(worker) == 40


def test_a_dropped_batch_leaves_nothing_changed_among_the_kept() -> None:
    move = GroupMovesOn()
    world, worker = busy_world(200, move)
    workload = Workload(SealsOff(), SealsOff(), start=START, accounts=40)
    list(workload.opening())
    for message in list(workload.commands(260))[200:]:
        send(world, message)
    move.world = world
    worker.tick()
    assert move.world is None
    assert require_equal(worker) < 40
    world.settle([worker])
    assert require_equal(worker) == 40


def test_the_oldest_rows_make_room() -> None:
    kept = Kept(most=2)
    kept.apply([("a", 1), ("b", 2), ("a/capture/1", 9)])
    assert kept.take("a") == 1
    kept.apply([("a", 1), ("c", 3)])
    assert kept.all() == {"a": 1, "c": 3}
    kept.apply([("c", None)])
    assert kept.all() == {"a": 1}


def test_the_oldest_eighth_makes_room_at_once() -> None:
    kept = Kept(most=16)
    kept.apply((str(number), number) for number in range(17))
    assert list(kept.all().values()) == list(range(3, 17))


def test_what_was_decoded_to_see_whether_it_is_due_is_what_a_batch_takes() -> None:
    kept = Kept()
    row, other = object(), object()
    kept.keep("a", row)
    kept.keep("a/hold/h", other)
    assert kept.look("a") is row
    assert kept.take("a") is row
    assert (kept.look("a"), kept.look("a/hold/h")) == (None, None)
    kept.keep("a", row)  # as committed, while a batch has the account
    kept.apply([("a", other)])
    assert kept.all() == {"a": other}
