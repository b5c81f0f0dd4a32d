"""An import is undone: value nobody has used yet is taken back, else it stays, and issuance hears.

What is asked between services is never refused: either way there is a fact, and the fact answers.
"""

from schemas.decision import Accepted
from schemas.handover import ImportKept, ImportTakenBack, TakeBackImport
from schemas.identifiers import derived
from schemas.message import Fact, Outgoing
from schemas.refusals import Reason, first
from schemas.topics import ISSUANCE_COMMANDS
from schemas.value import Draw
from services.redemption import lots as of_lots
from services.redemption.case import Case, accepted
from services.redemption.changes import settle
from services.redemption.rows import Account
from services.redemption.standing import spendable, untouched

IMPORT_TAKEN_BACK = "import_taken_back.v1"
IMPORT_KEPT = "import_kept.v1"


def take_back_import(case: Case, body: TakeBackImport) -> Accepted:
    """Take the value back if only the import has ever touched it."""
    account = case.account
    spendable(case)
    if account.sale is None or account.sale.sale != body.sale:
        case.against(Reason.UNKNOWN_SALE, "the card has another life since")
    if not untouched(account):
        case.against(Reason.NOT_UNUSED)
    reason = first(case.reasons)
    if reason is not None:
        kept = ImportKept(
            **case.told(account.ledger, account.held),
            undo=body.undo,
            reason=reason.value,
            detail=case.detail,
        )
        return accepted(case.fact(IMPORT_KEPT, kept, account.lots))
    draws = [Draw(lot=lot.lot, minor=lot.minor) for lot in account.lots]
    taken = ImportTakenBack(
        **case.told(0, 0, "Cancelled"),
        undo=body.undo,
        minor=of_lots.total(draws),
        parts=of_lots.parts_taken(of_lots.by_id(account.lots), draws, "import"),
    )
    return accepted(case.fact(IMPORT_TAKEN_BACK, taken, taken.parts))


def import_taken_back(account: Account, body: ImportTakenBack) -> None:
    """The account at 0 for good."""
    settle(account, body)
    account.lots = []


def close_undo(fact: Fact, body: ImportTakenBack | ImportKept) -> tuple[Outgoing, ...]:
    """Issuance hears what became of the undo it asked for."""
    said: dict[str, str] = {"undo": body.undo}
    if isinstance(body, ImportKept):
        said["reason"] = body.reason
        if body.detail is not None:
            said["detail"] = body.detail
    return (
        Outgoing(
            ISSUANCE_COMMANDS.name,
            derived(fact.id, "close_undo"),
            "close_undo",
            fact.subject,
            dict(said),
        ),
    )
