"""What services tell one another about a live card: value it is sent, and imports undone.

Issuance took the card over with its balance, but only redemption knows whether it is unused. So
`undo_import` asks it to take the value back (`take_back_import`), redemption does or does not
(`import_taken_back`, `import_kept`), and `close_undo` brings issuance the outcome.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from schemas.message import CommandModel
from schemas.value import AccountFact, Part


class ReceiveValue(CommandModel):
    """Another account sends value here. Never refusable. `frozen`: nobody may spend it yet.

    `order` and `note` are those of the refund it comes from.
    """

    sender: Annotated[str, Field(alias="from")]
    cause: str
    lots: list[dict[str, Any]]
    holds: list[dict[str, Any]] = Field(default_factory=list)
    kind: str
    programme: str
    currency: str
    reason: str | None = None
    order: str | None = None
    note: str | None = None
    unclaimed: bool = False
    frozen: bool = False


class EscheatLots(CommandModel):
    """Ledger operations: unclaimed value goes to the state."""

    lots: list[str]
    operation: str


class TakeBackImport(CommandModel):
    """Issuance to redemption: take the import `sale` back if nothing has touched it.

    `undo` is the id of the `undo_import`. Never refusable.
    """

    undo: str
    sale: str


class CloseUndo(CommandModel):
    """Redemption to issuance: `undo` is done, or (`reason`, a refusal's name) it is not."""

    undo: str
    reason: str | None = None
    detail: str | None = None


@dataclass(kw_only=True)
class ImportTakenBack(AccountFact):
    """The imported value (Σ parts = `minor`) is gone again; the account is Cancelled."""

    undo: str
    minor: int
    parts: list[Part]


@dataclass(kw_only=True)
class ImportKept(AccountFact):
    """The import stays: it is not unused any more (`reason`); nothing changes."""

    undo: str
    reason: str
    detail: str | None = None


FACTS: dict[str, type] = {
    "import_taken_back.v1": ImportTakenBack,
    "import_kept.v1": ImportKept,
}
