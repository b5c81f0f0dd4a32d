"""The secrets of one installation on this machine: seal keys and the bank vault's keys."""

import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from services.runtime.keyfiles import read_seals
from services.runtime.seals import Seals

SERVICE = "service"


def make_keys(path: Path, channels: Iterable[str]) -> None:
    """Write a file of seal keys (mode 0600): one for services, one for each channel.

    Keys that are there stay; new channels get theirs.
    """
    rows: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    wanted = {SERVICE: "service/"} | {f"channel-{name}": f"channel/{name}" for name in channels}
    for name, prefix in wanted.items():
        rows.setdefault(name, {"prefix": prefix, "secret": secrets.token_hex(32)})
    write_private(path, json.dumps(rows, indent=1).encode())


def seals_for(path: Path, own: str) -> Seals:
    """Seals with the key `own` of a key file."""
    return read_seals(path, own)


def secret_of(path: Path) -> str:
    """A 32-byte secret in hex, made at first use and kept in a private file."""
    if not path.exists():
        write_private(path, secrets.token_hex(32).encode())
    return path.read_text()


def make_peppers(path: Path) -> None:
    """The first pepper of a card directory, if there is none; a new version is added by hand."""
    if not path.exists():
        write_private(path, json.dumps({"1": secrets.token_hex(32)}).encode())


def write_private(path: Path, content: bytes) -> None:
    """Write a file only its owner can read, whole or not at all."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
