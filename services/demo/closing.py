"""Closes the day: waits until everything is through, then settles what locations owe each other."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

import orjson
from sqlalchemy import Engine

from schemas.terms import Policy, Terms
from schemas.topics import REDEMPTION_BALANCES
from services.demo.trading import CLOSING, StuckError
from services.local.machine import Machine
from services.runtime.policies import Policies
from services.runtime.waits import rest
from services.settlement.delivery.operations import Desk
from services.settlement.operations import carry_out
from services.settlement.runs import RunOrder
from services.settlement.views import list_files, list_runs
from services.verify.catching import CatchingUp
from services.verify.tail import Tail

RUN: Final = "day-2026-05-08"
MAKER: Final = "ann"
CHECKER: Final = "bob"
THROUGH_SECONDS_MAX: Final = 60.0
LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Settled:
    """The run and its files in the shapes of the contract, and the seconds it took."""

    run: dict[str, Any]
    files: list[dict[str, Any]]
    seconds: float


def wait_until_through(tail: Tail, engine: Engine, say: Callable[[str], None]) -> None:
    """Until ended holds have lapsed and every reader is at the end. Raises StuckError."""
    deadline = monotonic() + THROUGH_SECONDS_MAX
    while overdue := _overdue(tail):
        if monotonic() > deadline:
            raise StuckError(f"{overdue} holds have ended and do not lapse")
        rest(LOOK_SECONDS)
    late = CatchingUp(tail, engine, THROUGH_SECONDS_MAX, say).all()
    if late:
        raise StuckError(f"after {THROUGH_SECONDS_MAX:.0f} s {late[0]}")


def _overdue(tail: Tail) -> int:
    tail.read_on((REDEMPTION_BALANCES,))
    return sum(
        hold["ends_at"] <= CLOSING
        for number in tail.numbers(REDEMPTION_BALANCES)
        for value in tail.latest(REDEMPTION_BALANCES, number).values()
        for hold in orjson.loads(value)["holds"]
    )


def settle(machine: Machine, desk: Desk) -> Settled:
    """One person starts the run, another approves it; the bank's folder has the file."""
    started = monotonic()
    policies = Policies(machine.log().reader())
    policies.refresh()
    policy: Policy | None = policies.newest()
    assert policy is not None, "the demo has applied its policy"
    carry_out(desk, RunOrder(run=RUN, made_by=MAKER), CHECKER, Terms(CLOSING, policy))
    with desk.engine.begin() as connection:
        runs = {run["id"]: run for run in list_runs(connection)}
        files = [file for file in list_files(connection, desk.vault) if file["run"] == RUN]
    return Settled(runs[RUN], files, monotonic() - started)
