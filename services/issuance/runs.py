"""Batches: planned as rows, made chunk by chunk, told to issuance until every card is in.

What is planned is planned once; a chunk's cards are kept, sealed for the printer and marked pressed
in one database transaction; a command's id follows from its chunk and partition. So whoever was
killed runs the same again, and it goes on where it was: no card twice, none missing.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, Engine, Row, func, select, update
from sqlalchemy.exc import IntegrityError

from schemas.errors import ScripError
from schemas.policy import Template
from schemas.terms import Policy
from services.issuance.chunks import (
    PREPARED,
    Known,
    card_rows,
    chunk_rows,
    command,
    telling_rows,
)
from services.issuance.directory import Directory, TemplateFullError, claim
from services.issuance.press import Press, PrintKey, templates_of
from services.issuance.room.tables import require_free
from services.issuance.tables import BATCHES, CARDS, CHUNKS, TELLINGS
from services.issuance.templates import capacity, left
from services.runtime.outbox_table import insert_new
from services.runtime.post import Post
from services.runtime.tables import insert_rows

CARDS_MAX: Final = 1_000_000
PRESSES_MAX: Final = 5
ASKED: Final = ("kind", "programme", "cards", "value", "place")
NOTHING: Final[Known] = {}


class BatchRefusedError(ScripError):
    """The batch cannot be as asked, or issuance refused a part of it; the message says why."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: so many cards of a programme, `value` minor units each where fixed."""

    batch: str
    programme: str
    cards: int
    value: int | None = None
    place: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A batch as it is: how many cards are in, their value, what is left of its templates.

    `sha256` is over `number,account,last4,value` of every card, one line each, by number.
    """

    batch: str
    kind: str
    programme: str
    currency: str
    cards: int
    told: int
    value_minor: int
    sha256: str
    left: dict[str, int]


class Batches:
    """Plans batches and carries them through. `say` hears of progress."""

    def __init__(
        self,
        directory: Directory,
        press: Press,
        print_key: PrintKey,
        partitions: int,
        say: Callable[[str], None],
    ) -> None:
        self.directory = directory
        self.print_key = print_key
        self.partitions = partitions
        self._engine: Engine = directory.engine
        self._press = press
        self._say = say

    def plan(self, order: Order, policy: Policy, now: int) -> None:
        """Plan it, and claim its templates' room; planned already as asked: nothing happens.

        Raises BatchRefusedError, TemplateFullError.
        """
        _require_fit(order, policy)
        templates = templates_of(policy.document, order.programme)
        row = {
            "batch": order.batch,
            "kind": PREPARED,
            "content": None,
            "programme": order.programme,
            "currency": policy.document.programmes[order.programme].currency,
            "cards": order.cards,
            "value": order.value,
            "templates": {n: t.model_dump(exclude_none=True) for n, t in templates.items()},
            "place": dict(order.place),
            "wrapped": self.print_key.new_wrapped(order.batch),
            "made_at": now,
        }
        with self._engine.begin() as connection:
            if not insert_batch(connection, row, lambda kept: _asked_so(kept, row)):
                return
            for name, template in templates.items():
                claim(connection, name, order.cards, capacity(template))
            require_free(connection, self.directory, templates, order.cards)
            insert_rows(connection, CHUNKS, chunk_rows(order.batch, order.cards, "planned"))

    def go_on(self, batch: str, post: Post) -> Manifest:
        """Make and tell what is not yet; the manifest.

        Raises BatchRefusedError, NoAnswerError, and TemplateFullError where an import has got
        numbers since the batch was planned.
        """
        plan = self._batch(batch)
        wanted = select(CHUNKS).where(CHUNKS.c.batch == batch).order_by(CHUNKS.c.chunk)
        with self._engine.connect() as connection:
            chunks = connection.execute(wanted).all()
        told = sum(chunk.cards for chunk in chunks if chunk.state == "told")
        for chunk in chunks:
            if chunk.state == "told":
                continue
            if chunk.state == "planned":
                try:
                    self._press_chunk(plan, chunk)
                except TemplateFullError as full:
                    raise TemplateFullError(_stands(plan, told, full)) from full
            self._tell(plan, chunk.chunk, post)
            told += chunk.cards
            self._say(f"batch {batch}: {told} of {plan.cards} cards")
        return self.manifest(batch)

    def manifest(self, batch: str) -> Manifest:
        """How it stands. Raises BatchRefusedError for an unknown one."""
        plan = self._batch(batch)
        digest, minor = hashlib.sha256(), 0
        wanted = select(CARDS).where(CARDS.c.batch == batch).order_by(CARDS.c.number)
        told = select(func.coalesce(func.sum(CHUNKS.c.cards), 0)).where(
            CHUNKS.c.batch == batch, CHUNKS.c.state == "told"
        )
        with self._engine.connect() as connection:
            for card in connection.execute(wanted.execution_options(yield_per=1_000)):
                value = plan.value if card.value is None else card.value
                minor += value or 0
                shown = "" if value is None else value
                digest.update(f"{card.number},{card.account},{card.last4},{shown}\n".encode())
            in_stock = int(connection.execute(told).scalar_one())
        templates = {name: Template(**said) for name, said in plan.templates.items()}
        return Manifest(
            batch=batch,
            kind=plan.kind,
            programme=plan.programme,
            currency=plan.currency,
            cards=plan.cards,
            told=in_stock,
            value_minor=minor,
            sha256=digest.hexdigest(),
            left={n: left(t, self.directory.claimed(n)) for n, t in templates.items()},
        )

    def _batch(self, batch: str) -> Row[Any]:
        with self._engine.connect() as connection:
            found = connection.execute(select(BATCHES).where(BATCHES.c.batch == batch)).first()
        if found is None:
            raise BatchRefusedError(f"there is no batch {batch}")
        return found

    def _press_chunk(self, plan: Row[Any], chunk: Row[Any]) -> None:
        for number in range(PRESSES_MAX):
            try:
                with self._engine.begin() as connection:
                    self._press_in(connection, plan, chunk)
            except (IntegrityError, UniqueViolation):
                # Another batch has drawn the same identifier at the same time: draw all anew.
                if number + 1 == PRESSES_MAX:
                    raise
                continue
            return

    def _press_in(self, connection: Connection, plan: Row[Any], chunk: Row[Any]) -> None:
        mine = (CHUNKS.c.batch == plan.batch) & (CHUNKS.c.chunk == chunk.chunk)
        locked = select(CHUNKS.c.state).where(mine).with_for_update()
        if connection.execute(locked).scalar_one() != "planned":
            return
        templates = {name: Template(**said) for name, said in plan.templates.items()}
        pressed = self._press.press(connection, templates, chunk.cards)
        numbered = list(enumerate(pressed, chunk.first))
        known = [(number, card.account, card.last4, NOTHING) for number, card in numbered]
        rows = card_rows(plan.batch, chunk.chunk, known, self.partitions)
        insert_rows(connection, CARDS, rows)
        insert_rows(connection, TELLINGS, telling_rows(rows))
        sealed = self.print_key.seal(plan.wrapped, plan.batch, chunk.chunk, numbered)
        connection.execute(update(CHUNKS).where(mine).values(state="pressed", sealed=sealed))

    def _tell(self, plan: Row[Any], chunk: int, post: Post) -> None:
        mine = (TELLINGS.c.batch == plan.batch) & (TELLINGS.c.chunk == chunk)
        open_ones = select(TELLINGS).where(mine, TELLINGS.c.state != "accepted")
        of_chunk = (CARDS.c.batch == plan.batch) & (CARDS.c.chunk == chunk)
        with self._engine.connect() as connection:
            tellings = connection.execute(open_ones.order_by(TELLINGS.c.partition)).all()
            cards = connection.execute(select(CARDS).where(of_chunk).order_by(CARDS.c.number)).all()
        asked = {
            telling.partition: command(
                plan, telling, [card for card in cards if card.partition == telling.partition]
            )
            for telling in tellings
        }
        replies = post.ask(list(asked.values())) if asked else {}
        refused: list[str] = []
        with self._engine.begin() as connection:
            for telling in tellings:
                reply = replies[asked[telling.partition].id]
                values: dict[str, Any] = {"state": reply.outcome, "reason": reply.reason}
                if reply.outcome == "refused":
                    refused.append(f"{reply.reason} ({reply.detail})")
                    values["attempt"] = telling.attempt + 1
                one = mine & (TELLINGS.c.partition == telling.partition)
                connection.execute(update(TELLINGS).where(one).values(values))
            if not refused:
                whole = (CHUNKS.c.batch == plan.batch) & (CHUNKS.c.chunk == chunk)
                connection.execute(update(CHUNKS).where(whole).values(state="told"))
        if refused:
            raise BatchRefusedError(f"issuance refused a part of batch {plan.batch}: {refused[0]}")


def _stands(plan: Row[Any], told: int, full: TemplateFullError) -> str:
    return (
        f"{full}; batch {plan.batch} stands at {told} of {plan.cards} cards, and those are good: "
        "undo the import that has its numbers and run the same again, or order the rest otherwise"
    )


def insert_batch(
    connection: Connection, row: Mapping[str, Any], same: Callable[[Row[Any]], bool]
) -> bool:
    """A new batch in the caller's transaction; False: it is there, and `same` says just so.

    Raises BatchRefusedError if it is there and was asked for otherwise.
    """
    if insert_new(connection, BATCHES, row, ["batch"]):
        return True
    wanted = select(BATCHES).where(BATCHES.c.batch == row["batch"])
    if not same(connection.execute(wanted).one()):
        raise BatchRefusedError(f"batch {row['batch']} is there and was another; name a new one")
    return False


def _asked_so(kept: Row[Any], row: Mapping[str, Any]) -> bool:
    """All that was asked is in the row, and none of it secret: this needs no pepper."""
    return all(kept._mapping[name] == row[name] for name in ASKED)


def _require_fit(order: Order, policy: Policy) -> None:
    programme = policy.programme(order.programme)
    if programme is None or programme.kind != "card":
        raise BatchRefusedError(f"the policy has no card programme {order.programme}")
    if not 0 < order.cards <= CARDS_MAX:
        raise BatchRefusedError(f"{order.cards} cards; allowed: 1 to {CARDS_MAX}")
    if order.value is not None and not policy.offers(programme, order.value):
        raise BatchRefusedError(f"{order.programme} does not offer the value {order.value}")
