"""Issuance's commands (read from channels, the press and redemption) and its facts."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.handover import CloseUndo
from schemas.identifiers import CardId, Id, Name
from schemas.instants import Instant
from schemas.message import CommandModel, Text, Why
from schemas.money import Money
from schemas.value import Fixed, Lot, Where

CARDS_PER_COMMAND_MAX = 1000

CardState = Literal["Blank", "Prepared", "Activating", "Activated", "Cancelled", "Voided"]
Last4 = Annotated[str, Field(pattern=r"^[0-9A-Z]{1,4}$")]


class CardEntry(BaseModel):
    """One card of a batch: its account id, the last four of its code, its value if fixed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    card: CardId
    last4: Last4
    value: Money | None = None


class PrepareCards(CommandModel):
    """Put cards into stock; the record's subject is one of them, all of one partition.

    `made`: how many identifiers each template has made with these, by its sender's meter.
    """

    programme: Name
    batch: Id
    cards: list[CardEntry] = Field(min_length=1, max_length=CARDS_PER_COMMAND_MAX)
    made: dict[Name, Annotated[int, Field(ge=0)]] | None = None


class ShipCards(CommandModel):
    """Send a card of stock to a location."""

    to: Name
    reason: Text | None = None


class ReserveSale(CommandModel):
    """First phase of a sale: Prepared → Activating. Also the data of `sell_card` (both phases)."""

    value: Money
    tender: Name
    price: Money | None = None


class SellCard(ReserveSale):
    """Both phases of a sale in one."""


class ImportEntry(CardEntry):
    """One card of an import; its dates where they differ from the import's."""

    sold_at: Instant | None = None
    expires_at: Instant | None = None


class ImportCards(CommandModel):
    """Take over cards that are already sold, with their balance."""

    programme: Name
    batch: Id
    cards: list[ImportEntry] = Field(min_length=1, max_length=CARDS_PER_COMMAND_MAX)
    value: Money | None = None
    sold_at: Instant
    expires_at: Instant | None = None


class UndoEntry(BaseModel):
    """One card of an import that is undone, as the import named it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    card: Id
    last4: Last4 | None = None
    value: Money | None = None
    sold_at: Instant | None = None
    expires_at: Instant | None = None


class UndoImport(CommandModel):
    """Take imported cards back while they are unused; redemption says of each whether it is.

    It may repeat what the import said: programme and batch must be the import's, for every card.
    Of `cards` (default: the subject) each is asked for by itself; the answer tells of the subject.
    Other partitions decide alone, so who wants all or nothing looks first: `enquire` of redemption
    with `use` says whether a card is `unused`.
    """

    programme: Name | None = None
    batch: Id | None = None
    cards: list[UndoEntry] | None = Field(None, min_length=1, max_length=CARDS_PER_COMMAND_MAX)
    value: Money | None = None
    sold_at: Instant | None = None
    expires_at: Instant | None = None


class ConfirmSale(CommandModel):
    """Second phase of a sale; `sale` is the id of its `reserve_sale`."""

    sale: Id


class CancelSale(CommandModel):
    """The sale does not happen; an advice, accepted however early and however often."""

    sale: Id


class Enquire(CommandModel):
    """What state is this card or account in? Answered, not recorded."""


class CancelCard(CommandModel):
    """Take a card of stock out of use."""

    reason: Why


class RestoreCard(CommandModel):
    """Cancelled → Prepared, by hand."""

    reason: Why


class LapseSale(CommandModel):
    """Sweeper: the sale reserved under this id is due to be cancelled."""

    sale: Id


class Restock(CommandModel):
    """Redemption gives an unused, returned card back to stock (Blank)."""

    life: int


class Rekeyed(CommandModel):
    """The press has made a new secret for a Blank card."""

    last4: Last4


COMMANDS: dict[str, type[CommandModel]] = {
    "prepare_cards": PrepareCards,
    "ship_cards": ShipCards,
    "reserve_sale": ReserveSale,
    "sell_card": SellCard,
    "import_cards": ImportCards,
    "undo_import": UndoImport,
    "confirm_sale": ConfirmSale,
    "cancel_sale": CancelSale,
    "enquire": Enquire,
    "cancel_card": CancelCard,
    "restore_card": RestoreCard,
    "lapse_sale": LapseSale,
    "restock": Restock,
    "rekeyed": Rekeyed,
    "close_undo": CloseUndo,
}
INTERNAL_COMMANDS = frozenset({"lapse_sale", "restock", "rekeyed", "close_undo"})


@dataclass(kw_only=True)
class CardFact:
    """What every issuance fact says; `life` counts how often the card came (back) into stock."""

    programme: str
    life: int
    state: CardState
    where: Where


@dataclass(kw_only=True)
class CardsPrepared(CardFact):
    """The card is in stock."""

    batch: str
    last4: str
    value_minor: int | None = None
    currency: str
    templates: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class CardsShipped(CardFact):
    """The card is on its way to, or at, a location."""

    to: str
    reason: str | None = None


@dataclass(kw_only=True)
class SaleReserved(CardFact):
    """Activating: the sale waits for its second phase until `due_at` (ms UTC)."""

    sale: str
    value_minor: int
    price_minor: int
    currency: str
    tender: str
    due_at: int


@dataclass(kw_only=True)
class CardSold(CardFact):
    """Activated: the value is handed to redemption; `lots` and `fixed` are what it receives."""

    sale: str
    value_minor: int
    price_minor: int
    currency: str
    tender: str
    lots: list[Lot]
    fixed: Fixed


@dataclass(kw_only=True)
class CardsImported(CardSold):
    """As sold, with a balance from elsewhere."""

    batch: str
    last4: str


@dataclass(kw_only=True)
class SaleEnded(CardFact):
    """`sale_cancelled` and `sale_lapsed`: back to Prepared (or a tombstone for a late reserve).

    `unseen`: no such sale was known, and the card stays what it is.
    """

    sale: str
    unseen: bool = False


@dataclass(kw_only=True)
class CardChanged(CardFact):
    """`card_cancelled`, `card_restored`, `import_undone`, `card_restocked`, `card_rekeyed`."""

    reason: str | None = None
    last4: str | None = None
    templates: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class UndoReserved(CardFact):
    """Redemption is asked to take the import `sale` back; `undo` is the command's id.

    `others` (of import `batch`, into the programme `named`) are asked for next, each by a command
    of its own; what the undo did not name is None.
    """

    undo: str
    sale: str
    batch: str | None = None
    named: str | None = None
    others: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class IssuanceRefused:
    """A refusal, recorded: the command's type, the reason, what was wrong."""

    command: str
    reason: str
    detail: str | None = None
    where: Where | None = None
    requested: dict[str, Any] = field(default_factory=dict)


FACTS: dict[str, type] = {
    "cards_prepared.v1": CardsPrepared,
    "cards_shipped.v1": CardsShipped,
    "sale_reserved.v1": SaleReserved,
    "card_sold.v1": CardSold,
    "cards_imported.v1": CardsImported,
    "undo_reserved.v1": UndoReserved,
    "import_undone.v1": CardChanged,
    "sale_cancelled.v1": SaleEnded,
    "sale_lapsed.v1": SaleEnded,
    "card_cancelled.v1": CardChanged,
    "card_restored.v1": CardChanged,
    "card_restocked.v1": CardChanged,
    "card_rekeyed.v1": CardChanged,
    "issuance_refused.v1": IssuanceRefused,
}
