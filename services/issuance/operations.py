"""What is done with cards in number: an import planned, a range shipped, activated, voided.

A range's commands have ids that follow from what is asked, so a range that was interrupted is asked
again and nothing happens twice; what was answered before is counted apart.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from sqlalchemy import Row, select

from schemas.errors import ScripError
from schemas.findings import Finding
from schemas.identifiers import derived
from schemas.message import Outgoing
from schemas.reply import Reply
from schemas.terms import Policy
from schemas.topics import ISSUANCE_COMMANDS
from services.issuance.chunks import IMPORTED, card_rows, chunk_rows, telling_rows
from services.issuance.directory import Directory, Keys, Secret
from services.issuance.old_cards import OldCard, hidden
from services.issuance.press import random_id
from services.issuance.runs import BatchRefusedError, insert_batch
from services.issuance.tables import BATCHES, CARDS, CHUNKS, TELLINGS
from services.runtime.post import Post
from services.runtime.tables import insert_rows

AT_ONCE: Final = 1_000
FINDINGS_MAX: Final = 100
IMPORT_TEMPLATE: Final = "(import)"


class ImportRefusedError(ScripError):
    """A file of cards cannot be taken over; `findings` name line, value and what is allowed."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = list(findings)
        shown = [str(one) for one in self.findings[:FINDINGS_MAX]]
        more = len(self.findings) - len(shown)
        super().__init__("; ".join([*shown, f"and {more} more"] if more else shown))


@dataclass(frozen=True, slots=True)
class Import:
    """A file of cards for a programme, at a place."""

    batch: str
    programme: str
    cards: Sequence[OldCard]
    place: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Range:
    """One command for each card of a batch from number `first` to `last`.

    `again` sets an asking apart from an earlier one of the same content.
    """

    batch: str
    first: int
    last: int
    type: str
    body: Mapping[str, Any]
    again: str = ""


@dataclass(slots=True, kw_only=True)
class Turned:
    """Of cards asked for in number: `refused` has number and reason, `reasons` counts them."""

    refused: list[tuple[int, str]] = field(default_factory=list)

    @property
    def reasons(self) -> dict[str, int]:
        """How many were refused for which reason."""
        return dict(Counter(reason for _, reason in self.refused))


@dataclass(slots=True, kw_only=True)
class RangeDone(Turned):
    """What became of a range.

    `accepted` was done now. `repeated` was answered before, so that nothing was done now; those of
    them that were refused are among `refused`, too.
    """

    accepted: int = 0
    repeated: int = 0


def plan_import(
    directory: Directory, partitions: int, wanted: Import, policy: Policy, now: int
) -> None:
    """Keep every card's digests and rows, or none; planned already as asked: nothing happens.

    Raises BatchRefusedError, ImportRefusedError, PepperMissingError.
    """
    programme = policy.programme(wanted.programme)
    if programme is None or programme.kind != "card":
        raise BatchRefusedError(f"the policy has no card programme {wanted.programme}")
    content = _content(wanted)
    row = _batch_row(wanted, directory.fingerprint(content), programme.currency, now)

    def same(kept: Row[Any]) -> bool:
        what = f"batch {wanted.batch} was planned"
        # Of a batch that the press made nothing is kept that could be an import's.
        return kept.content is not None and directory.is_of(kept.content, content, what)

    with directory.engine.begin() as connection:
        if not insert_batch(connection, row, same):
            return
        taken = directory.taken(connection, [card.code for card in wanted.cards])
        if taken:
            raise ImportRefusedError([_known_code(wanted.cards[place]) for place in sorted(taken)])
        keys = [_keys(random_id(), card) for card in wanted.cards]
        directory.keep(connection, keys)
        numbered = list(enumerate(zip(keys, wanted.cards, strict=True), 1))
        chunks = chunk_rows(wanted.batch, len(numbered), "pressed")
        insert_rows(connection, CHUNKS, chunks)
        for chunk in chunks:
            some = numbered[chunk["first"] - 1 : chunk["first"] - 1 + chunk["cards"]]
            cards = [
                (number, key.account, key.identifiers[0].last4, _known(card))
                for number, (key, card) in some
            ]
            rows = card_rows(wanted.batch, chunk["chunk"], cards, partitions)
            insert_rows(connection, CARDS, rows)
            insert_rows(connection, TELLINGS, telling_rows(rows))


