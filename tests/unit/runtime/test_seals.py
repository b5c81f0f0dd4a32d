"""A seal proves one source prefix for one topic, key and value."""

import hashlib
import hmac
from dataclasses import replace

import pytest

from services.runtime.records import Record
from services.runtime.seals import HmacSeals, SealKey, proves

KEYS = {
    "service": SealKey("service", "service/", b"s" * 32),
    "pos": SealKey("pos", "channel/pos", b"p" * 32),
}


def sealed(own: str) -> Record:
    headers = HmacSeals(KEYS, own).seal("topic", b"key", b"value")
    return Record("topic", 0, 0, 0, b"key", b"value", headers)


def test_a_seal_stands_for_the_prefix_of_its_key() -> None:
    seals = HmacSeals(KEYS, "service")
    assert seals.prefix_proven(sealed("pos")) == "channel/pos"
    assert seals.prefix_proven(sealed("service")) == "service/"


@pytest.mark.parametrize(
    "change",
    [
        {"topic": "topi"},
        {"key": b"keyv"},
        {"value": b"alue"},
        {"headers": ()},
        {"headers": (("scrip-seal", b"pos:00"),)},
        {"headers": (("scrip-seal", b"nobody:00"),)},
        {"key": None},
    ],
)
def test_a_changed_record_proves_nothing(change: dict[str, object]) -> None:
    record = replace(sealed("pos"), **change)  # type: ignore[arg-type]
    assert HmacSeals(KEYS, "service").prefix_proven(record) is None


def test_bytes_cannot_move_between_topic_key_and_value() -> None:
    headers = HmacSeals(KEYS, "pos").seal("ab", b"c", b"d")
    moved = Record("a", 0, 0, 0, b"bc", b"d", headers)
    assert HmacSeals(KEYS, "pos").prefix_proven(moved) is None


@pytest.mark.parametrize("secret", [b"s", b"s" * 32, b"s" * 64, b"s" * 65])
def test_a_seal_is_the_hmac_of_the_standard_library(secret: bytes) -> None:
    seals = HmacSeals({"own": SealKey("own", "service/", secret)}, "own")
    told = b"\0\0\0\5topic" + b"\0\0\0\3key" + b"\0\0\0\5value"
    expected = hmac.new(secret, told, hashlib.sha256).hexdigest()
    assert seals.seal("topic", b"key", b"value") == (("scrip-seal", f"own:{expected}".encode()),)


def test_a_prefix_proves_whole_names_only() -> None:
    assert proves("channel/pos", "channel/pos")
    assert not proves("channel/pos", "channel/posh")
    assert not proves("channel/po", "channel/pos")
    assert proves("service/", "service/issuance")
    assert not proves("service/", "channel/pos")
