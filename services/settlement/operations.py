"""Carries a run out from start to the bank, each step in its own transaction.

Killed anywhere and called again, it goes on from where the rows stand: the same run, the same
file, once.
"""

from dataclasses import dataclass

from sqlalchemy import select

from schemas.terms import Terms
from services.runtime.crash import Point
from services.settlement.delivery.operations import (
    Desk,
    build_first,
    pin_filing,
    transmit,
)
from services.settlement.plans.tables import files_of
from services.settlement.runs import (
    RunOrder,
    approve,
    calculate,
    dry_run,
    hand_in,
    locked,
    start,
)
from services.settlement.tables import run


@dataclass(frozen=True, slots=True)
class People:
    """Who makes a run and who approves it; never the same."""

    maker: str
    checker: str


SYSTEM = People("service/settlement-maker", "service/settlement-checker")


def carry_out(desk: Desk, order: RunOrder, checker: str, terms: Terms) -> str:
    """Start, calculate, approve, build and transmit; the state the run is in then.

    An approval that came to be void is asked for again once. Raises RunRefusedError.
    """
    if order.dry:
        with desk.engine.begin() as connection:
            dry_run(connection, desk.vault, order, terms)
        return state_of(desk, order.run)
    desk.crash.at(Point.RUN_ORDERED)
    with desk.engine.begin() as connection:
        start(connection, order, terms)
        desk.crash.at(Point.RUN_CLAIMED)
    desk.crash.at(Point.RUN_STARTED)
    for _ in range(2):
        _bring_to_approval(desk, order.run, checker, terms)
        if _build(desk, order.run, terms):
            break
    if _has_file(desk, order.run):
        transmit(desk, order.run, 1, terms)
    return state_of(desk, order.run)


def state_of(desk: Desk, name: str) -> str:
    """The state of a run."""
    with desk.engine.begin() as connection:
        return str(connection.execute(select(run.c.state).where(run.c.run == name)).scalar_one())


def _bring_to_approval(desk: Desk, name: str, checker: str, terms: Terms) -> None:
    if state_of(desk, name) in ("open", "calculated"):
        with desk.engine.begin() as connection:
            calculate(connection, desk.vault, name, terms)
            desk.crash.at(Point.RUN_NETTED)
        desk.crash.at(Point.RUN_CALCULATED)
        with desk.engine.begin() as connection:
            hand_in(connection, name)
        desk.crash.at(Point.RUN_HANDED_IN)
    if state_of(desk, name) == "pending_approval":
        with desk.engine.begin() as connection:
            content = str(locked(connection, name)["content"])
            approve(connection, name, checker, content, terms)
            desk.crash.at(Point.RUN_SIGNED)
        desk.crash.at(Point.RUN_APPROVED)


def _build(desk: Desk, name: str, terms: Terms) -> bool:
    if state_of(desk, name) == "approved":
        with desk.engine.begin() as connection:
            pin_filing(connection, name, terms)
        desk.crash.at(Point.RUN_PINNED)
        with desk.engine.begin() as connection:
            built = build_first(connection, desk.vault, name, terms)
            desk.crash.at(Point.RUN_FILE_MADE)
        desk.crash.at(Point.RUN_FILED)
        return built
    return True


def _has_file(desk: Desk, name: str) -> bool:
    with desk.engine.begin() as connection:
        return bool(files_of(connection, name))
