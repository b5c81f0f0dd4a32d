"""One command being decided: what it meets, and every reason found against it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.decision import Accepted, Decided, Refused, Rows
from schemas.instants import local_date
from schemas.message import Command
from schemas.money import Money
from schemas.policy import Programme
from schemas.redemption_facts import RedemptionRefused
from schemas.refusals import Reason, first
from schemas.terms import Terms
from schemas.value import AccountFact, AccountState, Balance, Kind, Where
from services.redemption.rows import Account

REFUSED = "redemption_refused.v1"


@dataclass(slots=True)
class Case:
    """A command on a known account, under its terms, at its place."""

    rows: Rows
    command: Command
    terms: Terms
    where: Where
    account: Account
    programme: Programme
    reasons: list[Reason] = field(default_factory=list)
    detail: str | None = None

    @property
    def one_time(self) -> bool:
        """Is this a card that is spent at once?"""
        return self.account.kind == "card" and self.programme.use == "one_time"

    def against(self, reason: Reason, detail: str | None = None) -> None:
        """One more reason to refuse."""
        self.reasons.append(reason)
        if detail is not None and first(self.reasons) is reason:
            self.detail = detail

    def received_in(self, currency: str | None) -> None:
        """Against value for an account of another currency, where the sender knows that one."""
        if currency not in (None, self.account.currency):
            self.against(Reason.WRONG_CURRENCY, f"it is for an account in {currency}")

    def amount(self, money: Money) -> int:
        """The minor units asked for; a wrong currency or sign is a reason against it."""
        if money.currency != self.account.currency:
            self.against(Reason.WRONG_CURRENCY, f"{money.currency}, not {self.account.currency}")
        if money.minor <= 0:
            self.against(Reason.AMOUNT_NOT_POSITIVE)
        return money.minor

    def day(self) -> str:
        """Today in network time, by which what a day may move is counted."""
        return local_date(self.terms.now, self.terms.policy.document.network.timezone)

    def told(
        self, ledger: int, held: int, state: AccountState | None = None, frozen: bool | None = None
    ) -> dict[str, Any]:
        """What every fact says, with the account as it will be."""
        account = self.account
        return {
            "kind": account.kind,
            "programme": account.programme,
            "currency": account.currency,
            "life": account.life,
            "state": account.state if state is None else state,
            "frozen": account.frozen if frozen is None else frozen,
            "where": self.where,
            "balance": Balance(ledger=ledger, held=held, available=ledger - held),
        }

    def fact(self, type: str, body: AccountFact, units: Sequence[Any]) -> Decided:
        """A fact dated by this place that concerns its entity and those of `units`."""
        mine = self.where.entity
        entities: tuple[str, ...] = (mine,)
        for unit in units:
            if unit.entity not in entities:
                entities = (*entities, unit.entity)
        return Decided(type, body, entities, self.where.location)


def new_account(kind: Kind, programme: str, currency: str) -> Account:
    """An account before its first fact."""
    return Account(kind=kind, programme=programme, currency=currency, life=1, state="Activated")


def accepted(*facts: Decided, covered: int | None = None, due: int | None = None) -> Accepted:
    """The command counts; the reply's balance is that after its last fact."""
    after: Balance = facts[-1].body.balance
    balance = {"ledger": after.ledger, "held": after.held, "available": after.available}
    return Accepted(facts, covered, due, balance)


def swept(done: Accepted) -> Accepted:
    """Done because it was due: nobody asked, and the same again finds nothing to do."""
    return Accepted(done.facts, balance=done.balance, remember=False)


def unchanged(account: Account, *, remember: bool = True) -> Accepted:
    """Accepted, and nothing changes."""
    balance = {
        "ledger": account.ledger,
        "held": account.held,
        "available": account.ledger - account.held,
    }
    return Accepted(balance=balance, remember=remember)


def refused(case: Case) -> Refused:
    """The first of the reasons found; there is at least one."""
    return turned_down(case.command, case.reasons, case.where, case.detail)


def turned_down(
    command: Command, reasons: list[Reason], where: Where, detail: str | None = None
) -> Refused:
    """The refusal as it is answered and (but for an enquiry) recorded."""
    reason = first(reasons)
    assert reason is not None
    if command.type == "enquire":
        return Refused(reason, detail)
    body = RedemptionRefused(
        command=command.type,
        reason=reason.value,
        detail=detail,
        where=where,
        requested=command.body.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude={"place"}
        ),
    )
    return Refused(reason, detail, Decided(REFUSED, body, (where.entity,), where.location))