def _known_code(card: OldCard) -> Finding:
    return Finding(f"line {card.line}, code", hidden(card.code), "a code not known yet")


def _content(wanted: Import) -> bytes:
    said = [(c.code, c.minor, c.sold_at, c.expires_at, c.pin) for c in wanted.cards]
    return orjson.dumps([IMPORTED, wanted.programme, dict(wanted.place), said])


def _batch_row(wanted: Import, fingerprint: str, currency: str, now: int) -> dict[str, Any]:
    return {
        "batch": wanted.batch,
        "kind": IMPORTED,
        "content": fingerprint,
        "programme": wanted.programme,
        "currency": currency,
        "cards": len(wanted.cards),
        "value": None,
        "templates": {},
        "place": dict(wanted.place),
        "wrapped": None,
        "made_at": now,
    }


def _keys(account: str, card: OldCard) -> Keys:
    kind = "number" if card.code.isdigit() else "old"
    return Keys(account, (Secret(kind, IMPORT_TEMPLATE, card.code),), card.pin)


def _known(card: OldCard) -> dict[str, int | None]:
    return {"value": card.minor, "sold_at": card.sold_at, "expires_at": card.expires_at}


def ask_range(
    directory: Directory, post: Post, wanted: Range, say: Callable[[str], None]
) -> RangeDone:
    """Ask for each card of a range, a thousand at once. Raises BatchRefusedError, NoAnswerError."""
    cards = cards_in(directory, wanted)
    done = RangeDone()
    for start in range(0, len(cards), AT_ONCE):
        some = cards[start : start + AT_ONCE]
        for number, _, reply in ask(post, wanted, some):
            done.repeated += reply.repeated
            if reply.outcome == "refused":
                done.refused.append((number, str(reply.reason)))
            elif not reply.repeated:
                done.accepted += 1
        say(f"{wanted.type}: {start + len(some)} of {len(cards)} cards")
    done.refused.sort()
    return done


def ask(
    post: Post, wanted: Range, cards: Sequence[tuple[int, str]]
) -> list[tuple[int, str, Reply]]:
    """A range's command for each of these cards: number, account and answer."""
    asked = {_id(wanted, number): (number, account) for number, account in cards}
    replies = post.ask(
        [
            Outgoing(ISSUANCE_COMMANDS.name, id, wanted.type, account, dict(wanted.body))
            for id, (_, account) in asked.items()
        ]
    )
    return [(*asked[id], reply) for id, reply in replies.items()]


def cards_in(directory: Directory, wanted: Range) -> list[tuple[int, str]]:
    """Number and account of each card of a range. Raises BatchRefusedError where one is not."""
    with directory.engine.connect() as connection:
        of_batch = select(BATCHES.c.cards).where(BATCHES.c.batch == wanted.batch)
        count = connection.execute(of_batch).scalar()
        found = connection.execute(
            select(CARDS.c.number, CARDS.c.account)
            .where(CARDS.c.batch == wanted.batch)
            .where(CARDS.c.number.between(wanted.first, wanted.last))
            .order_by(CARDS.c.number)
        ).all()
    if count is None:
        raise BatchRefusedError(f"there is no batch {wanted.batch}")
    if not 1 <= wanted.first <= wanted.last <= count:
        said = f"{wanted.first} to {wanted.last}"
        raise BatchRefusedError(f"cards {said} of batch {wanted.batch}; allowed: 1 to {count}")
    if len(found) != wanted.last - wanted.first + 1:
        raise BatchRefusedError(f"batch {wanted.batch} is not whole yet: run its order again")
    return [(row.number, row.account) for row in found]


def _id(wanted: Range, number: int) -> str:
    said = orjson.dumps(dict(wanted.body), option=orjson.OPT_SORT_KEYS).decode()
    return derived("range", wanted.type, wanted.batch, str(number), said, wanted.again)
