"""Codes and PINs are planted, a day is lived, and then every store is searched: nothing is found.

Searched are the bytes of every topic, every row of every table, logs, and all files of the
installation, for each secret as it is, as it is typed, and in what an encoding would make of it.
"""

import base64
import hashlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from psycopg import sql
from sqlalchemy import select

from deploy.embedded.resolve import Infrastructure
from schemas.topics import DEADLETTERS, ISSUANCE_COMMANDS, REDEMPTION_COMMANDS, REDEMPTION_EVENTS
from services.issuance.directory import Directory, PinAnswer
from services.issuance.numbers import grouped, normalised
from services.issuance.press import PrintKey
from services.issuance.tables import BATCHES, CHUNKS, REKEYED
from services.local.keys import secret_of
from services.local.machine import Machine
from services.runtime.kafka_settings import plain_producer_settings, reader_settings
from services.runtime.tables import open_tables
from tests.crash.publishing import Channel, read_topic
from tests.e2e.batch import account_of, brought_back, scrip
from tests.small_world import POLICY_DOCUMENT, money

WAIT_SECONDS_MAX = 120.0
# Twelve digits of PIN: six would be found by chance in a few megabytes.
POLICY: dict[str, Any] = {
    **POLICY_DOCUMENT,
    "channels": {"pos": {"may": ["issue", "redeem", "refund"]}},
    "programmes": {
        **POLICY_DOCUMENT["programmes"],
        "plastic": {
            "kind": "card",
            "currency": "USD",
            "templates": ["embossed"],
            "returns": {"to": "prepared"},
        },
    },
    "templates": {
        "embossed": {
            "number": "603571##########C",
            "pin": 12,
            "barcode": "ean13",
            "track": True,
            "qr": True,
        }
    },
}
OLD = {f"CANARY{n:04d}PLANTEDCODE{n:04d}": f"90210{n:07d}" for n in range(10)}


