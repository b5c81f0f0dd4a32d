"""The policy document: programmes, places, channels, rates, accounts and law, as of a date."""

from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.identifiers import Name
from schemas.instants import Instant, zone
from schemas.money import Currency

Right = Literal[
    "issue",
    "redeem",
    "refund",
    "adjust",
    "freeze",
    "cancel",
    "enquire",
    "approve",
    "settle",
    "release",
    "replay",
    "view",
]
Places = Literal["*"] | list[Name]
BasisPoints = Annotated[int, Field(ge=0, le=10_000, strict=True)]
PositiveMinor = Annotated[int, Field(gt=0, strict=True)]
Count = Annotated[int, Field(ge=0, strict=True)]
Switch = Annotated[bool, Field(strict=True)]
Day = Annotated[str, BeforeValidator(str), Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
OwnerKind = Literal["customer", "company"]
DrawRule = Literal["promo", "soonest_expiring", "oldest"]
SplitRefund = Literal["card_first", "ratio", "card_last"]
DRAW_RULES: tuple[DrawRule, ...] = ("promo", "soonest_expiring", "oldest")
RATES_BP: dict[str, int | None] = {
    "service": 500,
    "product": 3000,
    "class": 2000,
    "tax": 10_000,
    "tip": 10_000,
}


def _timezone(name: Any) -> Any:
    try:
        zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError) as unknown:
        raise ValueError("an IANA timezone, like America/New_York") from unknown
    return name


def _instant_text(value: Any) -> Any:
    # YAML reads an unquoted timestamp as a datetime already.
    return value.isoformat() if hasattr(value, "isoformat") else value


