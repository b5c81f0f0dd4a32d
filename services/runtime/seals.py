"""Seals: proof that a command comes from the source it names (design: Kafka gives no principal)."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from services.runtime.records import Record

HEADER: Final = "scrip-seal"


@dataclass(frozen=True, slots=True)
class SealKey:
    """A secret, and the one source prefix it may seal for (`channel/pos`, `service/`)."""

    id: str
    prefix: str
    secret: bytes


class Seals(Protocol):
    """Makes and checks seals."""

    def seal(self, topic: str, key: bytes, value: bytes) -> tuple[tuple[str, bytes], ...]:
        """The headers that prove our own record."""
        ...

    def prefix_proven(self, record: Record) -> str | None:
        """The source prefix this record's seal stands for; None: missing or wrong."""
        ...


class SealsOff:
    """No proof at all: every source is believed. For loopback only, said at start."""

    def seal(self, topic: str, key: bytes, value: bytes) -> tuple[tuple[str, bytes], ...]:
        """No header."""
        return ()

    def prefix_proven(self, record: Record) -> str | None:
        """Every source."""
        return ""


class HmacSeals:
    """HMAC-SHA256 over the length-prefixed topic, key and value; topics without namespace."""

    def __init__(self, keys: Mapping[str, SealKey], own: str) -> None:
        self._keys = keys
        self._own = keys[own]

    def seal(self, topic: str, key: bytes, value: bytes) -> tuple[tuple[str, bytes], ...]:
        """The header made with the service's own key."""
        digest = seal_digest(self._own.secret, topic, key, value)
        return ((HEADER, f"{self._own.id}:{digest}".encode()),)

    def prefix_proven(self, record: Record) -> str | None:
        """The prefix of the key that sealed it, if the seal is right."""
        header = record.header(HEADER)
        if header is None or record.key is None or record.value is None:
            return None
        name, _, digest = header.decode("ascii", "replace").partition(":")
        key = self._keys.get(name)
        if key is None:
            return None
        expected = seal_digest(key.secret, record.topic, record.key, record.value)
        return key.prefix if hmac.compare_digest(expected, digest) else None


def seal_digest(secret: bytes, topic: str, key: bytes, value: bytes) -> str:
    """The hex digest of a seal."""
    message = b"".join(len(part).to_bytes(4, "big") + part for part in (topic.encode(), key, value))
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def proves(prefix: str, source: str) -> bool:
    """Does a seal for `prefix` prove `source`? Whole names only: channel/po is not channel/pos."""
    if prefix in ("", source):
        return True
    return prefix.endswith("/") and source.startswith(prefix)
