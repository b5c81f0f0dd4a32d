"""The numbers of the trade: transaction codes and service classes, as one table each."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

AccountType = Literal["checking", "savings"]
Direction = Literal["credit", "debit"]
Purpose = Literal["live", "prenote", "return"]

# Service class codes: what a batch holds.
MIXED = 200
CREDITS_ONLY = 220
DEBITS_ONLY = 225
SERVICE_CLASSES = (MIXED, CREDITS_ONLY, DEBITS_ONLY)

# Standard entry classes: corporate payments, and the corrections banks send.
CORPORATE = "CCD"
CORRECTION = "COR"


@dataclass(frozen=True, slots=True)
class Transaction:
    """What one two-digit code means. A return or correction keeps its entry's direction."""

    code: int
    account_type: AccountType
    direction: Direction
    purpose: Purpose


TRANSACTIONS: dict[int, Transaction] = {
    row.code: row
    for row in (
        Transaction(21, "checking", "credit", "return"),
        Transaction(22, "checking", "credit", "live"),
        Transaction(23, "checking", "credit", "prenote"),
        Transaction(26, "checking", "debit", "return"),
        Transaction(27, "checking", "debit", "live"),
        Transaction(28, "checking", "debit", "prenote"),
        Transaction(31, "savings", "credit", "return"),
        Transaction(32, "savings", "credit", "live"),
        Transaction(33, "savings", "credit", "prenote"),
        Transaction(36, "savings", "debit", "return"),
        Transaction(37, "savings", "debit", "live"),
        Transaction(38, "savings", "debit", "prenote"),
    )
}

_CODES = {(row.account_type, row.direction, row.purpose): row.code for row in TRANSACTIONS.values()}


def transaction_code(
    account_type: AccountType, direction: Direction, purpose: Purpose = "live"
) -> int:
    """The code for an account, a direction and a purpose.

    >>> transaction_code("savings", "debit"), transaction_code("checking", "credit", "prenote")
    (37, 23)
    """
    return _CODES[account_type, direction, purpose]


def returned_as(code: int) -> int:
    """The code under which a bank returns or corrects an entry: 22 and 23 as 21, 37 as 36."""
    row = TRANSACTIONS[code]
    return transaction_code(row.account_type, row.direction, "return")


def service_class(codes: Iterable[int]) -> int:
    """The service class of a batch that holds these transaction codes.

    >>> service_class([27, 37]), service_class([22]), service_class([22, 27])
    (225, 220, 200)
    """
    directions = {TRANSACTIONS[code].direction for code in codes}
    if directions == {"credit"}:
        return CREDITS_ONLY
    if directions == {"debit"}:
        return DEBITS_ONLY
    return MIXED