Timezone = Annotated[str, BeforeValidator(_timezone)]
Effective = Annotated[Instant, BeforeValidator(_instant_text)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(_Section):
    """The whole: its currency, its clock, the entity that runs settlement."""

    currency: Currency
    timezone: Timezone = "America/New_York"
    parent: Name
    bank_account: Name | None = None


class Entity(_Section):
    """A legal entity: one set of books per currency."""

    name: str | None = None


class Location(_Section):
    """A place where value comes in or is spent."""

    entity: Name
    franchise: Name | None = None
    jurisdiction: str = "US"
    timezone: Timezone | None = None
    bank_account: Name | None = None
    name: str | None = None


class Channel(_Section):
    """Who publishes commands, and what it may do."""

    may: list[Right]
    locations: Places = "*"
    hold_seconds: Annotated[int, Field(ge=1, le=30 * 86_400, strict=True)] | None = None
    replies: str | None = None


class Fixed(_Section):
    """Only these values are offered (minor units)."""

    fixed: list[PositiveMinor] = Field(min_length=1)


class Range(_Section):
    """Any value from the first to the second (minor units) is offered."""

    range: tuple[PositiveMinor, PositiveMinor]


class Validity(_Section):
    """`days` from the sale, or `until` the end of a day in network time."""

    days: Annotated[int, Field(ge=1, strict=True)] | None = None
    from_: Literal["sale"] = Field("sale", alias="from")
    until: Day | None = None

    @model_validator(mode="after")
    def _one(self) -> "Validity":
        if (self.days is None) == (self.until is None):
            raise ValueError("exactly one of days and until")
        return self


class Returns(_Section):
    """What becomes of an unused card that comes back, and for how long it may."""

    to: Literal["refunded", "prepared"] = "refunded"
    within_days: Count = 30


class Limits(_Section):
    """Minor units; absent: no limit."""

    balance_max: PositiveMinor | None = None
    per_day_max: PositiveMinor | None = None
    adjust_alone_max: Count | None = None


class Remote(_Section):
    """The detail of remote breakage."""

    after_days: Count


class Breakage(_Section):
    """How value nobody will ever use becomes income."""

    method: Literal["proportional", "remote", "none"] = "none"
    rate_bp: BasisPoints | None = None
    after_days: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _nested_remote(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("method"), dict):
            remote = Remote.model_validate(value["method"].get("remote"))
            return {**value, "method": "remote", "after_days": remote.after_days}
        return value


class Programme(_Section):
    """A product of stored value."""

    kind: Literal["card", "credit"]
    currency: Currency
    use: Literal["reusable", "one_time"] = "reusable"
    remainder: Literal["residual", "forfeit"] = "residual"
    product: str | None = None
    templates: list[Name] = Field(default_factory=list)
    reloadable: Switch = True
    value: Fixed | Range | None = None
    validity: Validity | None = None
    hold_seconds: Annotated[int, Field(ge=1, le=30 * 86_400, strict=True)] = 600
    late_capture: Literal["honour_if_available", "honour_with_exception", "reject"] = (
        "honour_if_available"
    )
    returns: Returns = Field(default_factory=Returns)
    split_refund: SplitRefund = "card_first"
    limits: Limits = Field(default_factory=Limits)
    locations: Places = "*"
    draw: list[DrawRule] = Field(default_factory=lambda: list(DRAW_RULES))
    breakage: Breakage = Field(default_factory=Breakage)


class Template(_Section):
    """How identifiers are made: a digital code, or a number with PIN, barcode and track."""

    code: Literal["crockford16"] | None = None
    number: Annotated[str, Field(pattern=r"^[0-9#]{15,18}C$")] | None = None
    pin: Annotated[int, Field(ge=6, le=12, strict=True)] | None = None
    barcode: Literal["code128", "ean13"] | None = None
    track: Switch = False
    qr: Switch = False
    capacity: PositiveMinor | None = None


class Membership(_Section):
    """What a plan gives, once per assignment."""

    programme: Name
    amount: PositiveMinor


class Pair(_Section):
    """Rates between two locations; rate null: nothing is owed."""

    from_: Name = Field(alias="from")
    to: Name
    rate_bp: BasisPoints | None = None
    rates_bp: dict[str, BasisPoints | None] = Field(default_factory=dict)


class Originator(_Section):
    """Who sends the bank files; the defaults are a working sample."""

    destination: str = "021000021"
    destination_name: str = "SAMPLE BANK"
    origin: str = "1234567890"
    company: str = "SCRIP NETWORK"
    company_id: str = "1234567890"
    odfi: str = "02100002"
    description: str = "GIFT CARDS"


class Settlement(_Section):
    """Who owes whom for what, and when it is paid."""

    enabled: Switch = False
    cross_franchise: Switch = False
    same_entity: Literal["items", "none"] = "items"
    mode: Literal["percentage", "full"] = "percentage"
    rates_bp: dict[str, BasisPoints | None] = Field(default_factory=lambda: dict(RATES_BP))
    pairs: list[Pair] = Field(default_factory=list)
    minimum_minor: Count = 100
    cycle: Literal["daily", "weekly", "monthly"] = "weekly"
    cutoff: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "16:15"
    credit_release: Literal["with_debits", "after_return_window"] = "with_debits"
    originator: Originator = Field(default_factory=Originator)


class Law(_Section):
    """A dated rule of a jurisdiction; the system computes, it never advises."""

    jurisdiction: str
    cash_out_below: Count | None = None
    cash_out_up_to: Count | None = None
    expiry_floor_years: Count | None = None
    dormancy_years: Count | None = None
    no_expiry: Switch = False
    from_: Day | None = Field(None, alias="from")
    source: str | None = None


class PolicyDocument(_Section):
    """One version of everything that may change by decision, in force from `effective`."""

    effective: Effective | None = None
    network: Network
    entities: dict[Name, Entity]
    locations: dict[Name, Location] = Field(default_factory=dict)
    channels: dict[Name, Channel] | None = None
    programmes: dict[Name, Programme]
    templates: dict[Name, Template] = Field(default_factory=dict)
    memberships: dict[Name, Membership] = Field(default_factory=dict)
    # Whose store credit pays an order first (schemas/orders.py); who is not named pays nothing.
    credit_order: list[OwnerKind] = ["customer", "company"]
    people: dict[Name, list[Right]] | None = None
    chart: dict[str, str] = Field(default_factory=dict)
    refund_days: Count = 730
    settlement: Settlement = Field(default_factory=Settlement)
    law: list[Law] = Field(default_factory=list)
