"""Whose bank account is whose: numbers sealed at rest, versions, and who may be paid.

An account number is in two places only: here, sealed with AES-256-GCM and bound to its account and
version, and in the bank file. Everything else has `account@version` and the last four digits.
"""

import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Literal

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, func, select, update

from schemas import bank_text as text
from schemas import routing as routing_rules
from schemas.errors import ScripError
from schemas.money import OF_BANK_FILES
from schemas.terms import Policy
from services.runtime.outbox_table import insert_new
from services.settlement.entries import BankAccount
from services.settlement.nacha.codes import AccountType
from services.settlement.netting import Standing
from services.settlement.tables import bank_account, bank_account_change

AccountState = Literal["new", "prenote", "active", "blocked", "replaced"]
HolderType = Literal["business", "consumer"]
HOLDER_MAX = 80
_NONCE_BYTES = 12


class BankAccountError(ScripError):
    """The account's details cannot be right, or it is not the one meant; the message says why."""


class Vault:
    """Seals account numbers; the keys (32 bytes each) come from settings and stay in here."""

    def __init__(self, sealing_key: bytes, index_key: bytes) -> None:
        if len(sealing_key) != 32 or len(index_key) != 32:
            raise ValueError("the sealing and index keys are 32 bytes each")
        self._cipher = AESGCM(sealing_key)
        self._index_key = index_key

    def seal(self, plain: bytes, *bound_to: str) -> bytes:
        """Nonce and ciphertext; it opens only with the same `bound_to`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, _bytes(bound_to))

    def open(self, sealed: bytes, *bound_to: str) -> bytes:
        """What was sealed; InvalidTag if it was changed or belongs elsewhere."""
        return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bytes(bound_to))

    def fingerprint(self, routing: str, number: str) -> str:
        """The same for the same account, and of no use without the key."""
        return hmac.new(self._index_key, _bytes((routing, number)), sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class AccountDetails:
    """An account as given; `account` is the policy's name for it."""

    account: str
    routing: str
    number: str
    type: AccountType
    holder: str
    holder_type: HolderType = "business"


def register(
    connection: Connection, vault: Vault, details: AccountDetails, state: AccountState = "new"
) -> str:
    """Add the account, or a new version of it if its details differ; its reference.

    Raises BankAccountError for a routing or account number that cannot exist.
    """
    _require_sound(details)
    current = _current(connection, (details.account,)).get(details.account)
    version = 1
    if current is not None:
        if _same(connection, vault, details):
            return f"{details.account}@{current['version']}"
        version = current["version"] + 1
        _set_state(connection, details.account, current["version"], state="replaced")
    row = {
        "account": details.account,
        "version": version,
        "sealed": vault.seal(details.number.encode(), details.account, str(version)),
        "fingerprint": vault.fingerprint(details.routing, details.number),
        "last4": details.number[-4:],
        "routing": details.routing,
        "type": details.type,
        "holder": details.holder,
        "holder_type": details.holder_type,
        "state": state,
        "authorisation": "granted",
    }
    if not insert_new(connection, bank_account, row):
        raise BankAccountError(f"{details.account}@{version} was added at this moment by another")
    return f"{details.account}@{version}"


def block(connection: Connection, reference: str, *, revoke: bool) -> None:
    """Pay and debit this version no more; `revoke`: its holder has withdrawn the authorisation."""
    account, version = split_reference(reference)
    changed: dict[str, str] = {"state": "blocked"}
    if revoke:
        changed["authorisation"] = "revoked"
    _set_state(connection, account, version, **changed)


def accounts_of(
    connection: Connection, vault: Vault, policy: Policy, locations: Iterable[str]
) -> dict[str, BankAccount]:
    """The accounts that can be used now, by location."""
    named = _named(policy, locations)
    current = _current(connection, named.values())
    standings = _standings(connection, current)
    return {
        place: opened(vault, current[account])
        for place, account in named.items()
        if standings.get(account) is Standing.ABLE
    }


