"""Redemption's facts, and the parts they are made of; what everyone downstream works from."""

from dataclasses import dataclass, field
from typing import Any, Literal

from schemas import charge_backs, handover
from schemas.value import (
    AccountFact,
    CoveredLine,
    Draw,
    Fixed,
    Hold,
    Lot,
    LotMerge,
    LotValidity,
    Origin,
    Part,
    ReturnedGoods,
    Where,
)


@dataclass(kw_only=True)
class ValueLoaded(AccountFact):
    """Value came onto a card, for `price_minor`; `promo` tender posts no journal."""

    cause: Literal["activation", "import", "load"]
    lots: list[Lot]
    minor: int
    price_minor: int
    tender: str
    origin: Origin
    sale: str | None = None
    fixed: Fixed | None = None
    note: str | None = None
    day: str | None = None
    validity: list[LotValidity] = field(default_factory=list)
    merged: list[LotMerge] = field(default_factory=list)


@dataclass(kw_only=True)
class CreditIssued(AccountFact):
    """Store credit was issued; `owner_kind` is customer, company or card."""

    owner_kind: Literal["customer", "company", "card"]
    owner: str
    lots: list[Lot]
    minor: int
    origin: Origin
    membership: str | None = None
    assignment: str | None = None
    note: str | None = None
    day: str | None = None
    merged: list[LotMerge] = field(default_factory=list)


@dataclass(kw_only=True)
class HoldPlaced(AccountFact):
    """`hold` reserves `hold.minor`; of `requested_minor`, `due_minor` remains to be paid."""

    hold: Hold
    requested_minor: int
    due_minor: int


@dataclass(kw_only=True)
class HoldIncreased(AccountFact):
    """`hold` is the whole hold after it; `minor` the increase."""

    hold: Hold
    minor: int
    day: str | None = None


@dataclass(kw_only=True)
class HoldCaptured(AccountFact):
    """`minor` was spent (Σ parts), `exception_minor` honoured beyond the balance (late).

    `draws` say what was taken from which lot; `hold` is the hold as it stays open, None when it
    closed: `released_minor` went back. `late`: the hold had ended; it counts on network `day`.
    """

    hold_id: str
    capture: str
    minor: int
    requested_minor: int
    exception_minor: int
    late: bool
    final: bool
    parts: list[Part]
    lines: list[CoveredLine]
    draws: list[Draw]
    hold: Hold | None
    released_minor: int
    order: str | None = None
    refundable_until: int | None = None
    day: str | None = None


@dataclass(kw_only=True)
class HoldEnded(AccountFact):
    """`hold_released` and `hold_lapsed`; an unseen hold leaves a tombstone with `minor` 0."""

    hold_id: str
    minor: int
    unseen: bool = False
    order: str | None = None


@dataclass(kw_only=True)
class CaptureRefunded(AccountFact):
    """Captured value came back (Σ parts = `minor`).

    `to` is where it went, `to_same`: here. `lots` were made by it here (a lot had expired).
    `capture_where`: where it had been spent. `fully`: all is back. `goods`: named by price.
    """

    capture: str
    to: str
    to_same: bool
    minor: int
    parts: list[Part]
    lines: list[CoveredLine]
    restored: list[Draw]
    lots: list[Lot]
    capture_where: Where
    fully: bool
    reason: str | None = None
    goods: ReturnedGoods | None = None
    order: str | None = None


@dataclass(kw_only=True)
class ReturnReserved(AccountFact):
    """Refunding: an unused card is on its way back until `due_at`."""

    return_id: str
    due_at: int
    reason: str | None = None


@dataclass(kw_only=True)
class ReturnEnded(AccountFact):
    """`return_cancelled` and `return_lapsed`: Activated again (or a tombstone)."""

    return_id: str
    unseen: bool = False


@dataclass(kw_only=True)
class CardReturned(AccountFact):
    """The unused card's value was paid back by `tender`; state Refunded, or Blank (to stock)."""

    return_id: str
    minor: int
    price_minor: int
    tender: str
    parts: list[Part]


