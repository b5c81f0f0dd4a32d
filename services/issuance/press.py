"""The press makes secrets: codes, numbers, PINs and account ids; the only place with chance."""

import secrets
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection

from schemas.errors import ScripError
from schemas.identifiers import derived
from schemas.issuance import CARDS_PER_COMMAND_MAX
from schemas.message import Outgoing
from schemas.policy import PolicyDocument, Template
from schemas.topics import ISSUANCE_COMMANDS
from services.issuance.directory import (
    Directory,
    Keys,
    Secret,
    TemplateFullError,
    claim,
    forget,
)
from services.issuance.numbers import (
    CODE_BITS,
    crockford_code,
    digits_needed,
    ean13,
    numbered,
)
from services.issuance.templates import (
    LOOKED_AT_ONCE,
    LOOKED_MAX,
    TEMPLATE_ABSENT,
    capacity,
    numbers_at,
    possible,
)
from services.runtime.murmur2 import partition_of

DRAWS_MAX: Final = 20
# A template that is nearly full: after so many draws what is free is looked for.
DRAWS_BLIND_MAX: Final = 3
TEMPLATE_ABSENT_NAME: Final = "(digital)"
# Track 2 of a card that neither expires nor is a bank's: 4912, then service code 120.
TRACK_FIXED: Final = "4912120"
TRACK_DIGITS: Final = 8
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class PrintFileError(ScripError):
    """The print file does not open; give the key it was sealed under."""


@dataclass(frozen=True, slots=True)
class PressedCard:
    """A new card with its secrets, for whoever issues it; `repr` shows none of them."""

    account: str
    last4: str
    identifiers: tuple[Secret, ...] = field(repr=False)
    pin: str | None = field(repr=False)


class Press:
    """Makes cards into the directory; what it returns is the only copy of their secrets."""

    def __init__(self, directory: Directory, partitions: int) -> None:
        self._directory = directory
        self._partitions = partitions

    def make(self, policy: PolicyDocument, programme: str, count: int) -> list[PressedCard]:
        """So many new cards of a programme; TemplateFullError where they do not fit."""
        templates = templates_of(policy, programme)
        with self._directory.engine.begin() as connection:
            for name, template in templates.items():
                claim(connection, name, count, capacity(template))
            return self.press(connection, templates, count)

    def press(
        self, connection: Connection, templates: Mapping[str, Template], count: int
    ) -> list[PressedCard]:
        """So many cards whose room is claimed, kept with the caller's transaction."""
        drawn = self._draw(connection, templates, [random_id() for _ in range(count)])
        return self._kept(connection, drawn)

    def rekey(
        self, connection: Connection, templates: Mapping[str, Template], accounts: Sequence[str]
    ) -> list[PressedCard]:
        """New secrets for Blank cards; the old ones are gone with the caller's transaction.

        They are counted as the old ones were, so nothing is claimed.
        """
        # The old ones are forgotten last, so that none of them is drawn again.
        drawn = self._draw(connection, templates, accounts)
        forget(connection, accounts)
        return self._kept(connection, drawn)

    def _kept(self, connection: Connection, cards: list[PressedCard]) -> list[PressedCard]:
        self._directory.keep(connection, [Keys(c.account, c.identifiers, c.pin) for c in cards])
        return cards

    def _draw(
        self, connection: Connection, templates: Mapping[str, Template], accounts: Sequence[str]
    ) -> list[PressedCard]:
        """Draw all, then again what is in use, until nothing is."""
        cards = {account: _drawn(account, templates, {}) for account in accounts}
        for draw in range(DRAWS_MAX):
            named = [
                (card.account, one.text) for card in cards.values() for one in card.identifiers
            ]
            taken = self._directory.taken(connection, [text for _, text in named])
            if not taken:
                return list(cards.values())
            again = {named[place][0] for place in taken}
            ours = {text for account, text in named if account not in again}
            free: dict[str, list[str]] = {}
            if draw + 1 >= DRAWS_BLIND_MAX:
                for name, template in templates.items():
                    if template.number is not None:
                        free[name] = self._free(connection, name, template, len(again), ours)
                        ours |= set(free[name])
            for account in again:
                numbers = {name: some.pop() for name, some in free.items()}
                cards[account] = _drawn(account, templates, numbers)
        raise TemplateFullError(f"no free identifier in {DRAWS_MAX} draws of {list(templates)}")

    def _free(
        self, connection: Connection, name: str, template: Template, count: int, ours: Set[str]
    ) -> list[str]:
        """So many numbers that nobody has, not `ours` either, by chance out of all that are."""
        looked = islice(_by_chance(possible(template)), LOOKED_MAX)
        found: list[str] = []
        while len(found) < count and (some := list(islice(looked, LOOKED_AT_ONCE))):
            texts = [text for text in numbers_at(template, some) if text not in ours]
            taken = self._directory.taken(connection, texts)
            found += [text for place, text in enumerate(texts) if place not in taken]
        if len(found) < count:
            missing = f"template {name} has {len(found)} free numbers for the last {count} cards"
            raise TemplateFullError(f"{missing}: an import or another template has the others")
        return found[:count]

    def commands(
        self,
        programme: str,
        batch: str,
        cards: list[PressedCard],
        value: dict[str, Any] | None = None,
    ) -> Iterator[Outgoing]:
        """The `prepare_cards` of a batch: the cards of one partition together, secrets left out."""
        by_partition: dict[int, list[PressedCard]] = {}
        for card in cards:
            partition = partition_of(card.account.encode(), self._partitions)
            by_partition.setdefault(partition, []).append(card)
        for together in by_partition.values():
            for start in range(0, len(together), CARDS_PER_COMMAND_MAX):
                some = together[start : start + CARDS_PER_COMMAND_MAX]
                yield _prepare(programme, batch, some, value)


