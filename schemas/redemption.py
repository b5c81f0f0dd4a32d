"""Redemption's commands: everything that changes or asks for a live balance."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.charge_backs import FollowChargeBack
from schemas.handover import EscheatLots, ReceiveValue, TakeBackImport
from schemas.identifiers import AccountId, Id, Name
from schemas.instants import Instant
from schemas.message import CommandModel, Text, Who, Why
from schemas.money import Currency, Minor, Money

LINES_MAX = 200
TTL_SECONDS_MAX = 30 * 86_400


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Owner(_Part):
    """Whose credit it is: exactly one of customer and company."""

    customer: Id | None = None
    company: Id | None = None

    @model_validator(mode="after")
    def _one(self) -> "Owner":
        if (self.customer is None) == (self.company is None):
            raise ValueError("an owner is exactly one of customer and company")
        return self


class Line(_Part):
    """A line of the receipt that is paid for."""

    line: Annotated[int, Field(ge=0, le=1_000_000)]
    category: Name
    amount: Money
    product: Text | None = None
    quantity: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class RefundLine(_Part):
    """How much of a line's covered amount goes back."""

    line: Annotated[int, Field(ge=0, le=1_000_000)]
    amount: Money


class Order(_Part):
    """The order that is paid for; `covered`: what other accounts and tenders cover of `total`."""

    id: Id
    total: Money | None = None
    covered: Money | None = None


Lines = Annotated[list[Line], Field(min_length=1, max_length=LINES_MAX)]
RefundLines = Annotated[list[RefundLine], Field(min_length=1, max_length=LINES_MAX)]


class IssueCredit(CommandModel):
    """Store credit for an owner; creates the account at first use."""

    owner: Owner
    amount: Money
    origin: Literal["issuance", "refund", "membership", "goodwill", "promo", "consignment"]
    membership: Name | None = None
    assignment: Id | None = None
    note: Text | None = None


class LoadValue(CommandModel):
    """More value onto a live account."""

    amount: Money
    origin: Literal["paid", "promo", "goodwill"]
    tender: Name | None = None
    price: Money | None = None
    expires_at: Instant | None = None
    note: Text | None = None


class Enquire(CommandModel):
    """What is on this account? Answered, not recorded.

    With `use` the answer says too whether the account is `unused`, and the `tender` it was sold by.
    """

    use: bool | None = None


class PlaceHold(CommandModel):
    """Reserve value; the hold's id is this command's id."""

    amount: Money
    allow_partial: bool | None = None
    ttl_seconds: Annotated[int, Field(ge=1, le=TTL_SECONDS_MAX)] | None = None
    order: Order | None = None


class IncreaseHold(CommandModel):
    """Reserve `amount` more under an open hold; its end stays."""

    hold: Id
    amount: Money


class CaptureHold(CommandModel):
    """Spend what a hold reserved: all of it, or `amount`; `final` releases the rest."""

    hold: Id
    amount: Money | None = None
    lines: Lines | None = None
    final: bool | None = None


class ReleaseHold(CommandModel):
    """The hold is not needed; an advice, accepted however early and however often."""

    hold: Id


class Redeem(CommandModel):
    """Hold and capture in one."""

    amount: Money
    allow_partial: bool | None = None
    lines: Lines | None = None
    order: Order | None = None


class RefundCapture(CommandModel):
    """Captured value goes back, by amount, lines, or both; `by: price` names prices of goods."""

    capture: Id
    amount: Money | None = None
    lines: RefundLines | None = None
    by: Literal["covered", "price"] | None = None
    to: AccountId | None = None
    to_currency: Currency | None = None  # of `to`, where the sender knows it
    reason: Text | None = None

    @model_validator(mode="after")
    def _something(self) -> "RefundCapture":
        if self.amount is None and self.lines is None:
            raise ValueError("a refund names an amount, lines, or both")
        return self


class ReserveReturn(CommandModel):
    """An unused card comes back: first phase, Activated → Refunding."""

    reason: Text | None = None


class ConfirmReturn(CommandModel):
    """Second phase; `return` is the id of its `reserve_return`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)

    return_id: Annotated[Id, Field(alias="return")]


class CancelReturn(ConfirmReturn):
    """The return does not happen; an advice."""


class AdjustBalance(CommandModel):
    """Change a balance by hand, up or down, with a reason."""

    minor: Minor
    reason: Why
    note: Text | None = None
    approved_by: Who | None = None


class FreezeAccount(CommandModel):
    """Nothing new goes out until it is unfrozen."""

    reason: Why
    case: Text | None = None


class UnfreezeAccount(FreezeAccount):
    """The freeze ends."""


class ExtendValidity(CommandModel):
    """A later end of validity; two people."""

    expires_at: Instant
    reason: Why
    approved_by: Who


class CashOut(CommandModel):
    """Pay the rest out, where the law of the place allows it."""


class ExpireCredit(CommandModel):
    """Staff let store credit expire, all of it or `amount`."""

    amount: Money | None = None
    reason: Why


class ChargeBackSale(CommandModel):
    """The sale of the card was charged back: freeze, take what is unspent, report the spent."""

    sale: Id


class TransferBalance(CommandModel):
    """Move value, holds and lots to another account; `replacement` also cancels the old card."""

    to: AccountId
    to_currency: Currency | None = None  # of `to`, where the sender knows it
    reason: Why


class CancelAccount(CommandModel):
    """End an account whose ledger is 0 and that has no holds."""

    reason: Why


class Activate(CommandModel):
    """Issuance hands a card over. Never refusable. `place` is where it was sold, channel too."""

    programme: str
    life: int
    lots: list[dict[str, Any]]
    fixed: dict[str, Any]
    tender: str
    sale: str
    imported: bool = False
    currency: str | None = None


class LapseHold(ReleaseHold):
    """Sweeper: this hold is past its end."""


class LapseReturn(ConfirmReturn):
    """Sweeper: this return was not confirmed in time."""


class ExpireLots(CommandModel):
    """Sweeper: lots whose validity has ended by now; `round` sets one sweep apart from the next."""

    round: int = 0


_INTERNAL: dict[str, type[CommandModel]] = {
    "activate": Activate,
    "receive_value": ReceiveValue,
    "follow_charge_back": FollowChargeBack,
    "take_back_import": TakeBackImport,
    "lapse_hold": LapseHold,
    "lapse_return": LapseReturn,
    "expire_lots": ExpireLots,
    "escheat_lots": EscheatLots,
}
COMMANDS: dict[str, type[CommandModel]] = {
    "issue_credit": IssueCredit,
    "load_value": LoadValue,
    "enquire": Enquire,
    "place_hold": PlaceHold,
    "increase_hold": IncreaseHold,
    "capture_hold": CaptureHold,
    "release_hold": ReleaseHold,
    "redeem": Redeem,
    "refund_capture": RefundCapture,
    "reserve_return": ReserveReturn,
    "confirm_return": ConfirmReturn,
    "cancel_return": CancelReturn,
    "adjust_balance": AdjustBalance,
    "freeze_account": FreezeAccount,
    "unfreeze_account": UnfreezeAccount,
    "extend_validity": ExtendValidity,
    "cash_out": CashOut,
    "expire_credit": ExpireCredit,
    "charge_back_sale": ChargeBackSale,
    "transfer_balance": TransferBalance,
    "cancel_account": CancelAccount,
    **_INTERNAL,
}
INTERNAL_COMMANDS = frozenset(_INTERNAL)
