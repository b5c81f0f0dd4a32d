"""The directory: the only place that knows which secret belongs to which account.

It keeps no secret, only HMAC-SHA256 under a versioned pepper (and Argon2id of a peppered PIN), so a
stolen copy is worth nothing without the pepper, which lives in the settings and not in a database.
A new pepper counts at once: old digests are found all the same, and made anew when they are used.
"""

import hashlib
import hmac
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import Connection, Engine, delete, func, select, update

from schemas.errors import ScripError
from schemas.instants import MINUTE
from services.issuance.numbers import CODE_LENGTH, last4, normalised
from services.issuance.tables import PINS, SECRETS, TEMPLATES
from services.runtime.keyfiles import PEPPER_BYTES_MIN
from services.runtime.outbox_table import insert_new
from services.runtime.tables import insert_rows

TRIES_MAX: Final = 5
LOCKED_MS: Final = 15 * MINUTE
FINGERPRINT_LENGTH: Final = 64
_ASKED_AT_ONCE_MAX: Final = 5_000


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
    text: str = field(repr=False)

    @property
    def last4(self) -> str:
        """What may be shown of it; a code's check character is left out."""
        return last4(self.text[:CODE_LENGTH] if self.kind in ("code", "qr") else self.text)


@dataclass(frozen=True, slots=True)
class Keys:
    """A card's identifiers and PIN, to be kept as digests; `repr` shows none of them."""

    account: str
    identifiers: tuple[Secret, ...]
    pin: str | None = field(repr=False, default=None)


class SecretTakenError(ScripError):
    """An identifier is in use already; draw another one."""


class TemplateFullError(ScripError):
    """A template has no room for so many cards; make fewer, or a new template."""


class PepperMissingError(ScripError):
    """A pepper was taken away while something was kept under it; put it back (SCRIP_PEPPERS)."""


