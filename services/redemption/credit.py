"""Store credit: issued to an owner, whose account it makes at first use."""

from typing import cast

from schemas.decision import Decision, Rows
from schemas.identifiers import credit_account
from schemas.message import Command, Fact
from schemas.policy import Programme
from schemas.redemption import IssueCredit
from schemas.redemption_facts import CreditIssued
from schemas.refusals import Reason
from schemas.terms import Policy, Terms
from schemas.value import Lot, Origin, Where
from services.redemption import lots as of_lots
from services.redemption.case import Case, accepted, new_account, refused, turned_down
from services.redemption.changes import count_in, settle, take_in
from services.redemption.limits import may_come_in
from services.redemption.loads import ending, room_for
from services.redemption.rights import misplaced, not_permitted
from services.redemption.rows import Account, Assignment, Row, assignment_key
from services.redemption.standing import alive, resting

CREDIT_ISSUED = "credit_issued.v1"


def assignment_of(body: IssueCredit) -> str:
    """The assignment a membership credit is for; without an id the plan itself is one."""
    return body.assignment or f"plan:{body.membership}"


def issue_credit(rows: Rows, command: Command, terms: Terms, where: Where) -> Decision:
    """Credit to an owner; membership credit is the plan's amount, once per assignment."""
    body = cast(IssueCredit, command.body)
    account = cast(Account | None, rows.get(command.subject))
    programme = _programme(body, terms.policy, account)
    if programme is None:
        reason = Reason.NOT_PERMITTED if _foreign(command, terms) else Reason.UNKNOWN_PROGRAMME
        return turned_down(command, [reason], where)
    name, found = programme
    case = Case(
        rows=rows,
        command=command,
        terms=terms,
        where=where,
        account=account or new_account("credit", name, body.amount.currency),
        programme=found,
    )
    if _foreign(command, terms):
        case.against(Reason.NOT_PERMITTED)
    wrong_place = misplaced(command, terms, found)
    if wrong_place is not None:
        case.against(wrong_place)
    if found.currency != body.amount.currency:
        case.against(Reason.WRONG_CURRENCY)
    return _issue(case, body, name)


def _foreign(command: Command, terms: Terms) -> bool:
    """Is the sender without the right, or the subject not this owner's account?"""
    kind, owner = _owner(command.body)
    derived = credit_account(kind, owner, command.body.amount.currency)
    return not_permitted(command, terms) or command.subject != derived


def _owner(body: IssueCredit) -> tuple[str, str]:
    owner = body.owner
    if owner.customer is not None:
        return "customer", owner.customer
    return "company", cast(str, owner.company)


def _programme(
    body: IssueCredit, policy: Policy, account: Account | None
) -> tuple[str, Programme] | None:
    """The plan's programme, the account's, or the first credit programme of the currency."""
    document = policy.document
    if body.membership is not None or body.origin == "membership":
        plan = document.memberships.get(body.membership or "")
        names = [plan.programme] if plan is not None else []
    elif account is not None and account.programme in document.programmes:
        names = [account.programme]
    else:
        names = [
            name
            for name, programme in document.programmes.items()
            if programme.kind == "credit" and programme.currency == body.amount.currency
        ]
    found = document.programmes.get(names[0]) if names else None
    return (names[0], found) if found is not None else None


def _issue(case: Case, body: IssueCredit, programme: str) -> Decision:
    minor = case.amount(body.amount)
    plan = case.terms.policy.document.memberships.get(body.membership or "")
    if plan is not None:
        minor = plan.amount
        if assignment_key(case.command.subject, assignment_of(body)) in case.rows:
            case.against(Reason.ALREADY_ISSUED)
    alive(case)
    day = case.day()
    may_come_in(case, minor, day)
    lot = _lot(case, body, programme, minor)
    merged = room_for(case, lot)
    if case.reasons:
        return refused(case)
    account = case.account
    kind, owner = _owner(body)
    issued = CreditIssued(
        **case.told(
            account.ledger + minor, account.held, resting(account, minor, len(account.holds))
        ),
        owner_kind=kind,  # type: ignore[arg-type]
        owner=owner,
        lots=[lot],
        minor=minor,
        origin=lot.origin,
        membership=body.membership,
        assignment=assignment_of(body) if plan is not None else None,
        note=_note(body),
        day=day,
        merged=merged,
    )
    return accepted(case.fact(CREDIT_ISSUED, issued, [lot]))


def _lot(case: Case, body: IssueCredit, programme: str, minor: int) -> Lot:
    origin: Origin = "membership" if body.membership is not None else body.origin
    lot = of_lots.made(
        case.command,
        case.terms,
        case.where,
        origin=origin,
        programme=programme,
        minor=minor,
        funded=0 if origin == "promo" else minor,
        expires_at=None,
        life=case.account.life,
    )
    return ending(case, lot)


def _note(body: IssueCredit) -> str | None:
    """A membership credit's note says which plan."""
    if body.membership is None or (body.note is not None and body.membership in body.note):
        return body.note
    if body.note is None:
        return f"membership {body.membership}"
    return f"membership {body.membership}: {body.note}"


def credit_issued(
    account: Account | None, fact: Fact, body: CreditIssued
) -> tuple[Account, dict[str, Row | None]]:
    """The account with the credit, and the assignment that has had it."""
    if account is None:
        account = new_account("credit", body.programme, body.currency)
        account.owner_kind, account.owner = body.owner_kind, body.owner
    settle(account, body)
    account.loaded_at = fact.time
    count_in(account, body.day, body.minor)
    take_in(account, body.lots, body.merged)
    changed: dict[str, Row | None] = {}
    if body.assignment is not None:
        changed[assignment_key(fact.subject, body.assignment)] = Assignment(
            assignment=body.assignment, membership=body.membership or ""
        )
    return account, changed