def templates_of(policy: PolicyDocument, programme: str) -> dict[str, Template]:
    """The templates of a programme by name; one digital one where it names none."""
    names = policy.programmes[programme].templates
    if not names:
        return {TEMPLATE_ABSENT_NAME: TEMPLATE_ABSENT}
    return {name: policy.templates[name] for name in names}


def _prepare(
    programme: str, batch: str, cards: list[PressedCard], value: dict[str, Any] | None
) -> Outgoing:
    first = cards[0].account
    entries: list[dict[str, Any]] = [{"card": c.account, "last4": c.last4} for c in cards]
    if value is not None:
        entries = [{**entry, "value": value} for entry in entries]
    return Outgoing(
        ISSUANCE_COMMANDS.name,
        derived("prepare", batch, first),
        "prepare_cards",
        first,
        {"programme": programme, "batch": batch, "cards": entries},
    )


def _drawn(
    account: str, templates: Mapping[str, Template], numbers: Mapping[str, str]
) -> PressedCard:
    """A card's secrets by chance, but for `numbers`: what is drawn already, by template."""
    drawn = tuple(
        secret
        for name, template in templates.items()
        for secret in _identifiers(name, template, numbers.get(name))
    )
    return PressedCard(account, drawn[0].last4, drawn, _pin(templates))


def _by_chance(count: int) -> Iterator[int]:
    """Every number from 0 below `count` once, in an order that nobody can guess."""
    moved: dict[int, int] = {}
    for last in reversed(range(count)):
        place = secrets.randbelow(last + 1)
        chosen = moved.get(place, place)
        moved[place] = moved.pop(last, last)
        yield chosen


def _identifiers(name: str, template: Template, number: str | None) -> Iterator[Secret]:
    if template.number is None:
        yield Secret("code", name, _code())
    else:
        number = number or numbered(template.number, _digits(digits_needed(template.number)))
        yield Secret("number", name, number)
        if template.track:
            own = "".join(map(str, _digits(TRACK_DIGITS)))
            yield Secret("track", f"{name}/track", f";{number}={TRACK_FIXED}{own}?")
        if template.qr:
            yield Secret("qr", f"{name}/qr", _code())
    if template.barcode == "ean13":
        # 20 to 29 are the prefixes GS1 leaves to a shop's own use.
        inside = "".join(map(str, _digits(11)))
        yield Secret("barcode", f"{name}/ean13", ean13("2" + inside))


def _code() -> str:
    return crockford_code(secrets.randbits(CODE_BITS))


def _digits(count: int) -> list[int]:
    return [secrets.randbelow(10) for _ in range(count)]


def _pin(templates: Mapping[str, Template]) -> str | None:
    length = max((template.pin or 0 for template in templates.values()), default=0)
    return f"{secrets.randbelow(10**length):0{length}d}" if length else None


def random_id() -> str:
    """A card's account id: random, so that it tells nothing of its codes."""
    return str(UUID(bytes=secrets.token_bytes(16), version=4))


class PrintKey:
    """Seals what is printed: AES-256-GCM under a key of the batch, wrapped under this one."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the print key has {KEY_BYTES} bytes")
        self._cipher = AESGCM(key)

    def new_wrapped(self, batch: str) -> bytes:
        """A new batch's key, sealed; it opens for that batch only."""
        return _sealed(self._cipher, secrets.token_bytes(KEY_BYTES), batch.encode())

    def seal(
        self, wrapped: bytes, batch: str, chunk: int, cards: Sequence[tuple[int, PressedCard]]
    ) -> bytes:
        """A chunk's part of the print file: its cards by number with all their secrets."""
        rows = [
            {
                "number": number,
                "account": card.account,
                "identifiers": [[s.kind, s.template, s.text] for s in card.identifiers],
                "pin": card.pin,
            }
            for number, card in cards
        ]
        cipher = AESGCM(_opened(self._cipher, wrapped, batch.encode()))
        return _sealed(cipher, orjson.dumps(rows), f"{batch}/{chunk}".encode())

    def open(
        self, wrapped: bytes, batch: str, chunk: int, sealed: bytes
    ) -> list[tuple[int, PressedCard]]:
        """What was sealed; PrintFileError if it was changed, or sealed under another key."""
        try:
            cipher = AESGCM(_opened(self._cipher, wrapped, batch.encode()))
            rows = orjson.loads(_opened(cipher, sealed, f"{batch}/{chunk}".encode()))
        except InvalidTag as changed:
            text = f"part {chunk} of batch {batch} does not open: another key, or it was changed"
            raise PrintFileError(text) from changed
        return [(row["number"], _printed(row)) for row in rows]


def _printed(row: Mapping[str, Any]) -> PressedCard:
    identifiers = tuple(Secret(*one) for one in row["identifiers"])
    return PressedCard(row["account"], identifiers[0].last4, identifiers, row["pin"])


def _sealed(cipher: AESGCM, plain: bytes, bound_to: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, bound_to)


def _opened(cipher: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
