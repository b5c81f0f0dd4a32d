"""Bank accounts: sealed numbers, versions, and who can be paid."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection, select

from services.runtime.tables import create_tables, open_tables
from services.settlement import tables
from services.settlement.directory import (
    AccountDetails,
    AccountState,
    BankAccountError,
    Vault,
    account_of_reference,
    accounts_of,
    block,
    register,
    standings_of,
)
from services.settlement.netting import Standing
from tests.unit.settlement_items.facts import policy

VAULT = Vault(b"k" * 32, b"i" * 32)
DETAILS = AccountDetails("acct-f1", "021000021", "123456789", "checking", "Café F1")


@pytest.fixture
def connection() -> Iterator[Connection]:
    """An empty schema."""
    engine = open_tables("sqlite://")
    create_tables(engine, [tables.METADATA])
    with engine.begin() as opened:
        yield opened


def standing(connection: Connection) -> Standing | None:
    """Of location F1."""
    return standings_of(connection, policy(), ["F1"]).get("F1")


def test_a_number_is_sealed_and_opens_only_for_its_account_and_version() -> None:
    sealed = VAULT.seal(b"123456789", "acct-f1", "1")
    assert b"123456789" not in sealed
    assert VAULT.open(sealed, "acct-f1", "1") == b"123456789"
    for bound in (("acct-f1", "2"), ("acct-f", "11"), ("acct-f2", "1")):
        with pytest.raises(InvalidTag):
            VAULT.open(sealed, *bound)
    with pytest.raises(InvalidTag):
        Vault(b"x" * 32, b"i" * 32).open(sealed, "acct-f1", "1")


def test_the_same_account_has_one_fingerprint_that_needs_the_key() -> None:
    one = VAULT.fingerprint("021000021", "1")
    assert one == VAULT.fingerprint("021000021", "1")
    assert one != VAULT.fingerprint("021000021", "2")
    assert one != Vault(b"k" * 32, b"j" * 32).fingerprint("021000021", "1")


def test_registering_the_same_details_again_makes_no_version(connection: Connection) -> None:
    assert register(connection, VAULT, DETAILS, "active") == "acct-f1@1"
    assert register(connection, VAULT, DETAILS) == "acct-f1@1"
    assert register(connection, VAULT, replace(DETAILS, number="55"), "active") == "acct-f1@2"
    found = accounts_of(connection, VAULT, policy(), ["F1"])
    assert found["F1"].number == "55"
    assert account_of_reference(connection, VAULT, "acct-f1@1").number == "123456789"


def test_a_new_version_is_not_active_until_it_is_verified(connection: Connection) -> None:
    register(connection, VAULT, DETAILS, "active")
    register(connection, VAULT, replace(DETAILS, number="55"))
    assert standing(connection) is Standing.NOT_ACTIVE


@pytest.mark.parametrize(
    ("details", "said"),
    [
        (replace(DETAILS, routing="021000022"), "check digit"),
        (replace(DETAILS, number="1" * 18), "longer than 17"),
        (replace(DETAILS, holder="h" * 81), "at most 80"),
    ],
)
def test_an_account_that_cannot_exist_is_refused(
    connection: Connection, details: AccountDetails, said: str
) -> None:
    with pytest.raises(BankAccountError, match=said):
        register(connection, VAULT, details)
    assert connection.execute(select(tables.bank_account)).all() == []


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("active", Standing.ABLE),
        ("new", Standing.NOT_ACTIVE),
        ("prenote", Standing.NOT_ACTIVE),
        ("blocked", Standing.FROZEN),
    ],
)
def test_only_an_active_account_is_able(
    connection: Connection, state: AccountState, expected: Standing
) -> None:
    register(connection, VAULT, DETAILS, state)
    assert standing(connection) is expected
    assert bool(accounts_of(connection, VAULT, policy(), ["F1"])) is (expected is Standing.ABLE)


def test_a_location_without_account_or_with_a_consumers_is_not_able(
    connection: Connection,
) -> None:
    assert standing(connection) is Standing.NO_BANK_ACCOUNT
    register(connection, VAULT, replace(DETAILS, holder_type="consumer"), "active")
    assert standing(connection) is Standing.CONSUMER


def test_blocking_a_version_that_was_replaced_leaves_the_new_one(connection: Connection) -> None:
    register(connection, VAULT, DETAILS, "active")
    register(connection, VAULT, replace(DETAILS, number="55"), "active")
    block(connection, "acct-f1@1", revoke=True)
    assert standing(connection) is Standing.ABLE
    block(connection, "acct-f1@2", revoke=False)
    assert standing(connection) is Standing.FROZEN
