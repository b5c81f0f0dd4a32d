"""What a person in the office does in a story: runs, the bank's returns, breakage, periods."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from schemas.terms import Terms
from services.ledger.operations import (
    OperationRefusedError,
    Order,
    close_period,
    closed_periods,
    recognize_breakage,
)
from services.settlement.operations import SYSTEM, carry_out
from services.settlement.returned.operations import (
    CorrectionNotice,
    ReturnNotice,
    bank_correction,
    bank_return,
)
from services.settlement.runs import RunOrder, RunRefusedError
from services.stories.stage import Stage
from services.stories.steps import (
    BreakageStep,
    CloseStep,
    CorrectionStep,
    ReturnStep,
    RunStep,
    Step,
)

OFFICE: Final = "service/story"


class Office:
    """Operations of the ledger and of settlement; a problem is what the business refused."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def closed(self) -> dict[str, str]:
        """{entity: its books are closed up to and including this ISO day}."""
        with self._stage.engine.begin() as connection:
            return closed_periods(connection)

    def settle(self, step: RunStep, terms: Terms) -> str | None:
        """Start a run and take it as far as the bank."""
        order = RunOrder(run=step.id, made_by=SYSTEM.maker, dry=step.dry)
        return _asked(lambda: carry_out(self._stage.desk, order, SYSTEM.checker, terms))

    def do(self, step: Step, terms: Terms) -> str | None:
        """Carry the step out; what was refused, or None."""
        match step:
            case ReturnStep():
                return self._returned(step, terms)
            case CorrectionStep():
                return self._corrected(step, terms)
            case BreakageStep():
                order = Order(step.id, OFFICE)
                return self._booked(
                    lambda connection: recognize_breakage(
                        connection, order, step.programme, step.rate_bp, terms
                    )
                )
            case CloseStep():
                order = Order(step.id, OFFICE)
                return self._booked(
                    lambda connection: close_period(
                        connection, order, step.entity, step.until, terms
                    )
                )
            case _:
                raise AssertionError(f"no operation: {step.do}")

    def _booked(self, do: Callable[[Connection], None]) -> str | None:
        try:
            with self._stage.engine.begin() as connection:
                do(connection)
        except OperationRefusedError as refused:
            return str(refused)
        return None

    def _returned(self, step: ReturnStep, terms: Terms) -> str | None:
        notice = ReturnNotice(
            run=step.run,
            location=step.location,
            code=step.code,
            attempt=step.attempt,
            amount_minor=step.amount,
            trace=step.trace,
        )
        with self._stage.engine.begin() as connection:
            answer = bank_return(connection, self._stage.desk.vault, notice, terms)
        return None if answer == "booked" else answer

    def _corrected(self, step: CorrectionStep, terms: Terms) -> str | None:
        notice = CorrectionNotice(step.run, step.location, step.code, step.value)
        with self._stage.engine.begin() as connection:
            answer = bank_correction(connection, self._stage.desk.vault, notice, OFFICE, terms)
        return None if answer == "booked" else answer


def _asked(do: Callable[[], object]) -> str | None:
    try:
        do()
    except RunRefusedError as refused:
        return str(refused)
    return None
