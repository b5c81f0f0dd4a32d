"""Decides what a bank's return means: is it of our entry, who owes what now, what is blocked.

Theory of operation. A bank's file is read into `Returned` rows; each is matched with the entry it
names, on trace, amount, account, routing and direction, because the seven digits of a trace repeat.
What matches gets an `Outcome` from one table by return code. What does not, and codes that need a
person, go to the exceptions list and change no books.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Literal

from services.settlement.calendar import return_deadline, return_deadline_extended
from services.settlement.entries import ATTEMPTS_MAX
from services.settlement.nacha.addenda import Addenda99
from services.settlement.nacha.codes import TRANSACTIONS, Direction
from services.settlement.nacha.file import NachaFile

RETRY_DAYS_MAX = 180


@dataclass(frozen=True, slots=True)
class SentEntry:
    """One of our entries as the bank knows it.

    `effective` is its own settlement date, `effective_first` that of the first presentation.
    """

    trace: str
    location: str
    direction: Direction
    amount_minor: int
    routing: str
    account: str = field(repr=False)
    attempt: int
    effective: date
    effective_first: date
    state: Literal["planned", "filed", "transmitted", "pending", "settled", "final", "returned"]


@dataclass(frozen=True, slots=True)
class Returned:
    """One return as read: `original_*` name our entry, `trace` is the returning bank's own."""

    code: str
    original_trace: str
    original_rdfi: str
    direction: Direction
    amount_minor: int
    account: str = field(repr=False)
    trace: str


class Mismatch(StrEnum):
    """Why a return is no answer to an entry of ours; in order of precedence."""

    UNKNOWN_TRACE = "unknown_trace"
    ROUTING_DIFFERS = "routing_differs"
    ACCOUNT_DIFFERS = "account_differs"
    AMOUNT_DIFFERS = "amount_differs"
    DIRECTION_DIFFERS = "direction_differs"
    NOT_SENT = "not_sent"
    ALREADY_RETURNED = "already_returned"


class Remedy(StrEnum):
    """What becomes of the money of a returned entry.

    `represent`: owed again, and presented again with the next run in which its location has an
    account that can be used: where the account was at fault, a mended or another one.
    `owed_again`: owed, waiting for a person. `collections`: owed, but no more by ACH.
    `still_owed`: a credit did not arrive. `prenote_failed`: no money was moved. `exception`: books
    unchanged.
    """

    REPRESENT = "represent"
    OWED_AGAIN = "owed_again"
    COLLECTIONS = "collections"
    STILL_OWED = "still_owed"
    PRENOTE_FAILED = "prenote_failed"
    EXCEPTION = "exception"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows from a matched return. `untimely`: after its deadline; booked all the same."""

    remedy: Remedy
    blocks_account: bool = False
    revokes_authorisation: bool = False
    alerts: bool = False
    untimely: bool = False


@dataclass(frozen=True, slots=True)
class _Rule:
    """A return code's consequences; `extended`: 60 calendar days instead of 2 banking days."""

    represents: bool = False
    blocks: bool = False
    revokes: bool = False
    extended: bool = False


_PLAIN = _Rule()
_REPRESENTS = _Rule(represents=True)
_MENDABLE = _Rule(blocks=True, represents=True)
_REVOKES = _Rule(blocks=True, revokes=True)
_REVOKES_EXTENDED = _Rule(blocks=True, revokes=True, extended=True)

# Returns of corporate entries. Dishonoured (R61-R70) and contested (R71-R77) ones answer returns
# of our own, which we never send, so like codes unknown here they are for a person.
_RULES: dict[str, _Rule] = {
    "R01": _REPRESENTS,  # insufficient funds
    "R02": _MENDABLE,  # account closed
    "R03": _MENDABLE,  # no account, or not the holder's
    "R04": _MENDABLE,  # invalid account number
    "R05": _REVOKES_EXTENDED,  # unauthorised corporate debit of a consumer account
    "R06": _PLAIN,  # returned at the originating bank's request
    "R07": _REVOKES_EXTENDED,  # authorisation revoked
    "R08": _PLAIN,  # payment stopped: again only under a new authorisation
    "R09": _REPRESENTS,  # uncollected funds
    "R10": _REVOKES_EXTENDED,  # not known to the receiver, or not authorised
    "R11": _Rule(extended=True),  # not in accordance with the authorisation
    "R12": _PLAIN,  # branch sold to another bank
    "R13": _PLAIN,  # receiving bank not qualified
    "R14": _PLAIN,  # representative payee deceased or unable
    "R15": _PLAIN,  # beneficiary deceased
    "R16": _MENDABLE,  # account frozen
    "R17": _PLAIN,  # file record edit criteria
    "R20": _MENDABLE,  # not a transaction account
    "R21": _PLAIN,  # invalid company identification
    "R22": _PLAIN,  # invalid individual id
    "R23": _PLAIN,  # credit refused by receiver
    "R24": _PLAIN,  # duplicate entry
    "R29": _REVOKES,  # corporate customer advises not authorised
    "R31": _PLAIN,  # permissible return by agreement
}


