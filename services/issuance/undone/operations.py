"""What takes an import back: every card is looked at first, and one that must stay stops it all.

The cards lie on many partitions, and each decides alone, so none of them can answer for all; who
asks knows the whole list. What is used between the look and the asking stays, and is named. Whoever
was interrupted asks the same again: what is undone is known by what it has become.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select

from schemas.message import Outgoing
from schemas.refusals import Reason
from schemas.reply import Reply
from schemas.topics import REDEMPTION_COMMANDS
from services.issuance.chunks import IMPORTED
from services.issuance.directory import Directory, forget
from services.issuance.operations import AT_ONCE, Range, Turned, ask, cards_in
from services.issuance.press import random_id
from services.issuance.runs import BatchRefusedError
from services.issuance.sale import IMPORT
from services.issuance.tables import BATCHES
from services.runtime.post import Post

TYPE: Final = "undo_import"
UNDONE: Final = "undone"
_STATES: Final = {
    "Cancelled": Reason.ACCOUNT_CANCELLED,
    "Expired": Reason.ACCOUNT_EXPIRED,
    **dict.fromkeys(("Refunding", "Refunded", "Blank"), Reason.NOT_ACTIVE),
}


@dataclass(slots=True, kw_only=True)
class UndoDone(Turned):
    """Numbers of cards `undone` now, or `before`, and of those that stay: `refused`.

    `left`: so many were not asked for, since others must stay. `repeated`: answers of before.
    """

    undone: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    left: int = 0
    repeated: int = 0


def undo_range(
    directory: Directory, post: Post, wanted: Range, unused_only: bool, say: Callable[[str], None]
) -> UndoDone:
    """Take a range of an import back; `unused_only`: whatever of it can be, else all or nothing.

    Raises BatchRefusedError, NoAnswerError.
    """
    _require_import(directory, wanted.batch)
    cards = cards_in(directory, wanted)
    done = UndoDone()
    open_ones: list[tuple[int, str]] = []
    for start in range(0, len(cards), AT_ONCE):
        some = cards[start : start + AT_ONCE]
        open_ones += _looked_at(directory, post, some, done)
        say(f"{TYPE}: {start + len(some)} of {len(cards)} cards looked at")
    if done.refused and not unused_only:
        done.left = len(open_ones)
        return done
    for start in range(0, len(open_ones), AT_ONCE):
        some = open_ones[start : start + AT_ONCE]
        _take_back(directory, post, wanted, some, done)
        say(f"{TYPE}: {start + len(some)} of {len(open_ones)} cards")
    done.refused.sort()
    done.undone.sort()
    return done


def _require_import(directory: Directory, batch: str) -> None:
    wanted = select(BATCHES.c.kind).where(BATCHES.c.batch == batch)
    with directory.engine.connect() as connection:
        kind = connection.execute(wanted).scalar()
    if kind not in (None, IMPORTED):
        raise BatchRefusedError(f"batch {batch} was {kind}; allowed: one that was {IMPORTED}")


def _looked_at(
    directory: Directory, post: Post, cards: Sequence[tuple[int, str]], done: UndoDone
) -> list[tuple[int, str]]:
    """Those that can be taken back as they are now; of the others `done` hears."""
    asked = {random_id(): card for card in cards}
    replies = post.ask(
        [
            Outgoing(REDEMPTION_COMMANDS.name, id, "enquire", account, {"use": True})
            for id, (_, account) in asked.items()
        ]
    )
    found: list[tuple[int, str]] = []
    gone: list[str] = []
    for id, (number, account) in asked.items():
        standing = _standing(replies[id])
        if standing is None:
            found.append((number, account))
        elif standing == UNDONE:
            done.before.append(number)
            gone.append(account)
        else:
            done.refused.append((number, standing))
    # Whoever was interrupted has not forgotten their codes yet.
    _forget(directory, gone)
    return found


def _standing(reply: Reply) -> str | None:
    """Why a card stays, as redemption would refuse it, or that it is undone; None: neither."""
    account: dict[str, Any] | None = reply.account
    if account is None:
        return str(reply.reason)
    if account["tender"] != IMPORT:
        return str(Reason.UNKNOWN_SALE)
    if account["state"] == "Cancelled" and account["unused"]:
        return UNDONE
    against = _STATES.get(account["state"])
    if against is None and account["frozen"]:
        against = Reason.ACCOUNT_FROZEN
    if against is None and not account["unused"]:
        against = Reason.NOT_UNUSED
    return None if against is None else str(against)


def _take_back(
    directory: Directory,
    post: Post,
    wanted: Range,
    cards: Sequence[tuple[int, str]],
    done: UndoDone,
) -> None:
    gone = []
    for number, account, reply in ask(post, wanted, cards):
        done.repeated += reply.repeated
        if reply.outcome == "refused":
            done.refused.append((number, str(reply.reason)))
        else:
            done.undone.append(number)
            gone.append(account)
    _forget(directory, gone)


def _forget(directory: Directory, accounts: Sequence[str]) -> None:
    if accounts:
        with directory.engine.begin() as connection:
            forget(connection, accounts)
