"""Seals: proof that a command comes from the source it names (design: Kafka gives no principal)."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from services.runtime.records import Record

HEADER: Final = "scrip-seal"
_BLOCK: Final = 64


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
        self._keys = {
            name.encode(): (key.prefix, _Sealing(key.secret)) for name, key in keys.items()
        }
        self._own = (keys[own].id, _Sealing(keys[own].secret))

    def seal(self, topic: str, key: bytes, value: bytes) -> tuple[tuple[str, bytes], ...]:
        """The header made with the service's own key."""
        name, sealing = self._own
        return ((HEADER, f"{name}:{sealing.digest(topic, key, value)}".encode()),)

    def prefix_proven(self, record: Record) -> str | None:
        """The prefix of the key that sealed it, if the seal is right."""
        header = record.header(HEADER)
        if header is None or record.key is None or record.value is None:
            return None
        name, _, digest = header.partition(b":")
        known = self._keys.get(name)
        if known is None:
            return None
        prefix, sealing = known
        expected = sealing.digest(record.topic, record.key, record.value)
        return prefix if hmac.compare_digest(expected.encode(), digest) else None


class _Sealing:
    """HMAC-SHA256 (RFC 2104) with both pads hashed beforehand: 5 µs a seal less than `hmac.new`."""

    def __init__(self, secret: bytes) -> None:
        block = hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret
        block = block.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, topic: str, key: bytes, value: bytes) -> str:
        """The hex digest over the length-prefixed parts."""
        inner, outer = self._inner.copy(), self._outer.copy()
        sizes = len(key).to_bytes(4, "big"), len(value).to_bytes(4, "big")
        inner.update(b"".join((_prefixed(topic), sizes[0], key, sizes[1], value)))
        outer.update(inner.digest())
        return outer.hexdigest()


@lru_cache(maxsize=256)
def _prefixed(topic: str) -> bytes:
    name = topic.encode()
    return len(name).to_bytes(4, "big") + name


def proves(prefix: str, source: str) -> bool:
    """Does a seal for `prefix` prove `source`? Whole names only: channel/po is not channel/pos."""
    if prefix in ("", source):
        return True
    return prefix.endswith("/") and source.startswith(prefix)
