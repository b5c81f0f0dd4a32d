"""The directory: the only place that knows which secret belongs to which account.

It keeps no secret, only HMAC-SHA256 under a versioned pepper (and Argon2id of a peppered PIN), so a
stolen copy is worth nothing without the pepper, which lives in the settings and not in a database.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    select,
    update,
)

from schemas.errors import ScripError
from schemas.instants import MINUTE
from services.issuance.numbers import normalised
from services.runtime.tables import insert_rows

TRIES_MAX: Final = 5
LOCKED_MS: Final = 15 * MINUTE
METADATA: Final = MetaData(schema="directory")

SECRETS: Final = Table(
    "secrets",
    METADATA,
    Column("digest", String(64), primary_key=True, comment="HMAC-SHA256 of the identifier"),
    Column("pepper", Integer, nullable=False, comment="version of the pepper"),
    Column("kind", String(16), nullable=False, comment="code, number or barcode"),
    Column("template", String(64), nullable=False),
    Column("account", String(128), nullable=False),
    Index("secrets_of_account", "account"),
    Index("secrets_of_template", "template"),
)
PINS: Final = Table(
    "pins",
    METADATA,
    Column("account", String(128), primary_key=True),
    Column("hash", String(200), nullable=False, comment="Argon2id of the peppered PIN"),
    Column("pepper", Integer, nullable=False),
    Column("wrong", Integer, nullable=False, comment="wrong tries in a row"),
    Column("locked_until", BigInteger, nullable=False, comment="ms UTC; 0: not locked"),
)


class PinAnswer(StrEnum):
    """What a try with a PIN comes to; a locked PIN is not even looked at."""

    RIGHT = "right"
    WRONG = "wrong"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Secret:
    """One identifier of a card: its kind, the template that made it, and its text (secret)."""

    kind: str
    template: str
    text: str


class SecretTakenError(ScripError):
    """An identifier is in use already; draw another one."""


class Directory:
    """Secrets by their digest. `peppers` are keys by version; the highest is used for new ones."""

    def __init__(self, engine: Engine, peppers: Mapping[int, bytes]) -> None:
        assert peppers
        assert all(len(pepper) >= 32 for pepper in peppers.values())
        self._engine = engine
        self._peppers = dict(sorted(peppers.items(), reverse=True))
        self._newest = next(iter(self._peppers))
        # The PIN has a million values: it is the pepper that keeps a stolen table safe, and the
        # lock that keeps a till safe. So the cost fits batches of 100,000 cards.
        self._hasher = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)
        self._nobody = self._hasher.hash("no card has this PIN")

    def register(self, account: str, secrets: Iterable[Secret], pin: str | None = None) -> None:
        """A card's identifiers and PIN, all or none; SecretTakenError where one is in use."""
        with self._engine.begin() as connection:
            self._register(connection, account, secrets, pin)

    def rekey(self, account: str, secrets: Iterable[Secret], pin: str | None = None) -> None:
        """New identifiers and PIN for an account; the old ones stop counting at that moment."""
        with self._engine.begin() as connection:
            connection.execute(delete(SECRETS).where(SECRETS.c.account == account))
            connection.execute(delete(PINS).where(PINS.c.account == account))
            self._register(connection, account, secrets, pin)

    def _register(
        self, connection: Connection, account: str, secrets: Iterable[Secret], pin: str | None
    ) -> None:
        rows = []
        for secret in secrets:
            digests = self._digests(secret.text)
            taken = select(SECRETS.c.digest).where(SECRETS.c.digest.in_(digests))
            if connection.execute(taken).first() is not None:
                raise SecretTakenError(f"a {secret.kind} of template {secret.template}")
            rows.append(
                {
                    "digest": digests[0],
                    "pepper": self._newest,
                    "kind": secret.kind,
                    "template": secret.template,
                    "account": account,
                }
            )
        insert_rows(connection, SECRETS, rows)
        if pin is not None:
            row = {
                "account": account,
                "hash": self._hasher.hash(self._peppered(self._newest, account, pin)),
                "pepper": self._newest,
                "wrong": 0,
                "locked_until": 0,
            }
            insert_rows(connection, PINS, [row])

    def find(self, typed: str) -> str | None:
        """The account of an identifier as someone typed or scanned it; None for an unknown one."""
        found = select(SECRETS.c.account).where(SECRETS.c.digest.in_(self._digests(typed)))
        with self._engine.connect() as connection:
            account: str | None = connection.execute(found).scalar()
        return account

    def made(self, template: str) -> int:
        """How many identifiers a template has made and not given up."""
        count = select(func.count()).where(SECRETS.c.template == template)
        with self._engine.connect() as connection:
            return int(connection.execute(count).scalar_one())

    def try_pin(self, account: str, pin: str, now: int) -> PinAnswer:
        """Is this the account's PIN? Five wrong tries in a row lock it for a while (ms UTC).

        An account without a PIN takes as long to answer as any other, and is always wrong.
        """
        with self._engine.begin() as connection:
            wanted = select(PINS).where(PINS.c.account == account).with_for_update()
            row = connection.execute(wanted).first()
            if row is None:
                self._matches(self._nobody, pin)
                return PinAnswer.WRONG
            if row.locked_until > now:
                return PinAnswer.LOCKED
            right = self._matches(row.hash, self._peppered(row.pepper, account, pin))
            wrong = 0 if right else row.wrong + 1
            locked = wrong >= TRIES_MAX
            changed = {
                "wrong": 0 if locked else wrong,
                "locked_until": now + LOCKED_MS if locked else 0,
            }
            connection.execute(update(PINS).where(PINS.c.account == account).values(changed))
        return PinAnswer.RIGHT if right else PinAnswer.WRONG

    def _matches(self, known: str, tried: str) -> bool:
        try:
            return self._hasher.verify(known, tried)
        except VerifyMismatchError:
            return False

    def _digests(self, typed: str) -> list[str]:
        text = normalised(typed).encode()
        return [
            hmac.new(pepper, text, hashlib.sha256).hexdigest() for pepper in self._peppers.values()
        ]

    def _peppered(self, version: int, account: str, pin: str) -> str:
        said = f"{account}\n{pin}".encode()
        return hmac.new(self._peppers[version], said, hashlib.sha256).hexdigest()
