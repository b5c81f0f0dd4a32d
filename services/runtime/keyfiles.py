"""Reads keys from settings and files: what is wrong is named, and no secret is ever shown."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

from services.runtime.seals import HmacSeals, SealKey

KEY_BYTES: Final = 32
PEPPER_BYTES_MIN: Final = 32
KEY_NAME_SHOWN_MAX: Final = 20
_VERSION: Final = re.compile(r"0|[1-9]\d{0,8}", re.ASCII).fullmatch


class KeysRefusedError(ValueError):
    """A key or a file of keys is not what it must be; the message says which, and what is."""


def key_of(setting: str, text: str) -> bytes:
    """A key of 32 bytes from its hex. Raises KeysRefusedError."""
    key = _hex(setting, text)
    if len(key) != KEY_BYTES:
        raise KeysRefusedError(f"{setting} has {len(key)} bytes — allowed: {KEY_BYTES} in hex")
    return key


def read_seals(path: Path, own: str) -> HmacSeals:
    """Seals with the key `own` of a file {key id: {prefix, secret}}. Raises KeysRefusedError."""
    keys = _seal_keys(path)
    if own not in keys:
        raise KeysRefusedError(f"{path} has no key {own!r} — it has {', '.join(keys)}")
    return HmacSeals(keys, own)


def _seal_keys(path: Path) -> dict[str, SealKey]:
    wanted = "{key id: {prefix, secret in hex}}"
    found: dict[str, SealKey] = {}
    for name, row in _rows(path, wanted).items():
        if not isinstance(row, dict) or not all(
            isinstance(row.get(part), str) for part in ("prefix", "secret")
        ):
            raise KeysRefusedError(f"{path}: {name} — allowed: {wanted}")
        found[name] = SealKey(name, row["prefix"], _hex(f"{path}: {name}", row["secret"]))
    return found


def read_peppers(path: Path) -> dict[int, bytes]:
    """The peppers of a file {version: hex}. Raises KeysRefusedError."""
    wanted = "{version: hex}, a version a whole number of 1 to 9 digits, no 0 before it"
    found: dict[int, bytes] = {}
    for version, text in _rows(path, wanted).items():
        if not _VERSION(version) or not isinstance(text, str):
            raise KeysRefusedError(f"{path}: {_named(version)} — allowed: {wanted}")
        pepper = _hex(f"{path}: {version}", text)
        if len(pepper) < PEPPER_BYTES_MIN:
            said = f"{path}: {version} has {len(pepper)} bytes"
            raise KeysRefusedError(f"{said} — allowed: {PEPPER_BYTES_MIN} bytes or more, in hex")
        found[int(version)] = pepper
    return found


def _named(key: str) -> str:
    """A long one may be a secret that stands where its version should."""
    return key if len(key) <= KEY_NAME_SHOWN_MAX else f"a key of {len(key)} characters"


def _rows(path: Path, wanted: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for name, many in Counter(name for name, _ in pairs).items():
            if many > 1:
                text = f"{path}: {_named(name)} stands there twice — allowed: each key once"
                raise KeysRefusedError(text)
        return dict(pairs)

    try:
        rows = json.loads(path.read_text(), object_pairs_hook=once)
    except KeysRefusedError:
        raise
    except OSError as cause:
        raise KeysRefusedError(f"{path} cannot be read: {cause.strerror}") from cause
    except ValueError as cause:
        raise KeysRefusedError(f"{path} is not JSON — allowed: {wanted}") from cause
    if not isinstance(rows, dict) or not rows:
        raise KeysRefusedError(f"{path} holds no keys — allowed: {wanted}")
    return rows


def _hex(what: str, text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise KeysRefusedError(f"{what} is not hex — allowed: digits and a to f") from None
