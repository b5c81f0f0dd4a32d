"""One account as a machine that does one thing at a time: what the real ones must look like."""

from dataclasses import dataclass, field, replace
from typing import Any

Amounts = frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Account:
    """Minor units: `ledger` is what is there, `holds` what is reserved of it, by id.

    `captures` is what may still be refunded, by the id of the capture (which is its command's);
    `spent` are the holds that were captured.
    """

    ledger: int
    holds: Amounts = frozenset()
    captures: Amounts = frozenset()
    spent: frozenset[str] = frozenset()

    @property
    def held(self) -> int:
        """What is reserved."""
        return sum(minor for _, minor in self.holds)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command was answered; `ledger` and `held` where the answer tells a balance."""

    accepted: bool
    ledger: int | None = None
    held: int | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A command on an account: `called` and `returned` in ns; never answered: both are None.

    `of` is the hold it captures or releases, or the capture it refunds.
    """

    account: str
    id: str
    kind: str
    called: int
    minor: int = 0
    of: str = ""
    returned: int | None = None
    outcome: Outcome | None = None

    def as_json(self) -> dict[str, Any]:
        """For checkers written in other languages."""
        said = self.outcome
        return {
            "account": self.account,
            "id": self.id,
            "kind": self.kind,
            "minor": self.minor,
            "of": self.of,
            "called": self.called,
            "returned": self.returned if said is not None else None,
            "accepted": said.accepted if said is not None else None,
            "ledger": said.ledger if said is not None else None,
            "held": said.held if said is not None else None,
        }


@dataclass(slots=True)
class History:
    """What clients saw: operations of all accounts, and what each account had at first."""

    opening: dict[str, int]
    operations: list[Operation] = field(default_factory=list)

    def of(self, account: str) -> list[Operation]:
        """The operations on one account."""
        return [one for one in self.operations if one.account == account]


def step(account: Account, operation: Operation) -> tuple[bool, Account]:
    """Do it now: could the answer have been this one, and what the account is then."""
    accepted, after = _done(account, operation)
    said = operation.outcome
    if said is None:
        return True, after
    told = said.ledger is None or (said.ledger, said.held) == (after.ledger, after.held)
    return said.accepted == accepted and told, after


def _done(account: Account, operation: Operation) -> tuple[bool, Account]:
    minor, of = operation.minor, operation.of
    holds, captures = dict(account.holds), dict(account.captures)
    match operation.kind:
        case "redeem" | "hold" if account.ledger - account.held < minor:
            return False, account
        case "redeem":
            captures[operation.id] = minor
            return True, _with(account, captures=captures, change=-minor)
        case "hold":
            holds[operation.id] = minor
            return True, _with(account, holds=holds)
        case "capture" if of in holds:
            minor = captures[operation.id] = holds.pop(of)
            after = _with(account, holds, captures, -minor)
            return True, replace(after, spent=account.spent | {of})
        case "release" if of in holds:
            del holds[of]
            return True, _with(account, holds=holds)
        case "refund" if captures.get(of, 0) >= minor:
            captures[of] -= minor
            return True, _with(account, captures=captures, change=minor)
        case "enquire" | "release":
            # An advice: of what was released before too, unless it was captured for good.
            return operation.kind == "enquire" or of not in account.spent, account
    return False, account


def _with(
    account: Account,
    holds: dict[str, int] | None = None,
    captures: dict[str, int] | None = None,
    change: int = 0,
) -> Account:
    return replace(
        account,
        ledger=account.ledger + change,
        holds=account.holds if holds is None else frozenset(holds.items()),
        captures=account.captures if captures is None else frozenset(captures.items()),
    )
