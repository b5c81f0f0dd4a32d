"""Redemption's rows: what is kept of an account, its captures, and what has ended."""

from dataclasses import dataclass, field
from typing import Final, Literal

from schemas.instants import DAY
from schemas.value import AccountState, Fixed, Hold, Kind, Lot, Part, Where

# Nothing that names a hold or return can be accepted later than this after it ended (design D4).
ENDED_KEPT: Final = 37 * DAY
# How long after its last use an order's total still binds.
ORDER_KEPT: Final = 730 * DAY
# Of so many lapsed holds an account knows what their orders have taken since.
LAPSED_MAX: Final = 100
# Of so many sales and receivers an account knows; the oldest are forgotten.
TRAIL_MAX: Final = 20


@dataclass(kw_only=True)
class Untaken:
    """What of a sale that was charged back may still be taken: of its face, and of its price, which
    is lost until then. Both are 0 while its value is followed elsewhere.
    """

    face_minor: int
    lost_minor: int


@dataclass(kw_only=True)
class Sale:
    """The sale that made a card live: what was paid, by what, for which lots, where."""

    sale: str
    tender: str
    price_minor: int
    face_minor: int
    lots: list[str]
    where: Where
    charged_back: bool = False
    untaken: Untaken | None = None


@dataclass(slots=True, kw_only=True)
class LapsedHold:
    """A lapsed hold of an order with a total: what uses that are over have `taken` of it.

    Nobody who captures it late names the order, so that the account keeps it, as open holds do.
    """

    hold: str
    order: str
    taken: int
    ended_at: int


@dataclass(kw_only=True)
class Trail:
    """Sales of other cards (`card/sale`) whose value came here, and where value of sales went."""

    of_sales: list[str]
    sent_to: list[str]


@dataclass(kw_only=True)
class Account:
    """A live account as it is; `ledger` = Σ lots, `held` = Σ holds = Σ held of lots (minor units).

    `used` tells whether anything but its sale ever moved its value. `expired` are lots whose end
    may still be put off. `loaded_at` is the last load (the law counts from it); the `_day` fields
    say which network day the counters beside them count. `sweeps` counts sweeps of lots. `lapsed`
    are holds that may still be captured late, the latest last.
    """

    kind: Kind
    programme: str
    currency: str
    life: int
    state: AccountState
    frozen: bool = False
    ledger: int = 0
    held: int = 0
    lots: list[Lot] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    owner_kind: str | None = None
    owner: str | None = None
    fixed: Fixed | None = None
    sale: Sale | None = None
    used: bool = False
    loaded_at: int = 0
    loaded_day: str | None = None
    loaded_minor: int = 0
    spent_day: str | None = None
    spent_minor: int = 0
    expired: list[Lot] = field(default_factory=list)
    return_id: str | None = None
    return_due: int | None = None
    unclaimed: bool = False
    sweeps: int = 0
    lapsed: list[LapsedHold] = field(default_factory=list)
    trail: Trail | None = None


@dataclass(kw_only=True)
class LotTerms:
    """What is needed to make a lot again that had been spent to the end."""

    lot: str
    face_start: int
    funded_start: int
    sold_at: int
    expires_at: int | None
    life: int
    of_sale: str | None = None


@dataclass(kw_only=True)
class PricedLine:
    """A line of a receipt: its price, what the card covered, and the price of what came back."""

    line: int
    price: int
    covered: int
    returned: int = 0


@dataclass(kw_only=True)
class Receipt:
    """A receipt that other tenders paid too: `due` of it was to be given back by them so far.

    `exception` was paid by nobody (a late capture honoured beyond the balance).
    """

    lines: list[PricedLine]
    exception: int
    due: int = 0


@dataclass(kw_only=True)
class Capture:
    """What may come back: the split as captured, `refunded_before` of each part going up.

    Once all of it has come back `parts` are dropped, and only the fact that it is done remains.
    `receipt`: None where the card paid for all of it.
    """

    capture: str
    minor: int
    refunded: int
    policy: int
    where: Where
    parts: list[Part]
    lots: list[LotTerms]
    until: int | None
    receipt: Receipt | None = None
    order: str | None = None


@dataclass(kw_only=True)
class EndedHold:
    """A hold that is no longer open; `minor` of it was neither captured nor asked back.

    `released` is also the tombstone of a hold released before it was asked for; `moved` went to
    another account with the balance.
    """

    hold: str
    ended: Literal["released", "lapsed", "captured", "moved"]
    ended_at: int
    minor: int = 0
    order: str | None = None
    order_total: int | None = None


@dataclass(kw_only=True)
class EndedReturn:
    """A return that is no longer open (`cancelled` is also a tombstone)."""

    return_id: str
    ended: Literal["cancelled", "lapsed", "confirmed"]
    ended_at: int


@dataclass(kw_only=True)
class Assignment:
    """This membership assignment has had its credit, once and for all."""

    assignment: str
    membership: str


@dataclass(slots=True, kw_only=True)
class OrderUse:
    """What one order has of this account: held, and captured less refunded (minor units)."""

    order: str
    minor: int
    until: int


Row = Account | Capture | EndedHold | EndedReturn | Assignment | OrderUse
ROWS: Final[dict[str, type]] = {
    "": Account,
    "capture": Capture,
    "hold": EndedHold,
    "return": EndedReturn,
    "assignment": Assignment,
    "order": OrderUse,
}
# Read from the bytes of rows that are restored: no due comes before these fields of it say, and
# nothing is forgotten before its field and so many milliseconds.
DUE_FROM: Final[dict[str, tuple[str, ...]]] = {"": ("ends_at", "expires_at", "return_due")}
FORGOTTEN_FROM: Final[dict[str, tuple[str, int]]] = {
    "capture": ("until", 0),
    "hold": ("ended_at", ENDED_KEPT),
    "return": ("ended_at", ENDED_KEPT),
    "order": ("until", 0),
}


def terms_of(lot: Lot) -> LotTerms:
    """What is needed to make the lot again once it is spent."""
    return LotTerms(
        lot=lot.lot,
        face_start=lot.face_start,
        funded_start=lot.funded_start,
        sold_at=lot.sold_at,
        expires_at=lot.expires_at,
        life=lot.life,
        of_sale=lot.of_sale,
    )


def capture_key(subject: str, capture: str) -> str:
    """The row of a capture that may be refunded."""
    return f"{subject}/capture/{capture}"


def hold_key(subject: str, hold: str) -> str:
    """The row of a hold that has ended."""
    return f"{subject}/hold/{hold}"


def return_key(subject: str, return_id: str) -> str:
    """The row of a return that has ended."""
    return f"{subject}/return/{return_id}"


def assignment_key(subject: str, assignment: str) -> str:
    """The row of a membership assignment."""
    return f"{subject}/assignment/{assignment}"


def order_key(subject: str, order: str) -> str:
    """The row of what an order has of the account."""
    return f"{subject}/order/{order}"


def forgotten_at(key: str, row: Row) -> int | None:
    """From when the row counts as absent (ms UTC); None: never."""
    match row:
        case EndedHold() | EndedReturn():
            return row.ended_at + ENDED_KEPT
        case Capture() | OrderUse():
            return row.until
        case _:
            return None
