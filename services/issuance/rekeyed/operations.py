"""What makes Blank cards Prepared again: new secrets, sealed for the printer, told to issuance.

The old secret goes, the new one is kept and sealed in one database transaction, once for each life
of a card; the command's id follows from card and life. So whoever was killed asks the same again,
and it goes on where it was: no card gets two new secrets for one life, and none is lost.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select

from schemas.identifiers import derived
from schemas.message import Outgoing
from schemas.policy import Template
from schemas.reply import Reply
from schemas.terms import Policy
from schemas.topics import ISSUANCE_COMMANDS
from services.issuance.directory import Directory
from services.issuance.operations import AT_ONCE, Range, Turned, cards_in
from services.issuance.press import Press, PressedCard, PrintKey, random_id, templates_of
from services.issuance.runs import BatchRefusedError
from services.issuance.tables import BATCHES, CARDS, REKEYED
from services.runtime.post import Post
from services.runtime.tables import insert_rows

TYPE: Final = "rekeyed"


@dataclass(frozen=True, slots=True)
class PressRoom:
    """The press with its directory, the key it seals under, and the policy in force."""

    directory: Directory
    press: Press
    key: PrintKey
    policy: Policy


@dataclass(slots=True, kw_only=True)
class RekeyDone(Turned):
    """Numbers of cards with a new secret: made now, or made `before` for the life they are in.

    Refused are those that are not Blank.
    """

    rekeyed: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Blank:
    """A card without a secret that counts: its number, account and life."""

    number: int
    account: str
    life: int


def rekey_range(
    room: PressRoom, post: Post, batch: str, first: int, last: int, say: Callable[[str], None]
) -> RekeyDone:
    """New secrets for the Blank cards of a range, a thousand at once.

    Raises BatchRefusedError, NoAnswerError.
    """
    cards = cards_in(room.directory, Range(batch, first, last, TYPE, {}))
    templates = _templates(room, batch)
    done = RekeyDone()
    for start in range(0, len(cards), AT_ONCE):
        some = cards[start : start + AT_ONCE]
        blank = _blank(room.directory, post, batch, some, done)
        with room.directory.engine.begin() as connection:
            last4 = _renewed(connection, room, templates, batch, blank)
        _tell(post, blank, last4)
        done.rekeyed += [card.number for card in blank]
        say(f"{TYPE}: {start + len(some)} of {len(cards)} cards")
    return done


def _templates(room: PressRoom, batch: str) -> Mapping[str, Template]:
    wanted = select(BATCHES.c.programme).where(BATCHES.c.batch == batch)
    with room.directory.engine.connect() as connection:
        programme: str = connection.execute(wanted).scalar_one()
    if room.policy.programme(programme) is None:
        allowed = "a programme of the policy in force"
        raise BatchRefusedError(f"batch {batch} is of programme {programme}; allowed: {allowed}")
    return templates_of(room.policy.document, programme)


def _blank(
    directory: Directory, post: Post, batch: str, cards: Sequence[tuple[int, str]], done: RekeyDone
) -> list[_Blank]:
    """Those that issuance says are Blank; of the others `done` hears."""
    asked = {random_id(): card for card in cards}
    replies = post.ask(
        [
            Outgoing(ISSUANCE_COMMANDS.name, id, "enquire", account, {})
            for id, (_, account) in asked.items()
        ]
    )
    with directory.engine.connect() as connection:
        known = _known(connection, batch, [number for number, _ in cards])
    blank = []
    for id, (number, account) in asked.items():
        state, life = _state(replies[id])
        if state == "Blank":
            blank.append(_Blank(number, account, life))
        elif state == "Prepared" and number in known and known[number].life == life:
            done.before.append(number)
        else:
            done.refused.append((number, f"the card is {state}; allowed: Blank"))
    return blank


def _state(reply: Reply) -> tuple[str, int]:
    if reply.account is None:
        return f"not in stock ({reply.detail or reply.reason})", 0
    return str(reply.account["state"]), int(reply.account["life"])


def _renewed(
    connection: Connection,
    room: PressRoom,
    templates: Mapping[str, Template],
    batch: str,
    blank: Sequence[_Blank],
) -> dict[int, str]:
    """The last four of each card's new secret, by number; made here unless it was before."""
    numbers = [card.number for card in blank]
    mine = (CARDS.c.batch == batch) & CARDS.c.number.in_(numbers)
    # Whoever comes second waits for the lock, and then finds what the first has made.
    locked = select(CARDS.c.number).where(mine).order_by(CARDS.c.number).with_for_update()
    connection.execute(locked).all()
    known = _known(connection, batch, numbers)
    wanted = {
        card.account: card
        for card in blank
        if card.number not in known or known[card.number].life != card.life
    }
    last4 = {number: str(row.last4) for number, row in known.items()}
    if not wanted:
        return last4
    made = room.press.rekey(connection, templates, list(wanted))
    _keep(connection, room.key, batch, [(wanted[card.account], card) for card in made])
    return last4 | {wanted[card.account].number: card.last4 for card in made}


def _keep(
    connection: Connection, key: PrintKey, batch: str, made: Sequence[tuple[_Blank, PressedCard]]
) -> None:
    """Sealed under a key of their own, in the place of what was kept for an earlier life."""
    wrapped = key.new_wrapped(batch)
    rows = [
        {
            "batch": batch,
            "number": blank.number,
            "life": blank.life,
            "last4": card.last4,
            "wrapped": wrapped,
            "sealed": key.seal(wrapped, batch, blank.number, [(blank.number, card)]),
        }
        for blank, card in made
    ]
    numbers = [blank.number for blank, _ in made]
    mine = (REKEYED.c.batch == batch) & REKEYED.c.number.in_(numbers)
    connection.execute(delete(REKEYED).where(mine))
    insert_rows(connection, REKEYED, rows)


def _known(connection: Connection, batch: str, numbers: Sequence[int]) -> dict[int, Row[Any]]:
    wanted = select(REKEYED).where(REKEYED.c.batch == batch, REKEYED.c.number.in_(numbers))
    return {row.number: row for row in connection.execute(wanted)}


def _tell(post: Post, blank: Sequence[_Blank], last4: Mapping[int, str]) -> None:
    if not blank:
        return
    post.ask(
        [
            Outgoing(
                ISSUANCE_COMMANDS.name,
                derived(TYPE, card.account, str(card.life)),
                TYPE,
                card.account,
                {"last4": last4[card.number]},
            )
            for card in blank
        ]
    )
