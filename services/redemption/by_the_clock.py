"""What has ended by the clock ends first: the sweep decides nothing, however late it comes.

Holds and the return of a card that are past their end lapse in the decision of whatever is asked of
the account next, in facts of their own before the others, and the rest is decided on what they
leave. Whoever is refused changes nothing: then the sweep finds them as they are.
"""

import copy
from dataclasses import replace
from typing import Any, Final

from schemas.decision import Accepted, Decided, Decision
from schemas.message import Fact
from services.redemption import fold, returns
from services.redemption.case import Case
from services.redemption.holds import lapsed, past_end
from services.redemption.rows import Account

# What may go out or come to an end depends on what is held. Captures look at the ends of holds
# themselves; releases, refunds and enquiries find the same either way.
FREED_FIRST: Final = frozenset(
    {
        "place_hold",
        "redeem",
        "increase_hold",
        "load_value",
        "reserve_return",
        "adjust_balance",
        "extend_validity",
        "cash_out",
        "expire_credit",
        "charge_back_sale",
        "transfer_balance",
        "cancel_account",
    }
)


LIVE_FIRST: Final = FREED_FIRST | {"capture_hold"}


def anything_over(type: str, account: Account, now: int) -> bool:
    """Is any hold, or the return under way, past its end (ms UTC), on which this one depends?"""
    if type in FREED_FIRST:
        for hold in account.holds:  # a loop, for `any` costs each use of a card that is held more
            if hold.ends_at <= now:
                return True
    due = account.return_due
    return due is not None and due <= now and type in LIVE_FIRST


def as_swept(case: Case) -> tuple[list[Decided], Case]:
    """The facts by which it ends, and the case as they leave it."""
    facts = [*lapsed(case, past_end(case)), *returns.lapsed(case)]
    rows: dict[str, Any] = copy.deepcopy(dict(case.rows))
    command = case.command
    for decided in facts:
        fact = Fact(
            id="",
            type=decided.type,
            subject=command.subject,
            time=case.terms.now,
            body=decided.body,
            policy=case.terms.policy.version,
            causationid=command.id,
        )
        for key, row in fold.evolve(rows, fact).items():
            rows[key] = row
    rows = {key: row for key, row in rows.items() if row is not None}
    return facts, replace(case, rows=rows, account=rows[command.subject])


def after(facts: list[Decided], decision: Decision) -> Decision:
    """The decision with these facts before its own; one that changes nothing stays so."""
    if isinstance(decision, Accepted) and decision.facts:
        return replace(decision, facts=(*facts, *decision.facts))
    return decision
