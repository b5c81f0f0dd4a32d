"""Killed anywhere and started again: the same run, the same file, once; and rivals take turns."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, func, select

from services.runtime.outbox_table import Telling, operation, outbox, publish, read
from services.settlement.bank import Delivery, StoryBank
from services.settlement.delivery.operations import transmit
from services.settlement.runs import RunOrder, RunRefusedError, start
from services.settlement.tables import item, run
from tests.integration.settlement.network import (
    MAY_12,
    MAY_13,
    Network,
    Refusing,
    empty,
    states,
    use,
)

STEPS_MAX = 40


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def killed_at(engine: Engine, commit: int) -> Iterator[None]:
    """End at the `commit`th commit, before it reaches the database."""
    left = [commit]

    def strike(_: Connection) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    event.listen(engine, "commit", strike)
    try:
        yield
    finally:
        event.remove(engine, "commit", strike)


def begun(net: Network) -> None:
    """An empty network with two uses to settle."""
    empty(net.engine)
    net.bank, net.offset = StoryBank(), 0
    net.open_accounts()
    net.accrue(use("A", "B", 1200, "r1"), use("B", "C", 3000, "r2"))


def test_a_run_killed_at_any_step_and_started_again_is_the_same_run(net: Network) -> None:
    begun(net)
    net.run("run1", MAY_12)
    whole = (net.runs(), net.files(), net.outbox(), net.bank.taken)
    for commit in range(1, STEPS_MAX):
        begun(net)
        try:
            with killed_at(net.engine, commit):
                net.run("run1", MAY_12)
        except Killed:
            net.run("run1", MAY_12)
        else:
            break
        assert (net.runs(), net.files(), net.outbox(), net.bank.taken) == whole
    assert 8 < commit < STEPS_MAX


def test_a_file_begun_before_the_kill_has_the_same_bytes_when_built_later(net: Network) -> None:
    begun(net)
    net.run("run1", MAY_12)
    whole = net.files()
    unbuilt = 0
    for commit in range(1, STEPS_MAX):
        begun(net)
        try:
            with killed_at(net.engine, commit):
                net.run("run1", MAY_12)
        except Killed:
            with net.engine.begin() as connection:
                pinned = connection.execute(select(run.c.filing_at)).scalar_one_or_none()
            unbuilt += pinned is not None and not net.files()
            net.run("run1", "2026-05-12T12:59:00-04:00")
            assert pinned is None or net.files() == whole
        else:
            break
    assert unbuilt


def test_the_clock_killed_at_any_step_settles_and_closes_the_same(net: Network) -> None:
    end = "2026-06-01T00:00:00-04:00"
    begun(net)
    net.run("run1", MAY_12)
    net.pass_time(end)
    whole = (net.runs(), net.outbox())
    for commit in range(1, STEPS_MAX):
        begun(net)
        net.run("run1", MAY_12)
        try:
            with killed_at(net.engine, commit):
                net.pass_time(end)
        except Killed:
            net.pass_time(end)
        else:
            break
        assert (net.runs(), net.outbox()) == whole
    assert 3 < commit < STEPS_MAX


def test_a_file_keeps_its_bytes_however_late_it_is_sent(net: Network) -> None:
    net.accrue(use("A", "B", 1200, "r1"))
    net.bank = Refusing(Delivery.NOT_DELIVERED)
    assert net.run("run1", MAY_12) == "filed"
    before = net.files()[0]["sha256"]
    net.bank = StoryBank()
    assert net.run("run1", "2026-05-12T15:59:00-04:00") == "transmitted"
    assert [file["sha256"] for file in net.files()] == [before]
    assert list(net.bank.taken) == ["run1.ach"]


def test_an_unclear_end_is_never_sent_again_by_itself(net: Network) -> None:
    net.accrue(use("A", "B", 1200, "r1"))
    net.bank = Refusing(Delivery.UNKNOWN)
    net.run("run1", MAY_12)
    assert net.files()[0]["state"] == "delivery_unknown"
    net.bank = StoryBank()
    assert transmit(net.desk, "run1", 1, net.terms(MAY_12)) is Delivery.UNKNOWN
    net.pass_time(MAY_13)
    assert net.bank.taken == {}
    assert net.runs()["run1"]["state"] == "filed"
    assert [found["kind"] for found in net.exceptions()] == ["delivery_unknown"]


def together(*work: Callable[[], None]) -> list[BaseException | None]:
    """Do all of it at once, each in a thread; what each raised."""
    ready = threading.Barrier(len(work))

    def one(do: Callable[[], None]) -> None:
        ready.wait(10)
        do()

    with ThreadPoolExecutor(len(work)) as pool:
        return [future.exception(30) for future in [pool.submit(one, do) for do in work]]


@pytest.fixture
def postgres(migrated: str) -> Iterator[Network]:
    """A network on PostgreSQL, for what needs two connections."""
    engine = create_engine(migrated)
    network = Network(engine)
    begun(network)
    yield network
    engine.dispose()


@pytest.mark.parametrize("names", [("run1", "run1"), ("run1", "run2")])
def test_of_two_starts_at_once_there_is_one_run(postgres: Network, names: tuple[str, str]) -> None:
    def starting(name: str) -> Callable[[], None]:
        def do() -> None:
            with postgres.engine.begin() as connection:
                start(connection, RunOrder(name, "ann"), postgres.terms(MAY_12))

        return do

    raised = together(*[starting(name) for name in names])
    refused = [error for error in raised if error is not None]
    assert all(isinstance(error, RunRefusedError) for error in refused)
    assert len(refused) == len(set(names)) - 1
    assert states(postgres) == ["assigned", "assigned"]
    with postgres.engine.begin() as connection:
        owners = set(connection.execute(select(item.c.run)).scalars())
        assert connection.execute(select(func.count()).select_from(operation)).scalar_one() == 1
    assert len(owners) == 1


def test_two_who_carry_out_one_run_at_once_send_one_file(postgres: Network) -> None:
    def carrying() -> None:
        postgres.run("run1", MAY_12)

    raised = together(carrying, carrying, carrying)
    assert all(error is None or isinstance(error, RunRefusedError) for error in raised)
    postgres.run("run1", MAY_12)
    assert [file["state"] for file in postgres.files()] == ["delivered"]
    assert list(postgres.bank.taken) == ["run1.ach"]
    assert len(postgres.told("file_built.v1")) == len(postgres.told("file_transmitted.v1")) == 1
    assert postgres.runs()["run1"]["positions"] == {"A": -1200, "B": -1800, "C": 3000}


def test_positions_of_the_outbox_commit_in_order_and_without_gaps(postgres: Network) -> None:
    writers, each = 4, 15
    seen: list[int] = []
    over = threading.Event()

    def writing(writer: int) -> Callable[[], None]:
        def do() -> None:
            for number in range(each):
                connection = postgres.engine.connect()
                publish(connection, _telling(f"w{writer}", number))
                if number % 5 == 4:
                    connection.rollback()
                else:
                    connection.commit()
                connection.close()

        return do

    def reading() -> None:
        while not over.is_set():
            with postgres.engine.begin() as connection:
                rows = read(connection, seen[-1] if seen else 0)
            seen.extend(row.position for row in rows)

    reader = threading.Thread(target=reading)
    reader.start()
    try:
        assert together(*[writing(writer) for writer in range(writers)]) == [None] * writers
    finally:
        with postgres.engine.begin() as connection:
            every = list(connection.execute(select(outbox.c.position)).scalars())
        over.set()
        reader.join(10)
    assert sorted(every) == list(range(1, writers * each * 4 // 5 + 1))
    assert seen == sorted(set(seen))


def _telling(subject: str, number: int) -> Telling:
    return Telling(
        topic="topic",
        subject=subject,
        type="told.v1",
        number=number,
        causation=subject,
        body={"number": number},
        dates={},
        policy=1,
        time=1,
    )
