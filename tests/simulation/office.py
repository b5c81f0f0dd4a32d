"""People and their bank: orders are carried out by the services' own operations, on faulty ports.

An order stays on the tray until it has ended, well or with a no; whoever is killed in the middle is
followed by another who begins the same order again, perhaps while the first one still stands there.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from schemas.terms import Terms
from services.ledger.operations import (
    OperationRefusedError,
    Order,
    close_period,
    recognize_breakage,
)
from services.runtime.policies import Policies
from services.settlement import runs
from services.settlement.bank import Delivery, Shipment, StoryBank
from services.settlement.delivery.bank import Finding, acknowledge, resolve_delivery
from services.settlement.delivery.operations import Desk
from services.settlement.operations import SYSTEM, carry_out
from services.settlement.returned.operations import (
    CorrectionNotice,
    ReturnNotice,
    approve_correction,
    bank_correction,
    bank_return,
    staged_corrections,
)
from tests.simulation.faults import AWAY, KILL_AFTER, LOST, Killed
from tests.simulation.mixture import Asked
from tests.simulation.seat import Seat

SOMEBODY: Final = "service/somebody"
OPERATIONS: Final = ("close_period", "recognize_breakage")


class FaultyBank:
    """The bank, as one process reaches it: away, or silent about what it has taken."""

    def __init__(self, bank: StoryBank, seat: Seat) -> None:
        self._bank = bank
        self._seat = seat

    def deliver(self, shipment: Shipment) -> Delivery:
        """Send it; the answer may be lost, and so may the file."""
        fault = self._seat.at("bank")
        if fault == AWAY:
            return Delivery.NOT_DELIVERED
        ended = self._bank.deliver(shipment)
        if fault == KILL_AFTER:
            raise Killed("after the bank has it")
        return Delivery.UNKNOWN if fault == LOST else ended

    def look_for(self, shipment: Shipment) -> Delivery:
        """Is it there?"""
        if self._seat.at("bank") is not None:
            return Delivery.UNKNOWN
        return self._bank.look_for(shipment)


class Office:
    """Carries out what lies on the tray, one order at a time."""

    def __init__(
        self,
        tray: deque[Asked],
        desk: Desk,
        policies: Policies,
        now: Callable[[], int],
        seat: Seat,
    ) -> None:
        self._tray = tray
        self._seat = seat
        self._desk = desk
        self._policies = policies
        self._now = now

    def tick(self, timeout: float = 0.0) -> bool:
        """Carry one order out; True when it has ended."""
        self._policies.refresh()
        policy = self._policies.in_force(self._now())
        if not self._tray or policy is None:
            return False
        order = self._tray[0]
        self._seat.doubtful = False
        try:
            self._do(order, Terms(self._now(), policy))
        except OperationalError:
            return False
        except (runs.RunRefusedError, OperationRefusedError):
            # A no is an end, too, unless the database forgot what this order had done.
            if self._seat.doubtful:
                raise
        if self._seat.doubtful:
            return False
        if order in self._tray:
            self._tray.remove(order)
        return True

    def ready(self) -> bool:
        """Is the tray empty?"""
        return not self._tray

    def close(self) -> None:
        """Nothing is in flight between ticks."""

    def _do(self, order: Asked, terms: Terms) -> None:
        if order.type == "run_settlement":
            dry = bool(order.body.get("dry"))
            named = runs.RunOrder(run=order.id, made_by=SYSTEM.maker, dry=dry)
            carry_out(self._desk, named, SYSTEM.checker, terms)
            return
        with self._desk.engine.begin() as connection:
            if order.type in OPERATIONS:
                _operate(connection, order, terms)
            else:
                self._settle(connection, order, terms)

    def _settle(self, connection: Connection, order: Asked, terms: Terms) -> None:
        body, vault = order.body, self._desk.vault
        match order.type:
            case "cancel_run":
                runs.cancel(connection, body["run"], SOMEBODY, "by hand", terms)
            case "bank_return":
                notice = ReturnNotice(body["run"], body["location"], body["code"])
                bank_return(connection, vault, notice, terms)
            case "bank_correction":
                told = CorrectionNotice(body["run"], body["location"], "C01", body["value"])
                bank_correction(connection, vault, told, SOMEBODY, terms)
            case "approve_correction":
                for change in staged_corrections(connection):
                    approve_correction(connection, vault, change, "service/another")
            case "acknowledge":
                acknowledge(connection, body["run"], 1, terms)
            case _:
                self._resolve(connection, order, terms)

    def _resolve(self, connection: Connection, order: Asked, terms: Terms) -> None:
        """Two people look at the bank's list of files."""
        assert order.type == "resolve_delivery"
        bank: Any = self._desk.bank
        name = f"{order.body['run']}"
        there = any(name in taken for taken in bank._bank.taken)
        found = Finding(name, 1, there, "the bank's list", SOMEBODY, "service/another")
        resolve_delivery(connection, found, terms)


def _operate(connection: Connection, order: Asked, terms: Terms) -> None:
    made = Order(order.id, SOMEBODY)
    if order.type == "close_period":
        close_period(connection, made, order.subject, order.body["until"], terms)
    else:
        rate = order.body.get("rate_bp")
        recognize_breakage(connection, made, order.body["programme"], rate, terms)
