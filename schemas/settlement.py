"""Settlement's items, and the facts of its runs, files, returns and corrections.

Amounts are minor units of `currency`. `location` is a place; `entity` the legal entity it is of.
"""

from dataclasses import dataclass, field
from typing import Literal

ItemKind = Literal["use", "refund", "unreconciled"]
ItemState = Literal["accrued", "voided", "assigned", "in_file", "settled"]
RunState = Literal[
    "open",
    "calculated",
    "pending_approval",
    "approved",
    "filed",
    "transmitted",
    "settled",
    "closed",
    "cancelled",
    "dry",
]
EntryState = Literal["planned", "filed", "transmitted", "pending", "settled", "final", "returned"]


@dataclass(kw_only=True)
class ItemAccrued:
    """What `to` (where it was used) gets from `source` (where the value came in).

    A refund's `base`, `funded` and `amount` are negative and `reverses` names the item it undoes.
    `original` is the use item's amount (for a refund of it), so that a sink can pair them.
    """

    item: str
    source: str
    to: str
    source_entity: str
    to_entity: str
    account: str
    capture: str
    line: int
    category: str
    base: int
    funded: int
    rate_bp: int
    amount: int
    currency: str
    kind: ItemKind
    reverses: str | None = None
    programme: str
    cohort: str
    ticket: str | None = None
    occurred_at: int
    unexpected: str | None = None


@dataclass(kw_only=True)
class Obligation:
    """Entity `debtor` owes entity `creditor` so much, by the items of a run (either sign)."""

    debtor: str
    creditor: str
    minor: int


@dataclass(kw_only=True)
class Position:
    """A location in a run: `before` + `net` = `moved` + `carried`; negative owes, positive gets."""

    location: str
    entity: str
    before: int
    net: int
    moved: int
    carried: int


@dataclass(kw_only=True)
class Entry:
    """One ACH entry. `direction` from the bank's view of the location: debit takes from it.

    `attempt` 0 is the first presentation; 1 and 2 re-present a returned debit (or a returned
    credit paid again) outside the netting; `of` is then the first entry's trace.
    """

    location: str
    entity: str
    direction: Literal["debit", "credit"]
    amount: int
    code: str
    trace: str
    attempt: int = 0
    of: str | None = None
    account_ref: str
    last4: str


@dataclass(kw_only=True)
class RunFact:
    """What every run fact says; `parent` is the entity that runs settlement."""

    run: str
    currency: str
    parent: str


@dataclass(kw_only=True)
class RunApproved(RunFact):
    """Two people stand behind the run's content (`content` is its SHA-256)."""

    content: str
    made_by: str
    approved_by: str


@dataclass(kw_only=True)
class RunCancelled(RunFact):
    """The run's items are accrued again."""

    reason: str
    by: str


@dataclass(kw_only=True)
class FileBuilt(RunFact):
    """A bank file of the run.

    `obligations` and `positions` stand on the run's first file only, so that they post once.
    """

    file: str
    sha256: str
    number: int
    effective: str
    items: list[str]
    obligations: list[Obligation]
    positions: list[Position]
    entries: list[Entry]
    held: list[str]


@dataclass(kw_only=True)
class FileTransmitted(RunFact):
    """The bank has the file."""

    file: str
    number: int


@dataclass(kw_only=True)
class Moved:
    """Cash of an entity: positive came in, negative went out."""

    entity: str
    location: str
    minor: int


@dataclass(kw_only=True)
class RunSettled(RunFact):
    """A file's entries have settled on `effective`; `final` when it was the run's last file."""

    number: int
    effective: str
    moved: list[Moved]
    final: bool


@dataclass(kw_only=True)
class RunClosed(RunFact):
    """The return window has ended.

    Or there was nothing to move (`moved_nothing`): then no file exists, and what the run clears
    (`items`, `obligations`, `positions`) stands here.
    """

    moved_nothing: bool
    items: list[str] = field(default_factory=list)
    obligations: list[Obligation] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)


@dataclass(kw_only=True)
class EntryReturned(RunFact):
    """The bank sent an entry back; `settled` tells whether its money had moved before."""

    entry: Entry
    code: str
    settled: bool
    blocks: bool
    revokes: bool
    represent: bool


@dataclass(kw_only=True)
class EntryCorrected(RunFact):
    """The bank says the account's details have changed; staged until a second person approves."""

    location: str
    trace: str
    code: str


FACTS: dict[str, type] = {
    "item_accrued.v1": ItemAccrued,
    "run_approved.v1": RunApproved,
    "run_cancelled.v1": RunCancelled,
    "file_built.v1": FileBuilt,
    "file_transmitted.v1": FileTransmitted,
    "run_settled.v1": RunSettled,
    "run_closed.v1": RunClosed,
    "entry_returned.v1": EntryReturned,
    "entry_corrected.v1": EntryCorrected,
}