class Directory:
    """Secrets by their digest. `peppers` are keys by version; the highest is used for new ones."""

    def __init__(self, engine: Engine, peppers: Mapping[int, bytes]) -> None:
        assert peppers
        assert all(len(pepper) >= PEPPER_BYTES_MIN for pepper in peppers.values())
        self.engine = engine
        self._peppers = dict(sorted(peppers.items(), reverse=True))
        self._newest = next(iter(self._peppers))
        # The PIN has a million values: it is the pepper that keeps a stolen table safe, and the
        # lock that keeps a till safe. So the cost fits batches of 100,000 cards.
        self._hasher = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)
        self._nobody = self._hasher.hash("no card has this PIN")

    def register(self, account: str, secrets: Iterable[Secret], pin: str | None = None) -> None:
        """A card's identifiers and PIN, all or none; SecretTakenError where one is in use."""
        with self.engine.begin() as connection:
            self.keep(connection, [Keys(account, tuple(secrets), pin)])

    def keep(self, connection: Connection, cards: Sequence[Keys]) -> None:
        """Many cards' keys in the caller's transaction; SecretTakenError where one is in use."""
        secrets = [(card.account, secret) for card in cards for secret in card.identifiers]
        taken = self.taken(connection, [secret.text for _, secret in secrets])
        if taken:
            secret = secrets[min(taken)][1]
            raise SecretTakenError(f"a {secret.kind} of template {secret.template}")
        insert_rows(connection, SECRETS, [self._row(*one) for one in secrets])
        with_pin = [card for card in cards if card.pin is not None]
        insert_rows(connection, PINS, self._pin_rows(with_pin))

    def taken(self, connection: Connection, texts: Sequence[str]) -> set[int]:
        """Which of these (by index) are in use, or stand here a second time."""
        places: dict[str, int] = {}
        found: set[int] = set()
        for place, text in enumerate(texts):
            for digest in self._digests(text):
                if places.setdefault(digest, place) != place:
                    found.add(place)
        digests = list(places)
        for start in range(0, len(digests), _ASKED_AT_ONCE_MAX):
            some = digests[start : start + _ASKED_AT_ONCE_MAX]
            known = select(SECRETS.c.digest).where(SECRETS.c.digest.in_(some))
            found |= {places[digest] for digest in connection.execute(known).scalars()}
        return found

    def find(self, typed: str) -> str | None:
        """The account of an identifier as someone typed or scanned it; None for an unknown one.

        A digest under an older pepper is replaced by one under the newest.
        """
        digests = self._digests(typed)
        wanted = select(SECRETS.c.digest, SECRETS.c.account, SECRETS.c.pepper)
        with self.engine.begin() as connection:
            row = connection.execute(wanted.where(SECRETS.c.digest.in_(digests))).first()
            if row is None:
                return None
            if row.pepper != self._newest:
                again = {"digest": digests[0], "pepper": self._newest}
                old = SECRETS.c.digest == row.digest
                connection.execute(update(SECRETS).where(old).values(again))
            account: str = row.account
        return account

    def last4(self, account: str) -> str | None:
        """What may be shown of an account's first identifier; None where it has none."""
        wanted = select(SECRETS.c.last4).where(SECRETS.c.account == account)
        with self.engine.connect() as connection:
            shown: str | None = connection.execute(wanted.order_by(SECRETS.c.template)).scalar()
        return shown

    def claimed(self, template: str) -> int:
        """How many identifiers a template has made or promised to a batch."""
        wanted = select(TEMPLATES.c.claimed).where(TEMPLATES.c.template == template)
        with self.engine.connect() as connection:
            return int(connection.execute(wanted).scalar() or 0)

    def under(self) -> dict[int, int]:
        """How many identifiers and PINs are kept under which version of the pepper."""
        kept: Counter[int] = Counter()
        with self.engine.connect() as connection:
            for version in (SECRETS.c.pepper, PINS.c.pepper):
                counted = connection.execute(select(version, func.count()).group_by(version))
                kept.update({int(version): int(count) for version, count in counted})
        return dict(kept)

    def try_pin(self, account: str, pin: str, now: int) -> PinAnswer:
        """Is this the account's PIN? Five wrong tries in a row lock it for a while (ms UTC).

        An account without a PIN takes as long to answer as any other, and is always wrong. A right
        PIN under an older pepper is hashed anew under the newest. Raises PepperMissingError.
        """
        mine = PINS.c.account == account
        with self.engine.begin() as connection:
            row = connection.execute(select(PINS).where(mine).with_for_update()).first()
            if row is None:
                self._matches(self._nobody, self._peppered(self._newest, account, pin))
                return PinAnswer.WRONG
            if row.locked_until > now:
                return PinAnswer.LOCKED
            self._require(row.pepper, f"the PIN of account {account} is kept")
            right = self._matches(row.hash, self._peppered(row.pepper, account, pin))
            wrong = 0 if right else row.wrong + 1
            locked = wrong >= TRIES_MAX
            changed: dict[str, Any] = {
                "wrong": 0 if locked else wrong,
                "locked_until": now + LOCKED_MS if locked else 0,
            }
            if right and row.pepper != self._newest:
                changed |= self._hashed(account, pin)
            connection.execute(update(PINS).where(mine).values(changed))
        return PinAnswer.RIGHT if right else PinAnswer.WRONG

    def fingerprint(self, content: bytes) -> str:
        """What tells whether two requests are one, though they hold secrets: pepper and HMAC."""
        return self._told(self._newest, content)

    def is_of(self, fingerprint: str, content: bytes, what: str) -> bool:
        """Is it this content's? `what` was kept with it; PepperMissingError where none can tell."""
        version, named, _ = fingerprint.partition(":")
        if named:
            self._require(int(version), what)
            return hmac.compare_digest(fingerprint, self._told(int(version), content))
        # Kept before fingerprints named their pepper.
        plain = [hmac.new(pepper, content, hashlib.sha256) for pepper in self._peppers.values()]
        return any(hmac.compare_digest(fingerprint, one.hexdigest()) for one in plain)

    def _told(self, version: int, content: bytes) -> str:
        told = hmac.new(self._peppers[version], content, hashlib.sha256).hexdigest()
        return f"{version}:{told}"[:FINGERPRINT_LENGTH]

    def _require(self, version: int, what: str) -> None:
        if version not in self._peppers:
            known = ", ".join(map(str, sorted(self._peppers)))
            raise PepperMissingError(
                f"{what} under pepper {version}, and there are {known}: "
                f"put {version} back into the file of SCRIP_PEPPERS"
            )

    def _row(self, account: str, secret: Secret) -> dict[str, Any]:
        return {
            "digest": self._digests(secret.text)[0],
            "pepper": self._newest,
            "kind": secret.kind,
            "template": secret.template,
            "last4": secret.last4,
            "account": account,
        }

    def _pin_rows(self, cards: Sequence[Keys]) -> list[dict[str, Any]]:
        """Argon2 leaves the interpreter while it works, so as many at once as there are cores."""
        if not cards:
            return []
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            hashed = pool.map(lambda card: self._hashed(card.account, card.pin or ""), cards)
            return [
                {"account": card.account, **one, "wrong": 0, "locked_until": 0}
                for card, one in zip(cards, hashed, strict=True)
            ]

    def _hashed(self, account: str, pin: str) -> dict[str, Any]:
        peppered = self._peppered(self._newest, account, pin)
        return {"hash": self._hasher.hash(peppered), "pepper": self._newest}

    def _matches(self, known: str, tried: str) -> bool:
        try:
            return self._hasher.verify(known, tried)
        except VerifyMismatchError:
            return False

    def _digests(self, typed: str) -> list[str]:
        # Half a character is in no identifier: it has a digest that nobody has.
        text = normalised(typed).encode(errors="surrogatepass")
        return [
            hmac.new(pepper, text, hashlib.sha256).hexdigest() for pepper in self._peppers.values()
        ]

    def _peppered(self, version: int, account: str, pin: str) -> str:
        # Half a character is in no PIN either: it is tried, and wrong.
        said = f"{account}\n{pin}".encode(errors="surrogatepass")
        return hmac.new(self._peppers[version], said, hashlib.sha256).hexdigest()


def forget(connection: Connection, accounts: Sequence[str]) -> None:
    """The identifiers and PINs of these accounts stop counting with the caller's transaction."""
    connection.execute(delete(SECRETS).where(SECRETS.c.account.in_(accounts)))
    connection.execute(delete(PINS).where(PINS.c.account.in_(accounts)))


def claim(connection: Connection, template: str, count: int, capacity: int) -> int:
    """Promise so many identifiers of a template to the caller's transaction; how many are left.

    Every claim of a template takes the lock of its row, so the meter is exact whichever partition
    the cards go to. Raises TemplateFullError, which says what is left.
    """
    insert_new(connection, TEMPLATES, {"template": template, "claimed": 0}, ["template"])
    mine = TEMPLATES.c.template == template
    wanted = select(TEMPLATES.c.claimed).where(mine).with_for_update()
    claimed = int(connection.execute(wanted).scalar_one())
    room = max(0, capacity - claimed)
    if count > room:
        raise TemplateFullError(f"template {template} has room for {room} more, not for {count}")
    connection.execute(update(TEMPLATES).where(mine).values(claimed=claimed + count))
    return room - count
