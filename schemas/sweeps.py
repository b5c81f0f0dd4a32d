"""What falls due on one partition, many at a time: a sweep is one record of many commands."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.identifiers import AccountId, Id
from schemas.issuance import LapseSale
from schemas.message import Command, CommandModel
from schemas.redemption import ExpireLots, LapseHold, LapseReturn

SWEEP: Final = "sweep"
DUE_MAX: Final = 200


class _Due(BaseModel):
    """One command that is due: its own id (uuid5 of what is due, and when), subject and data."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: Id
    subject: AccountId


class DueSale(_Due):
    """A sale that was not confirmed in time."""

    type: Literal["lapse_sale.v1"]
    data: LapseSale


class DueHold(_Due):
    """A hold that is past its end."""

    type: Literal["lapse_hold.v1"]
    data: LapseHold


class DueReturn(_Due):
    """A return that was not confirmed in time."""

    type: Literal["lapse_return.v1"]
    data: LapseReturn


class DueLots(_Due):
    """Lots whose validity has ended."""

    type: Literal["expire_lots.v1"]
    data: ExpireLots


_OfAccounts = Annotated[DueHold | DueReturn | DueLots, Field(discriminator="type")]


class SweepCards(CommandModel):
    """Sweeper: what is due on cards of stock, each decided as the command it names."""

    due: Annotated[list[DueSale], Field(min_length=1, max_length=DUE_MAX)]


class SweepAccounts(CommandModel):
    """Sweeper: what is due on live accounts, each decided as the command it names."""

    due: Annotated[list[_OfAccounts], Field(min_length=1, max_length=DUE_MAX)]


def commands_of(command: Command) -> Iterator[Command]:
    """The command itself, or those a sweep holds, as if each had come in a record of its own.

    They have no content: nothing is remembered of them, so no repeat is told by it.
    """
    if command.type != SWEEP:
        yield command
        return
    source, time = command.source, command.time
    for due in command.body.due:
        yield Command(due.id, due.type.removesuffix(".v1"), source, due.subject, time, due.data)
