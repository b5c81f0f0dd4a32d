"""Folders and ports on this machine: the user's cache, throw-away folders, free loopback ports."""

import fcntl
import os
import random
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PORTS_TRIED_MAX = 200
_PORT_LOWEST = 15_000
_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_PORT_RANGE_LOWEST = 32_768


class NoPlaceError(RuntimeError):
    """No folder or port can be had here; the message says what to set or free."""


def cache_folder() -> Path:
    """Where downloads are kept for this user: SCRIP_CACHE, else the XDG cache, else a TMP folder.

    Made if absent. Raises NoPlaceError if none can be written.
    """
    for folder in _cache_candidates():
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        except OSError:
            continue
        if folder.stat().st_uid == os.geteuid() and os.access(folder, os.W_OK):
            return folder
    raise NoPlaceError("no cache folder can be written: set SCRIP_CACHE to one that can")


def _cache_candidates() -> Iterator[Path]:
    given = os.environ.get("SCRIP_CACHE")
    if given:
        yield Path(given).absolute()
        return
    xdg = os.environ.get("XDG_CACHE_HOME")
    yield (Path(xdg) if xdg else Path("~/.cache").expanduser()) / "scrip"
    yield Path(tempfile.gettempdir()) / f"scrip-cache-{os.geteuid()}"


@contextmanager
def one_at_a_time(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock `name` of a folder; a second process waits until the first is done."""
    with (folder / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def reachable(folder: Path, uid: int) -> bool:
    """Whether another user may enter this folder: every folder above it lets others pass."""
    absolute = folder.resolve()
    return all(
        place.stat().st_uid == uid or place.stat().st_mode & stat.S_IXOTH
        for place in (absolute, *absolute.parents)
    )


def throw_away_folder(name: str, uid: int | None = None) -> Path:
    """A new empty folder, owned by `uid` if given and then in a place that user can reach.

    Raises NoPlaceError if there is none.
    """
    for parent in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):  # noqa: S108
        if uid is None or (parent.is_dir() and reachable(parent, uid)):
            folder = Path(tempfile.mkdtemp(prefix=f"scrip-{name}-", dir=parent))
            if uid is not None:
                os.chown(folder, uid, uid)
            return folder
    raise NoPlaceError("no temporary folder that another user may enter: set TMPDIR to one")


def free_ports(count: int) -> tuple[int, ...]:
    """Distinct loopback ports nobody listens on, below the range the kernel hands to clients.

    A client that reconnects to a closed port of that range can be given the very same port as its
    own and connect to itself, which would keep a restarted server from its address.
    """
    found: list[int] = []
    chance = random.SystemRandom()
    highest = min(_client_ports_lowest(), _PORT_RANGE_LOWEST)
    for _ in range(_PORTS_TRIED_MAX):
        port = chance.randrange(_PORT_LOWEST, highest) if highest > _PORT_LOWEST else 0
        taken = _bind(port)
        if taken is not None and taken not in found:
            found.append(taken)
        if len(found) == count:
            return tuple(found)
    raise NoPlaceError(f"no free loopback port among {_PORTS_TRIED_MAX} tried")


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    return _bind(port) is not None


def _bind(port: int) -> int | None:
    with socket.socket() as probe:
        # As servers do: an address whose last connections are still closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        bound: int = probe.getsockname()[1]
        return bound


def _client_ports_lowest() -> int:
    if not _PORT_RANGE.exists():
        return _PORT_RANGE_LOWEST
    return int(_PORT_RANGE.read_text().split()[0])
