"""A batch killed twice and resumed: exactly as many cards as were asked for, no two alike."""

import os
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from deploy.embedded.resolve import Infrastructure
from schemas.topics import DEADLETTERS, ISSUANCE_EVENTS
from services.issuance.press import PrintKey
from services.issuance.tables import BATCHES, CARDS, CHUNKS, SECRETS
from services.local.keys import secret_of
from services.local.machine import Machine
from services.runtime.tables import open_tables
from tests.crash.publishing import read_topic
from tests.e2e.batch import killed_at, scrip
from tests.small_world import POLICY_DOCUMENT

LONG = bool(os.environ.get("SCRIP_LONG"))
COUNT = 100_000 if LONG else 6_000
ORDER = ("cards", "prepare", "--programme", "gift", "--batch", "b1", "--value", "2500")


@pytest.fixture
def machine(infra: Infrastructure, namespace: str, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(infra, tmp_path, namespace)
    made.prepare(POLICY_DOCUMENT, time.time_ns() // 1_000_000)
    made.start("issuance")
    yield made
    made.stop()


@pytest.mark.takes(12)
@pytest.mark.timeout(3_600 if LONG else 300)
def test_a_batch_killed_twice_and_resumed_is_exact_and_no_two_cards_are_alike(
    machine: Machine,
) -> None:
    order = (*ORDER, "--count", str(COUNT))
    began = time.monotonic()
    first = killed_at(machine, COUNT // 3, *order)
    second = killed_at(machine, 2 * COUNT // 3, *order)
    assert 0 < first < second < COUNT
    done = scrip(machine, *order, "--json")
    assert done.returncode == 0, done.stderr
    manifest = orjson.loads(done.stdout)
    took = time.monotonic() - began
    print(f"{COUNT} cards, killed at {first} and {second}: {took:.1f} s, {COUNT / took:.0f}/s")
    assert (manifest["cards"], manifest["told"]) == (COUNT, COUNT)
    assert manifest["value_minor"] == COUNT * 2500
    facts = [orjson.loads(record.value or b"") for record in read_topic(machine, ISSUANCE_EVENTS)]
    assert {fact["type"] for fact in facts} == {"cards_prepared.v1"}
    accounts = [fact["subject"] for fact in facts]
    assert len(accounts) == len(set(accounts)) == COUNT
    assert read_topic(machine, DEADLETTERS) == []
    kept = _kept(machine)
    assert [row.number for row in kept["cards"]] == list(range(1, COUNT + 1))
    assert {row.account for row in kept["cards"]} == set(accounts)
    assert manifest["sha256"] == sha256(_lines(kept["cards"])).hexdigest()
    assert len(kept["digests"]) == COUNT
    assert len(set(kept["codes"])) == COUNT


def _kept(machine: Machine) -> dict[str, Any]:
    engine = open_tables(machine.database)
    key = PrintKey(bytes.fromhex(secret_of(machine.folder / "print-key")))
    with engine.connect() as connection:
        wrapped = connection.execute(select(BATCHES.c.wrapped)).scalar_one()
        chunks = connection.execute(select(CHUNKS).order_by(CHUNKS.c.chunk)).all()
        cards = connection.execute(select(CARDS).order_by(CARDS.c.number)).all()
        digests = connection.execute(select(SECRETS.c.digest)).scalars().all()
    engine.dispose()
    codes = [
        card.identifiers[0].text
        for chunk in chunks
        for _, card in key.open(wrapped, "b1", chunk.chunk, chunk.sealed)
    ]
    return {"cards": cards, "digests": digests, "codes": codes}


def _lines(cards: Any) -> bytes:
    return "".join(f"{c.number},{c.account},{c.last4},2500\n" for c in cards).encode()
