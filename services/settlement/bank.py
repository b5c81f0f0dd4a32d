"""The bank as a port: it takes a file once, and says honestly when nobody knows whether it did."""

import os
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from services.runtime.crash import CrashPoints, NoCrash, Point

PARTIAL = ".part"


class Delivery(StrEnum):
    """How sending ended. `not_delivered` is certain; `unknown` is not, and is never sent again.

    `conflict`: a file of that name with other content is there.
    """

    DELIVERED = "delivered"
    NOT_DELIVERED = "not_delivered"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Shipment:
    """A file to send: its name, its bytes, and their SHA-256 (hex)."""

    name: str
    content: bytes
    sha256: str


class Bank(Protocol):
    """Where files go."""

    def deliver(self, shipment: Shipment) -> Delivery:
        """Send it, and read size and hash back. There already with the same bytes: delivered."""
        ...

    def look_for(self, shipment: Shipment) -> Delivery:
        """Is it there? Absent is `unknown`: banks take files away after pick-up."""
        ...


class DirectoryBank:
    """A folder that the bank (or its file transfer) picks up from.

    A file appears under its name in one step, whole: it is written beside, flushed and renamed.
    """

    def __init__(self, folder: Path, crash: CrashPoints | None = None) -> None:
        self._folder = folder
        self._crash = crash or NoCrash()

    def deliver(self, shipment: Shipment) -> Delivery:
        """Write and rename; an error before the rename is certain, one after it is not."""
        found = self.look_for(shipment)
        if found is not Delivery.UNKNOWN:
            return found
        target = self._folder / shipment.name
        partial = target.with_name(shipment.name + PARTIAL)
        self._crash.at(Point.BANK_BEFORE_WRITE)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _write_through(partial, shipment.content)
        except OSError:
            return Delivery.NOT_DELIVERED
        self._crash.at(Point.BANK_WRITTEN)
        try:
            partial.rename(target)
            self._crash.at(Point.BANK_RENAMED)
            _flush_folder(self._folder)
        except OSError:
            return Delivery.UNKNOWN
        return self.look_for(shipment)

    def look_for(self, shipment: Shipment) -> Delivery:
        """Compare what stands under the name, if anything does."""
        try:
            found = (self._folder / shipment.name).read_bytes()
        except OSError:
            return Delivery.UNKNOWN
        same = len(found) == len(shipment.content) and _hash(found) == shipment.sha256
        return Delivery.DELIVERED if same else Delivery.CONFLICT


@dataclass
class StoryBank:
    """A bank that takes every file at once and keeps it; for stories and simulation."""

    taken: dict[str, bytes] = field(default_factory=dict)

    def deliver(self, shipment: Shipment) -> Delivery:
        """Take it, unless another of that name is there."""
        self.taken.setdefault(shipment.name, shipment.content)
        return self.look_for(shipment)

    def look_for(self, shipment: Shipment) -> Delivery:
        """Compare with what was taken."""
        found = self.taken.get(shipment.name)
        if found is None:
            return Delivery.UNKNOWN
        return Delivery.DELIVERED if _hash(found) == shipment.sha256 else Delivery.CONFLICT


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