@pytest.fixture
def machine(infra: Infrastructure, namespace: str, tmp_path: Path) -> Iterator[Machine]:
    folder = tmp_path / "installation"
    made = Machine(infra, folder, namespace)
    made.prepare(POLICY, time.time_ns() // 1_000_000)
    made.start_all()
    yield made
    made.stop()


@pytest.mark.takes(25)
@pytest.mark.timeout(400)
def test_no_code_and_no_pin_is_in_any_topic_table_log_dead_letter_or_file(
    machine: Machine, tmp_path: Path
) -> None:
    _live_a_day(machine, tmp_path)
    secrets = [*OLD, *OLD.values(), *_pressed(machine)]
    assert len(secrets) == len(set(secrets)) == 20 + 10 * 5 + 10 + 2 * 5
    needles = {needle: secret for secret in secrets for needle in forms(secret)}
    places = list(everything(machine))
    assert {place.split(" ")[0] for place, _ in places} == {"topic", "table", "file"}
    assert dict(places)["table directory.rekeyed"]
    assert sum(len(content) for _, content in places) > 100_000
    assert read_topic(machine, DEADLETTERS) != []
    assert found(needles, places) == []


@pytest.mark.takes(9)
@pytest.mark.timeout(240)
def test_a_leak_is_found_wherever_it_is_planted(machine: Machine) -> None:
    secret = next(iter(OLD))
    needles = dict.fromkeys(forms(secret), secret)
    assert found(needles, everything(machine)) == []
    (machine.folder / "logs" / "issuance-0.log").open("a").write(f"card {grouped(secret)} sold\n")
    (machine.folder / "store").mkdir()
    (machine.folder / "store" / "000001.sst").write_bytes(
        b"\x00" + secret.lower().encode() + b"\xff"
    )
    with psycopg.connect(_plain(machine.database), autocommit=True) as connection:
        connection.execute("CREATE TABLE directory.leak (said text, kept bytea)")
        plain_hash = hashlib.sha256(secret.encode()).hexdigest()
        connection.execute(
            "INSERT INTO directory.leak VALUES (%s, %s)", (plain_hash, secret.encode())
        )
    producer = Producer(plain_producer_settings(machine.infra.bootstrap))
    for topic, key, value, headers in (
        (DEADLETTERS, b"k", base64.b64encode(secret.encode()), None),
        (REDEMPTION_EVENTS, secret.encode(), b"{}", None),
        (ISSUANCE_COMMANDS, b"k", b"{}", [("note", secret.encode())]),
    ):
        producer.produce(topic.named(machine.namespace), value, key, headers=headers)
    assert producer.flush(30) == 0
    where = [place.split(" ", 1)[1] for place in found(needles, everything(machine))]
    assert sorted({place.split("/")[0] for place in where}) == sorted(
        {
            "directory.leak",
            "logs",
            "store",
            *(t.name for t in (DEADLETTERS, REDEMPTION_EVENTS, ISSUANCE_COMMANDS)),
        }
    )


def forms(secret: str) -> Iterator[bytes]:
    """A secret as it is, as people type it, and as careless code would keep it."""
    for text in {secret, secret.lower(), grouped(secret), normalised(secret)}:
        raw = text.encode()
        yield raw
        yield raw.hex().encode()
        yield base64.b64encode(raw).rstrip(b"=")[:-1]
        yield hashlib.sha256(raw).hexdigest().encode()
        yield hashlib.md5(raw, usedforsecurity=False).hexdigest().encode()


def found(needles: dict[bytes, str], places: Iterable[tuple[str, bytes]]) -> list[str]:
    """Where any needle is; the secret itself is not repeated."""
    return [place for place, content in places if any(needle in content for needle in needles)]


def everything(machine: Machine) -> Iterator[tuple[str, bytes]]:
    """Every store of an installation: its name and its bytes."""
    yield from _topics(machine)
    yield from _tables(machine)
    for path in sorted(machine.folder.rglob("*")):
        if path.is_file():
            yield f"file {path.relative_to(machine.folder)}", path.read_bytes()


def _topics(machine: Machine) -> Iterator[tuple[str, bytes]]:
    """All records, the aborted ones too: keys, values and headers."""
    reader = Consumer(reader_settings(machine.infra.bootstrap, "read_uncommitted"))
    prefix = f"{machine.namespace}."
    for name, topic in sorted(reader.list_topics(timeout=30).topics.items()):
        if not name.startswith(prefix):
            continue
        content = bytearray()
        for number in topic.partitions:
            _, end = reader.get_watermark_offsets(TopicPartition(name, number), 30, cached=False)
            reader.assign([TopicPartition(name, number, 0)])
            at_end = end == 0
            while not at_end:
                message = reader.poll(30)
                assert message is not None, f"{name} cannot be read to its end"
                if message.error() is not None:
                    at_end = True
                    continue
                headers = [part for _, part in message.headers() or []]
                for part in (message.key(), message.value(), *headers):
                    content += (part or b"") + b"\n"
        yield f"topic {name.removeprefix(prefix)}", bytes(content)
    reader.close()


def _tables(machine: Machine) -> Iterator[tuple[str, bytes]]:
    with psycopg.connect(_plain(machine.database)) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = "
            "'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, name in sorted(tables):
            content = bytearray()
            named = sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, name))
            for row in connection.execute(named):
                for value in row:
                    # Bytes as they are: an encoding of the dump must not hide what they say.
                    content += value if isinstance(value, bytes) else str(value).encode()
                    content += b"\n"
            yield f"table {schema}.{name}", bytes(content)


