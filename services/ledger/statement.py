"""The state and history of an account, added up from the signed changes of its facts.

Built from what each fact did, not from the balance it states, so that comparing the two means
something. Amounts are minor units.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.identifiers import SUFFIX_CREDIT
from schemas.message import Published
from schemas.redemption_facts import CreditIssued, ValueReceived
from schemas.value import AccountFact, Hold


@dataclass(slots=True)
class Account:
    """An account as its facts add up: `holds` is {hold: reserved}; `stated_…` the last fact's."""

    account: str
    kind: str = "card"
    programme: str = ""
    currency: str = ""
    life: int = 0
    state: str = ""
    frozen: bool = False
    owner_kind: str | None = None
    owner: str | None = None
    ledger_minor: int = 0
    held_minor: int = 0
    stated_ledger_minor: int = 0
    stated_held_minor: int = 0
    holds: dict[str, int] = field(default_factory=dict)
    events: int = 0
    opened_at: int = 0
    changed_at: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the account's statement."""

    ledger_change: int
    held_change: int
    ledger_after: int
    held_after: int


def post(account: Account, published: Published) -> Entry:
    """Change `account` by a fact of it, and say by how much."""
    body: AccountFact = published.body
    ledger_before, held_before = account.ledger_minor, account.held_minor
    account.ledger_minor += ledger_change(published)
    for hold, reserved in _hold_changes(published):
        if reserved:
            account.holds[hold] = reserved
        else:
            account.holds.pop(hold, None)
    account.held_minor = sum(account.holds.values())
    account.kind, account.programme, account.currency = body.kind, body.programme, body.currency
    account.life, account.state, account.frozen = body.life, body.state, body.frozen
    _own(account, body)
    account.stated_ledger_minor = body.balance.ledger
    account.stated_held_minor = body.balance.held
    account.opened_at = account.opened_at or published.time
    account.changed_at = published.time
    account.events += 1
    return Entry(
        ledger_change=account.ledger_minor - ledger_before,
        held_change=account.held_minor - held_before,
        ledger_after=account.ledger_minor,
        held_after=account.held_minor,
    )


def _own(account: Account, body: AccountFact) -> None:
    """Whose store credit it is; what came of a card is the card's."""
    match body:
        case CreditIssued():
            account.owner_kind, account.owner = body.owner_kind, body.owner
        case ValueReceived(kind="credit") if account.owner is None:
            owner = account.account.removesuffix(SUFFIX_CREDIT)
            account.owner_kind, account.owner = "card", owner
        case _:
            pass


def ledger_change(published: Published) -> int:
    """By how much a fact changes what its account holds."""
    change = _LEDGER_CHANGES.get(published.type)
    return 0 if change is None else change(published.body)


def reserved_by(hold: Hold) -> int:
    """What an open hold reserves now."""
    return sum(draw.minor for draw in hold.draws)


def _came(body: Any) -> int:
    return int(body.minor)


def _went(body: Any) -> int:
    return -int(body.minor)


def _came_back(body: Any) -> int:
    return int(body.minor) if body.to_same else 0


def _restored(body: Any) -> int:
    return sum(part.minor for part in body.parts)


_LEDGER_CHANGES: Final[dict[str, Callable[[Any], int]]] = {
    "value_loaded.v1": _came,
    "credit_issued.v1": _came,
    "hold_captured.v1": _went,
    "capture_refunded.v1": _came_back,
    "card_returned.v1": _went,
    "balance_adjusted.v1": _came,
    "validity_extended.v1": _restored,
    "cashed_out.v1": _went,
    "lots_expired.v1": _went,
    "value_escheated.v1": _went,
    "sale_charged_back.v1": _went,
    "value_sent.v1": _went,
    "import_taken_back.v1": _went,
    "value_received.v1": _came,
}


def _hold_changes(published: Published) -> Iterable[tuple[str, int]]:
    """Holds and what they reserve after the fact; 0: gone."""
    body = published.body
    match published.type:
        case "hold_placed.v1" | "hold_increased.v1":
            return [(body.hold.hold, reserved_by(body.hold))]
        case "hold_captured.v1":
            return [(body.hold_id, reserved_by(body.hold) if body.hold is not None else 0)]
        case "hold_released.v1" | "hold_lapsed.v1":
            return [(body.hold_id, 0)]
        case "value_sent.v1":
            return [(hold.hold, 0) for hold in body.holds]
        case "value_received.v1":
            return [(hold.hold, reserved_by(hold)) for hold in body.holds]
        case _:
            return []
