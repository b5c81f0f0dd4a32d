"""Which reply a decision is answered with."""

from schemas.decision import Accepted, Belated, Decision, Refused
from schemas.message import Command
from schemas.reply import Reply


def reply_of(command: Command, decision: Decision, types: tuple[str, ...]) -> Reply:
    """The first answer to a command; the balance is that after its last fact."""
    match decision:
        case Accepted():
            return Reply(
                command=command.id,
                outcome="accepted",
                facts=types,
                balance=decision.balance or _balance_after(decision),
                account=decision.account,
                covered=decision.covered,
                due=decision.due,
            )
        case Refused():
            return Reply(
                command=command.id,
                outcome="refused",
                reason=decision.reason.value,
                detail=decision.detail,
                facts=types,
            )


def belated_reply(command: Command, belated: Belated, types: tuple[str, ...]) -> Reply:
    """The answer that was to come later: all facts of the command, at once and now."""
    return Reply(
        command=command.id,
        outcome="accepted" if belated.reason is None else "refused",
        reason=None if belated.reason is None else belated.reason.value,
        detail=belated.detail,
        facts=(*belated.told, *types),
    )


def _balance_after(decision: Accepted) -> dict[str, int] | None:
    after = getattr(decision.facts[-1].body, "balance", None) if decision.facts else None
    if after is None:
        return None
    return {"ledger": after.ledger, "held": after.held, "available": after.available}
