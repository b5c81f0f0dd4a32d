"""Reads keys from settings and files: what is wrong is named, and no secret is ever shown."""

import json
from pathlib import Path
from typing import Any, Final

from services.runtime.seals import HmacSeals, SealKey

KEY_BYTES: Final = 32


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
    wanted = "{version: hex}"
    found: dict[int, bytes] = {}
    for version, text in _rows(path, wanted).items():
        if not version.isdigit() or not isinstance(text, str):
            raise KeysRefusedError(f"{path}: {version} — allowed: {wanted}")
        found[int(version)] = _hex(f"{path}: {version}", text)
    return found


def _rows(path: Path, wanted: str) -> dict[str, Any]:
    try:
        rows = json.loads(path.read_text())
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