def standings_of(
    connection: Connection, policy: Policy, locations: Iterable[str]
) -> dict[str, Standing]:
    """Whether each location's account can be used; a location without one is left out."""
    named = _named(policy, locations)
    standings = _standings(connection, _current(connection, named.values()))
    return {
        place: standings.get(account, Standing.NO_BANK_ACCOUNT) for place, account in named.items()
    }


def account_of_reference(connection: Connection, vault: Vault, reference: str) -> BankAccount:
    """The version that an entry names, whatever has become of it since."""
    account, version = split_reference(reference)
    chosen = (bank_account.c.account == account, bank_account.c.version == version)
    row = connection.execute(select(bank_account).where(*chosen)).mappings().one()
    return opened(vault, row)


def opened(vault: Vault, row: Mapping[Any, Any]) -> BankAccount:
    """A stored version with its number in the clear, for a bank file only."""
    number = vault.open(row["sealed"], row["account"], str(row["version"])).decode()
    return BankAccount(
        reference=f"{row['account']}@{row['version']}",
        routing=row["routing"],
        number=number,
        type=row["type"],
        holder=row["holder"],
    )


def split_reference(reference: str) -> tuple[str, int]:
    """Account and version.

    >>> split_reference("acct-f1@2")
    ('acct-f1', 2)
    """
    account, _, version = reference.rpartition("@")
    return account, int(version)


def _bytes(parts: Iterable[str]) -> bytes:
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


def _require_sound(details: AccountDetails) -> None:
    if wrong := routing_rules.problem(details.routing):
        raise BankAccountError(f"{details.account}: the routing number {wrong}")
    if wrong := text.account_problem(details.number):
        raise BankAccountError(f"{details.account}: the account number {wrong}")
    if len(details.holder) > HOLDER_MAX:
        allowed = f"{len(details.holder)} characters, at most {HOLDER_MAX} are kept"
        raise BankAccountError(f"{details.account}: the holder has {allowed}")


def _same(connection: Connection, vault: Vault, details: AccountDetails) -> bool:
    row = _current(connection, (details.account,))[details.account]
    known = replace(opened(vault, row), reference="")
    wanted = BankAccount("", details.routing, details.number, details.type, details.holder)
    return known == wanted and row["holder_type"] == details.holder_type


def _named(policy: Policy, locations: Iterable[str]) -> dict[str, str]:
    if policy.document.network.currency != OF_BANK_FILES:
        return {}  # no account can be paid in it
    places = ((name, policy.place(name)) for name in locations)
    return {name: place.bank_account for name, place in places if place and place.bank_account}


def _current(connection: Connection, accounts: Iterable[str]) -> dict[str, Mapping[Any, Any]]:
    newest = (
        select(bank_account.c.account, func.max(bank_account.c.version).label("version"))
        .where(bank_account.c.account.in_(sorted(set(accounts))))
        .group_by(bank_account.c.account)
        .subquery()
    )
    chosen = select(bank_account).join(
        newest,
        (bank_account.c.account == newest.c.account) & (bank_account.c.version == newest.c.version),
    )
    return {row["account"]: row for row in connection.execute(chosen).mappings()}


def _standings(
    connection: Connection, current: Mapping[str, Mapping[Any, Any]]
) -> dict[str, Standing]:
    staged = select(bank_account_change.c.account).where(
        bank_account_change.c.state == "staged",
        bank_account_change.c.account.in_(sorted(current)),
    )
    corrected = set(connection.execute(staged).scalars())
    return {name: _standing(row, name in corrected) for name, row in current.items()}


def _standing(row: Mapping[Any, Any], corrected: bool) -> Standing:
    if row["holder_type"] == "consumer":
        return Standing.CONSUMER
    if row["state"] == "blocked" or row["authorisation"] != "granted":
        return Standing.FROZEN
    # A correction that nobody has approved yet: the bank said that the details are wrong.
    return Standing.NOT_ACTIVE if row["state"] != "active" or corrected else Standing.ABLE


def _set_state(connection: Connection, account: str, version: int, **values: str) -> None:
    chosen = (bank_account.c.account == account, bank_account.c.version == version)
    connection.execute(update(bank_account).where(*chosen).values(**values))