def read(file: NachaFile) -> Iterator[Returned]:
    """The returns of a bank's file, in its order; corrections are read by corrections.py."""
    for batch in file.batches:
        for entry in batch.entries:
            for row in entry.addenda:
                if isinstance(row, Addenda99):
                    yield Returned(
                        code=row.return_code,
                        original_trace=row.original_trace,
                        original_rdfi=row.original_rdfi,
                        direction=TRANSACTIONS[entry.detail.code].direction,
                        amount_minor=entry.detail.amount_minor,
                        account=entry.detail.account,
                        trace=entry.detail.trace,
                    )


def match(returned: Returned, sent: Sequence[SentEntry]) -> SentEntry | Mismatch:
    """The entry a return is of, or why it is of none.

    `sent` are the entries with the original trace number, of at least the last 180 days: more
    than one when the sequence has come round. Of several misfits the best one names the reason.
    """
    found = [_misfit(returned, entry) for entry in sent]
    for entry, misfit in zip(sent, found, strict=True):
        if misfit is None:
            return entry
    order = list(Mismatch)
    reasons = [misfit for misfit in found if misfit is not None]
    return max(reasons, key=order.index, default=Mismatch.UNKNOWN_TRACE)


def decide(code: str, entry: SentEntry, received: date) -> Outcome:
    """What a matched return of `entry`, received on that bank date, means."""
    rule = _RULES.get(code)
    if rule is None:
        return Outcome(Remedy.EXCEPTION, alerts=True)
    return Outcome(
        remedy=_remedy(rule, entry, received),
        blocks_account=rule.blocks,
        revokes_authorisation=rule.revokes,
        alerts=rule.revokes,
        untimely=received > _deadline(rule, entry),
    )


def may_represent(entry: SentEntry, on: date) -> bool:
    """True when the entry may be presented again on a settlement date: twice, within 180 days."""
    in_time = on <= entry.effective_first + timedelta(days=RETRY_DAYS_MAX)
    return entry.attempt < ATTEMPTS_MAX and in_time


def _remedy(rule: _Rule, entry: SentEntry, received: date) -> Remedy:
    if entry.amount_minor == 0:
        return Remedy.PRENOTE_FAILED
    if entry.direction == "credit":
        return Remedy.STILL_OWED
    if not rule.represents:
        return Remedy.OWED_AGAIN
    return Remedy.REPRESENT if may_represent(entry, received) else Remedy.COLLECTIONS


def _deadline(rule: _Rule, entry: SentEntry) -> date:
    if rule.extended:
        return return_deadline_extended(entry.effective)
    return return_deadline(entry.effective)


def _misfit(returned: Returned, entry: SentEntry) -> Mismatch | None:
    checks = (
        (Mismatch.UNKNOWN_TRACE, entry.trace == returned.original_trace),
        (Mismatch.ROUTING_DIFFERS, entry.routing[:8] == returned.original_rdfi),
        (Mismatch.ACCOUNT_DIFFERS, entry.account == returned.account),
        (Mismatch.AMOUNT_DIFFERS, entry.amount_minor == returned.amount_minor),
        (Mismatch.DIRECTION_DIFFERS, entry.direction == returned.direction),
        (Mismatch.NOT_SENT, entry.state not in ("planned", "filed")),
        (Mismatch.ALREADY_RETURNED, entry.state != "returned"),
    )
    return next((reason for reason, holds in checks if not holds), None)
