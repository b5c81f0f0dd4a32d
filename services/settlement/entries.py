"""Plans a run's entries: who is debited and credited, in which file, and what approval binds to.

A position is one entry, or several when it exceeds what one can hold. A returned debit that is
presented again is an entry of its own, in its own batch, never netted. The parent's entry makes
each file balance; without a bank account of the parent the originator's takes that side at the
bank, with no entry.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from services.settlement.nacha.codes import AccountType, Direction, transaction_code
from services.settlement.nacha.entry_detail import AMOUNT_MINOR_MAX
from services.settlement.netting import Netting, Payable

CreditRelease = Literal["with_debits", "after_return_window"]
Part = Literal["all", "debits", "credits"]

ATTEMPTS_MAX = 2


@dataclass(frozen=True, slots=True)
class BankAccount:
    """A verified account; `reference` names it and its version, and is all that is ever logged."""

    reference: str
    routing: str
    number: str = field(repr=False)
    type: AccountType
    holder: str


@dataclass(frozen=True, slots=True)
class Representment:
    """A returned entry to be presented again, unchanged: attempt 1 or 2 of a debit's same amount.

    `original_trace` is that of the first entry, whichever attempt this is. A returned credit is
    still owed and paid again, among the ordinary entries, as often as it takes.
    """

    location: str
    amount_minor: int
    attempt: int
    original_trace: str
    account: BankAccount
    direction: Direction = "debit"


@dataclass(frozen=True, slots=True)
class PlannedEntry:
    """An entry before it has a trace number; `attempt` 0 is the first presentation."""

    location: str
    direction: Direction
    amount_minor: int
    code: int
    attempt: int
    account: BankAccount
    original_trace: str = ""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """The entries of one file: those of positions and the parent's, and those presented again."""

    part: Part
    regular: tuple[PlannedEntry, ...]
    retries: tuple[PlannedEntry, ...]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Bank accounts by location, and the parent's (None: the originator's takes its side)."""

    locations: Mapping[str, BankAccount]
    parent: BankAccount | None


def plan(
    netting: Netting,
    representments: Sequence[Representment],
    accounts: Accounts,
    release: CreditRelease,
) -> tuple[PlannedFile, ...]:
    """The files of a run in the order they go out; none when nothing moves.

    `with_debits`: one file. `after_return_window`: the debits, then a file of credits for when
    the debits' return window has ended. Each is balanced by the parent's entry.
    """
    moving = [
        entry
        for place, position in netting.positions.items()
        if place != netting.parent
        for entry in _position_entries(place, position, accounts.locations)
    ]
    again = [_retry(row) for row in sorted(representments, key=_retry_order)]
    retries = [entry for entry in again if entry.direction == "debit"]
    moving.extend(entry for entry in again if entry.direction == "credit")
    debits = [entry for entry in moving if entry.direction == "debit"]
    credits = [entry for entry in moving if entry.direction == "credit"]
    if release == "with_debits":
        files = [_file("all", moving, retries, netting.parent, accounts)]
    else:
        files = [
            _file("debits", debits, retries, netting.parent, accounts),
            _file("credits", credits, (), netting.parent, accounts),
        ]
    return tuple(file for file in files if file.regular or file.retries)


def content_hash(
    run: str, items: Sequence[Payable], netting: Netting, files: Sequence[PlannedFile]
) -> str:
    """SHA-256 (hex) of all that an approval of this run approves; any change gives another.

    Accounts enter by reference, not by number: a hash of mostly known text would let a short
    number be guessed.
    """
    claimed = set(netting.claimed)
    content = {
        "run": run,
        "items": [
            [row.item, row.source, row.destination, row.amount_minor]
            for row in items
            if row.item in claimed
        ],
        "positions": netting.positions,
        "carried_before": netting.carried_before,
        "carried": netting.carried,
        "files": [
            [file.part, _canonical(file.regular), _canonical(file.retries)] for file in files
        ],
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256(text.encode()).hexdigest()


def _canonical(entries: Iterable[PlannedEntry]) -> list[list[str | int]]:
    return [
        [
            entry.location,
            entry.direction,
            entry.amount_minor,
            entry.code,
            entry.attempt,
            entry.account.reference,
            entry.original_trace,
        ]
        for entry in entries
    ]


def _file(
    part: Part,
    moving: Sequence[PlannedEntry],
    retries: Sequence[PlannedEntry],
    parent: str,
    accounts: Accounts,
) -> PlannedFile:
    gets = sum(-_signed(entry) for entry in (*moving, *retries))
    balancing: Iterable[PlannedEntry] = ()
    if accounts.parent is not None:
        balancing = _split(parent, gets, accounts.parent)
    return PlannedFile(part, (*moving, *balancing), tuple(retries))


def _position_entries(
    place: str, position: int, accounts: Mapping[str, BankAccount]
) -> Iterator[PlannedEntry]:
    if position:
        yield from _split(place, position, accounts[place])


def _split(place: str, position: int, account: BankAccount) -> Iterator[PlannedEntry]:
    direction: Direction = "credit" if position > 0 else "debit"
    left = abs(position)
    while left:
        amount = min(left, AMOUNT_MINOR_MAX)
        code = transaction_code(account.type, direction)
        yield PlannedEntry(place, direction, amount, code, 0, account)
        left -= amount


def _retry(row: Representment) -> PlannedEntry:
    if row.attempt < 1 or (row.direction == "debit" and row.attempt > ATTEMPTS_MAX):
        raise ValueError(f"attempt {row.attempt}: a debit is presented again at most twice")
    if not 1 <= row.amount_minor <= AMOUNT_MINOR_MAX:
        raise ValueError(f"amount {row.amount_minor} was never one entry")
    return PlannedEntry(
        location=row.location,
        direction=row.direction,
        amount_minor=row.amount_minor,
        code=transaction_code(row.account.type, row.direction),
        attempt=row.attempt,
        account=row.account,
        original_trace=row.original_trace,
    )


def _retry_order(row: Representment) -> tuple[str, str]:
    return row.location, row.original_trace


def _signed(entry: PlannedEntry) -> int:
    return entry.amount_minor if entry.direction == "credit" else -entry.amount_minor