def _live_a_day(machine: Machine, tmp_path: Path) -> None:
    """Make, import, move, sell, spend, look up, rekey, print, undo, and get some of it wrong."""
    lines = [f"{code},5000,2025-01-01T00:00:00Z,,{pin}" for code, pin in OLD.items()]
    head = "code,balance_minor,sold_at,expires_at,pin"
    good, bad = tmp_path / "old.csv", tmp_path / "bad.csv"
    good.write_text("\n".join([head, *lines]))
    bad.write_text("\n".join([head, *(line.replace(",5000,", ",0,") for line in lines)]))
    printed = tmp_path / "printed.pdf"
    make = ("cards", "prepare", "--value", "2500", "--count", "10")
    of_b1 = ("--batch", "b1", "--from")
    for status, arguments in (
        (0, (*make, "--batch", "b1", "--programme", "plastic")),
        (0, (*make, "--batch", "b2", "--programme", "gift")),
        (1, ("cards", "import", str(bad), "--batch", "o1", "--programme", "gift")),
        (0, ("cards", "import", str(good), "--batch", "o1", "--programme", "gift")),
        (1, ("cards", "import", str(good), "--batch", "o2", "--programme", "gift")),
        (0, ("cards", "ship", *of_b1, "1", "--to", "8", "--location", "F1")),
        (0, ("cards", "activate", *of_b1, "1", "--to", "5", "--tender", "cash")),
        (1, ("cards", "void", *of_b1, "5", "--to", "8", "--reason", "bent")),
        (0, ("cards", "print", "--batch", "b1", "--out", str(printed))),
        (0, ("cards", "print", "--batch", "b2", "--out", str(tmp_path / "card.html"))),
    ):
        done = scrip(machine, *arguments)
        assert done.returncode == status, (arguments, done.stdout, done.stderr)
    _look_up(machine)
    _spend(machine)
    _rekey(machine, tmp_path)
    for more, undone, left in (((), 0, 9), (("--unused-only",), 9, 0)):
        undo = scrip(machine, "cards", "undo-import", "--batch", "o1", "--json", *more)
        said = orjson.loads(undo.stdout)
        assert (undo.returncode, said["reasons"]) == (1, {"not_unused": 1}), undo.stderr
        assert (len(said["undone"]), said["left"]) == (undone, left)


def _look_up(machine: Machine) -> None:
    engine = open_tables(machine.database)
    peppers = orjson.loads(machine.peppers.read_bytes())
    directory = Directory(engine, {int(n): bytes.fromhex(key) for n, key in peppers.items()})
    code, pin = next(iter(OLD.items()))
    account = directory.find(code)
    assert account is not None
    for tried, answer in (("000000000000", PinAnswer.WRONG), (pin, PinAnswer.RIGHT)):
        assert directory.try_pin(account, tried, 0) is answer
    engine.dispose()


def _rekey(machine: Machine, tmp_path: Path) -> None:
    """Two cards come back; one whose card is not in stock is refused, and both are printed."""
    channel = Channel(machine)
    for number in (1, 2):
        brought_back(machine, channel, account_of(machine, "b1", number))
    of_b1 = ("--batch", "b1", "--from", "1")
    for status, arguments in (
        (1, ("cards", "rekey", *of_b1, "--to", "3", "--json")),
        (0, ("cards", "print", *of_b1, "--to", "2", "--out", str(tmp_path / "anew.pdf"))),
    ):
        done = scrip(machine, *arguments)
        assert done.returncode == status, (arguments, done.stdout, done.stderr)


def _spend(machine: Machine) -> None:
    account = account_of(machine, "o1", 1)
    channel = Channel(machine)
    channel.send(REDEMPTION_COMMANDS, "r1", "redeem", account, amount=money(100))
    channel.send(REDEMPTION_COMMANDS, "bad", "redeem", account, amount=money(100), colour="red")
    channel.flush()
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline:
        values = [record.value or b"" for record in read_topic(machine, REDEMPTION_EVENTS)]
        if any(b'"hold_captured.v1"' in value for value in values):
            return
    raise AssertionError("nothing was spent")


def _pressed(machine: Machine) -> list[str]:
    """All secrets of the two batches, old and new, from their print files: where they may be."""
    engine = open_tables(machine.database)
    key = PrintKey(bytes.fromhex(secret_of(machine.folder / "print-key")))
    with engine.connect() as connection:
        batches = connection.execute(select(BATCHES.c.batch, BATCHES.c.wrapped)).all()
        chunks = connection.execute(select(CHUNKS).where(CHUNKS.c.sealed.is_not(None))).all()
        rekeyed = connection.execute(select(REKEYED)).all()
    engine.dispose()
    wrapped = {row.batch: row.wrapped for row in batches}
    parts = [(wrapped[one.batch], one.batch, one.chunk, one.sealed) for one in chunks]
    parts += [(one.wrapped, one.batch, one.number, one.sealed) for one in rekeyed]
    cards = [card for part in parts for _, card in key.open(*part)]
    texts = [secret.text for card in cards for secret in card.identifiers]
    return [*texts, *(card.pin for card in cards if card.pin is not None)]


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")
