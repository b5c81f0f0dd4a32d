"""One command as issuance decides on it, and the answers it may give."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.decision import Decided, Refused
from schemas.issuance import CancelSale, CardFact, ConfirmSale, IssuanceRefused, ReserveSale
from schemas.message import Command
from schemas.refusals import Reason
from schemas.terms import Terms
from schemas.value import Where
from services.issuance.checks import Problem
from services.issuance.rows import Card


@dataclass(slots=True, frozen=True)
class Asked:
    """The command, the rows it needs, and the terms it is decided under."""

    rows: Mapping[str, Any]
    command: Command
    terms: Terms

    @property
    def card(self) -> Card | None:
        """The card it is about, if there is one."""
        card: Card | None = self.rows.get(self.command.subject)
        return card

    @property
    def where(self) -> Where:
        """The command's place; the network's parent where it names none that is known."""
        where = self.terms.where(self.command.body.place) or self.terms.where(None)
        assert where is not None, "the parent is a place"
        return where

    def refused(self, problem: Problem) -> Refused:
        """The recorded refusal, dated at the command's place where that is known."""
        reason, detail = problem
        where = self.terms.where(self.command.body.place)
        return Refused(reason, detail, refusal(self.command, reason, detail, where))


def decided(type: str, body: CardFact, subject: str | None = None) -> Decided:
    """The fact to be, dated at its own place."""
    return Decided(type, body, (body.where.entity,), body.where.location, subject)


def refusal(
    command: Command, reason: Reason, detail: str | None, where: Where | None = None
) -> Decided:
    """The refusal as it is recorded."""
    body = IssuanceRefused(
        command=command.type,
        reason=reason.value,
        detail=detail,
        where=where,
        requested=_requested(command.body),
    )
    if where is None:
        return Decided("issuance_refused.v1", body)
    return Decided("issuance_refused.v1", body, (where.entity,), where.location)


def _requested(body: Any) -> dict[str, Any]:
    match body:
        case ReserveSale():
            value = {"minor": body.value.minor, "currency": body.value.currency}
            return {"value": value, "tender": body.tender}
        case ConfirmSale() | CancelSale():
            return {"sale": body.sale}
        case _:
            return {}