@dataclass(kw_only=True)
class BalanceAdjusted(AccountFact):
    """By hand: `minor` up (then `lots` came in) or down (then `parts` went out)."""

    minor: int
    reason: str
    parts: list[Part]
    lots: list[Lot]
    note: str | None = None
    approved_by: str | None = None
    merged: list[LotMerge] = field(default_factory=list)


@dataclass(kw_only=True)
class AccountMarked(AccountFact):
    """`account_frozen`, `account_unfrozen`, `account_cancelled`."""

    reason: str
    case: str | None = None


@dataclass(kw_only=True)
class ValidityExtended(AccountFact):
    """Lots live until `expires_at` again; `parts` are what had expired and is restored.

    `restored` names the expired lots that are back, where these are not all of them.
    """

    expires_at: int
    reason: str
    approved_by: str
    parts: list[Part]
    lots: list[Lot]
    restored: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class ValueTaken(AccountFact):
    """`cashed_out`, `lots_expired`, `value_escheated`: `parts` went out, Σ = `minor`.

    `cause` is the sweep, forfeit (rest of a one-time card), residual, or staff.
    """

    minor: int
    parts: list[Part]
    cause: Literal["sweep", "forfeit", "staff", "cash_out", "escheat"]
    reason: str | None = None
    operation: str | None = None
    dropped: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class ValueSent(AccountFact):
    """Lots and holds left for account `to`; with `replacement` this account is Cancelled."""

    to: str
    minor: int
    lots: list[Lot]
    holds: list[Hold]
    reason: str


@dataclass(kw_only=True)
class ValueReceived(AccountFact):
    """Lots and holds arrived from account `sender`; `unclaimed` when it stands in for another.

    `order` and `note`: of the refund that it is, and why the goods came back.
    """

    sender: str
    minor: int
    lots: list[Lot]
    holds: list[Hold]
    reason: str | None = None
    unclaimed: bool = False
    order: str | None = None
    note: str | None = None


@dataclass(kw_only=True)
class ValueForwarded:
    """Value for an account that cannot take it went on to `to`; it was never under this one.

    Not an `AccountFact`: there may be no account. It posts nothing, its lots stay in transit.
    """

    sender: str
    to: str
    minor: int
    lots: list[Lot]
    holds: list[Hold]
    programme: str
    currency: str
    reason: str | None = None
    order: str | None = None
    note: str | None = None


@dataclass(kw_only=True)
class RedemptionRefused:
    """A refusal, recorded: the command's type, the reason, what was wrong."""

    command: str
    reason: str
    detail: str | None = None
    where: Where | None = None
    requested: dict[str, Any] = field(default_factory=dict)


FACTS: dict[str, type] = {
    "value_loaded.v1": ValueLoaded,
    "credit_issued.v1": CreditIssued,
    "hold_placed.v1": HoldPlaced,
    "hold_increased.v1": HoldIncreased,
    "hold_captured.v1": HoldCaptured,
    "hold_released.v1": HoldEnded,
    "hold_lapsed.v1": HoldEnded,
    "capture_refunded.v1": CaptureRefunded,
    "return_reserved.v1": ReturnReserved,
    "return_cancelled.v1": ReturnEnded,
    "return_lapsed.v1": ReturnEnded,
    "card_returned.v1": CardReturned,
    "balance_adjusted.v1": BalanceAdjusted,
    "account_frozen.v1": AccountMarked,
    "account_unfrozen.v1": AccountMarked,
    "account_cancelled.v1": AccountMarked,
    "validity_extended.v1": ValidityExtended,
    "cashed_out.v1": ValueTaken,
    "lots_expired.v1": ValueTaken,
    "value_escheated.v1": ValueTaken,
    "value_sent.v1": ValueSent,
    "value_received.v1": ValueReceived,
    "value_forwarded.v1": ValueForwarded,
    **charge_backs.FACTS,
    **handover.FACTS,
    "redemption_refused.v1": RedemptionRefused,
}
