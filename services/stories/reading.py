"""Reads a story: YAML in, checked steps out, or every fault with its line and what is allowed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from schemas import bank_text
from schemas import routing as routing_rules
from schemas.identifiers import SUFFIX_CREDIT, card_credit, credit_account
from schemas.instants import MINUTE, format_instant, parse_instant
from schemas.lined import (
    Fault,
    FileUnreadableError,
    Lined,
    Path,
    read_lined,
    steps_of,
)
from schemas.policy import PolicyDocument
from schemas.policy_checks import PolicyRefusedError, read_policy
from services.stories.cast import Cast
from services.stories.steps import AccountSaid, CreditSaid, Step, StorySaid
from services.stories.telling import Telling
from services.stories.wiring import shown, unfit

LEAD: Final = MINUTE
Beside = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Story:
    """A story that can be told: `begins` is one minute before its first step (ms UTC).

    `policy` is plain JSON with `effective` set; `subjects` are the ids on the wire by name;
    `cards` {card: programme} are put into stock at `begins`; `stock` names
    those and the cards that steps bring.
    """

    file: str
    begins: int
    policy: dict[str, Any]
    document: PolicyDocument
    cards: dict[str, str]
    stock: tuple[str, ...]
    credits: dict[str, CreditSaid]
    subjects: dict[str, str]
    accounts: dict[str, AccountSaid]
    steps: tuple[Step, ...]


def read_story(file: str, text: str, beside: Beside) -> Story:
    """The story in `text`; `beside` reads a file next to it, by its path (OSError: it cannot).

    Raises FileUnreadableError with every fault found.
    """
    lined = read_lined(file, text)
    said = _frame(lined)
    begins = max(0, _first_at(lined) - LEAD)
    policy, document = _policy(lined, ("policy",), said.policy, beside)
    policy, _ = in_force(policy, document, begins, never_before=False)
    subjects, faults = _subjects(lined, said, document)
    faults += _accounts(lined, said)
    cast = Cast(
        cards=dict(said.cards), credits=said.credits, subjects=subjects, policies=[document]
    )

    def policy_of(path: Path, value: str | dict[str, Any]) -> tuple[dict[str, Any], PolicyDocument]:
        return _policy(lined, path, value, beside)

    telling = Telling(lined, cast, policy_of)
    steps = telling.steps()
    faults += telling.faults
    if faults:
        raise FileUnreadableError(sorted(faults, key=lambda fault: fault.line))
    return Story(
        file,
        begins,
        policy,
        document,
        said.cards,
        tuple(cast.cards),
        said.credits,
        cast.subjects,
        said.accounts,
        tuple(steps),
    )


def in_force(
    policy: dict[str, Any], document: PolicyDocument, at: int, *, never_before: bool
) -> tuple[dict[str, Any], int]:
    """The policy with its `effective` set: absent is `at`.

    The first policy may not begin later; a later one (`never_before`) not earlier than `at`.
    """
    effective = at if document.effective is None else document.effective
    effective = max(effective, at) if never_before else min(effective, at)
    return {**policy, "effective": format_instant(effective)}, effective


def _frame(lined: Lined) -> StorySaid:
    if not isinstance(lined.value, dict):
        allowed = "an object with policy, cards, credits, accounts and story"
        raise FileUnreadableError([lined.fault((), shown(lined.value), allowed)])
    wrong = unfit(StorySaid, lined.value)
    if wrong:
        faults = [lined.fault(one.path, one.value, one.allowed) for one in wrong]
        raise FileUnreadableError(faults)
    return StorySaid.model_validate(lined.value)


def _first_at(lined: Lined) -> int:
    """The first instant; where it is none, the step itself will say so."""
    try:
        return parse_instant(lined.value["story"][0].get("at"))
    except (ValueError, TypeError):
        return LEAD


def _policy(
    lined: Lined, path: Path, said: str | dict[str, Any], beside: Beside
) -> tuple[dict[str, Any], PolicyDocument]:
    """The document as plain JSON, and as read; faults point into the file it stands in."""
    document, above = lined, path
    value: Any = said
    if isinstance(said, str):
        try:
            document, above = read_lined(said, beside(said)), ()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            allowed = f"a policy file beside the story, or the document itself ({reason})"
            raise FileUnreadableError([lined.fault(path, shown(said), allowed)]) from error
        value = document.value
    try:
        return value, read_policy(value)
    except PolicyRefusedError as error:
        faults = [
            document.fault((*above, *_below(found.path)), found.value, found.allowed)
            for found in error.findings
        ]
        raise FileUnreadableError(faults) from error


def _below(path: str) -> Path:
    return () if path == "(document)" else steps_of(path)


def _subjects(
    lined: Lined, said: StorySaid, document: PolicyDocument
) -> tuple[dict[str, str], list[Fault]]:
    """The ids on the wire of every card, credit and card's credit; and what is wrong with them."""
    faults: list[Fault] = []
    subjects: dict[str, str] = {}

    def programmes(kind: str) -> str:
        known = sorted(n for n, p in document.programmes.items() if p.kind == kind)
        return f"a {kind} programme: {', '.join(known) or 'the policy has none'}"

    for name, programme in said.cards.items():
        known = document.programmes.get(programme)
        if known is None or known.kind != "card":
            faults.append(lined.fault(("cards", name), shown(programme), programmes("card")))
        if name.endswith(SUFFIX_CREDIT):
            faults.append(
                lined.fault(("cards", name), shown(name), f"no {SUFFIX_CREDIT} at the end")
            )
        subjects[name] = name
        subjects[name + SUFFIX_CREDIT] = card_credit(name)
    for name, credit in said.credits.items():
        known = document.programmes.get(credit.programme)
        path: Path = ("credits", name, "programme")
        if known is None or known.kind != "credit":
            faults.append(lined.fault(path, shown(credit.programme), programmes("credit")))
            continue
        if name in subjects:
            faults.append(lined.fault(path[:2], shown(name), "a name that no card has"))
        kind, owner = owner_of(credit)
        subjects[name] = credit_account(kind, owner, known.currency)
        subjects[name + SUFFIX_CREDIT] = card_credit(subjects[name])
    return subjects, faults


def owner_of(credit: CreditSaid) -> tuple[str, str]:
    """Kind and id of a credit's owner."""
    if credit.owner.customer is not None:
        return "customer", credit.owner.customer
    assert credit.owner.company is not None
    return "company", credit.owner.company


def _accounts(lined: Lined, said: StorySaid) -> list[Fault]:
    faults: list[Fault] = []
    for name, account in said.accounts.items():
        for field, wrong in (
            ("routing", routing_rules.problem(account.routing)),
            ("number", bank_text.account_problem(account.number)),
        ):
            if wrong:
                value = f"the {field} number {wrong}"
                allowed = "a routing number of a US bank, an account number of 1 to 17 characters"
                faults.append(lined.fault(("accounts", name, field), value, allowed))
    return faults
