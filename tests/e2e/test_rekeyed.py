"""`scrip cards rekey` on Kafka and PostgreSQL: back in stock, a new secret, printed, sold again."""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from deploy.embedded.resolve import Infrastructure
from schemas.topics import DEADLETTERS
from services.issuance.directory import Directory, PinAnswer
from services.local.machine import Machine
from services.runtime.keyfiles import read_peppers
from services.runtime.tables import open_tables
from tests.crash.publishing import Channel, read_topic
from tests.e2e.batch import account_of, brought_back, scrip
from tests.small_world import POLICY_DOCUMENT

POLICY: dict[str, Any] = copy.deepcopy(POLICY_DOCUMENT)
POLICY["channels"] = {"pos": {"may": ["issue", "redeem", "refund"]}}
POLICY["programmes"]["gift"] |= {"returns": {"to": "prepared"}, "templates": ["plastic"]}
POLICY["templates"] = {"plastic": {"number": "603571##########C", "pin": 6}}
OF_B1 = ("--batch", "b1", "--from", "1")
VALUE = ("--value", "2500")
SALE = ("--tender", "cash")


@dataclass(frozen=True, slots=True)
class Printed:
    """What stands on a card: its number in groups of four, and its PIN."""

    number: str
    pin: str


@pytest.fixture
def machine(infra: Infrastructure, namespace: str, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(infra, tmp_path / "installation", namespace)
    made.prepare(POLICY, time.time_ns() // 1_000_000)
    made.start("issuance")
    made.start("redemption")
    yield made
    made.stop()


@pytest.fixture
def directory(machine: Machine) -> Iterator[Directory]:
    engine = open_tables(machine.database)
    yield Directory(engine, read_peppers(machine.peppers))
    engine.dispose()


@pytest.mark.takes(8)
@pytest.mark.timeout(240)
def test_a_card_that_came_back_is_rekeyed_printed_and_sold_again_and_its_old_secret_is_dead(
    machine: Machine, directory: Directory, tmp_path: Path
) -> None:
    said(machine, 0, "prepare", "--batch", "b1", "--programme", "gift", "--count", "3", *VALUE)
    said(machine, 0, "activate", *OF_B1, "--to", "2", *SALE)
    account, old = account_of(machine, "b1", 1), printed(machine, tmp_path / "old.html")
    assert directory.find(old.number) == account
    brought_back(machine, Channel(machine), account)
    refused = said(machine, 1, "activate", *OF_B1, *SALE, "--again", "too early")
    assert refused["reasons"] == {"not_prepared": 1}
    done = said(machine, 1, "rekey", *OF_B1, "--to", "3")
    assert (done["rekeyed"], done["before"]) == ([1], [])
    assert [one["number"] for one in done["refused"]] == [2, 3]
    new = printed(machine, tmp_path / "new.html")
    assert new.number != old.number
    assert directory.find(old.number) is None
    assert directory.find(new.number) == account
    assert directory.try_pin(account, new.pin, 0) is PinAnswer.RIGHT
    assert said(machine, 0, "rekey", *OF_B1)["before"] == [1]
    assert printed(machine, tmp_path / "same.html") == new
    sold = said(machine, 0, "activate", *OF_B1, *SALE, "--again", "second life")
    assert sold["accepted"] == 1
    assert read_topic(machine, DEADLETTERS) == []


def said(machine: Machine, status: int, *arguments: str) -> Any:
    """What `scrip cards` says of itself, ended with that status."""
    done = scrip(machine, "cards", *arguments, "--json")
    assert done.returncode == status, (arguments, done.stdout, done.stderr)
    return orjson.loads(done.stdout)


def printed(machine: Machine, out: Path) -> Printed:
    """The first card of the batch as its owner gets it."""
    said(machine, 0, "print", *OF_B1, "--out", str(out))
    _, number, _, pin = out.with_suffix(".txt").read_text().splitlines()
    return Printed(number, pin.removeprefix("PIN "))
