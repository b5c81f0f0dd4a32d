"""The ledger's journals, and the facts of its operations."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(kw_only=True)
class JournalLine:
    """One leg: exactly one of `debit` and `credit` is positive (minor units).

    `standard` is the account's number in the standard chart where policy calls it otherwise.
    """

    account: str
    debit: int = 0
    credit: int = 0
    location: str | None = None
    channel: str | None = None
    programme: str | None = None
    cohort: str | None = None
    counterparty: str | None = None
    subject: str | None = None
    origin: str | None = None
    standard: str | None = None


@dataclass(kw_only=True)
class Journal:
    """A balanced entry in one entity's books, in one currency, caused by one fact.

    `event` is the fact's type without version; `date` the posting date, `business_date` the day the
    business happened (ISO days).
    """

    entity: str
    currency: str
    date: str
    business_date: str
    event: str
    fact: str
    fact_topic: str
    lines: list[JournalLine]


@dataclass(kw_only=True)
class BreakageLine:
    """One cohort's move to income: `recognized_minor` now (either sign), `total_minor` so far."""

    entity: str
    programme: str
    cohort: str
    jurisdiction: str
    kind: Literal["card", "credit"]
    recognized_minor: int
    total_minor: int


@dataclass(kw_only=True)
class BreakageRecognized:
    """A breakage run: method, rate in basis points, who, and its lines."""

    operation: str
    programme: str
    currency: str
    method: str
    rate_bp: int | None
    by: str
    lines: list[BreakageLine] = field(default_factory=list)


@dataclass(kw_only=True)
class PeriodClosed:
    """An entity's books are closed up to and including the ISO day `until`."""

    operation: str
    entity: str
    until: str
    by: str


@dataclass(kw_only=True)
class AdjustedBook:
    """Lines to post in one entity's books; they balance."""

    entity: str
    lines: list[JournalLine]


@dataclass(kw_only=True)
class JournalAdjusted:
    """What sets the journals of one fact right, in one currency: posted beside them, as it stands.

    `adjusted` is the id of that fact, `event` its type without version; `plan` the hash of the plan
    that `by` made and `approved_by` let be applied.
    """

    operation: str
    plan: str
    adjusted: str
    event: str
    currency: str
    by: str
    approved_by: str
    books: list[AdjustedBook]


FACTS: dict[str, type] = {
    "journal_posted.v1": Journal,
    "breakage_recognized.v1": BreakageRecognized,
    "period_closed.v1": PeriodClosed,
    "journal_adjusted.v1": JournalAdjusted,
}
