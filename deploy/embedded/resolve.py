"""Which Kafka and which PostgreSQL this machine takes: the environment's, Docker's, or embedded.

Each is decided by itself, said in one line, and gone at the end if it was started here.
"""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from deploy.embedded.containers import (
    KAFKA_IMAGE,
    POSTGRES_IMAGE,
    has_image,
    start_kafka,
    start_postgres,
)
from deploy.embedded.kafka import EmbeddedKafka
from deploy.embedded.postgres import EmbeddedPostgres


class InfrastructureBusyError(RuntimeError):
    """The data folder is in use by another run; the message says which folder."""


class Server(Protocol):
    """A broker or database that was started here and may be broken on purpose."""

    def stop(self) -> None:
        """Shut down in order; data and address stay."""

    def kill(self) -> None:
        """End as a crash would; data and address stay."""

    def restart(self) -> None:
        """Start again on the same address and data, and wait until it answers."""

    def close(self) -> None:
        """End for good; throw-away data go with it."""


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """What was taken.

    bootstrap: host:port of Kafka. postgres: SQLAlchemy address of an existing database (holds the
    password: not for logs). chosen: one line each. kafka, database: handles to what was started
    here, none for what the environment gave.
    """

    bootstrap: str
    postgres: str = field(repr=False)
    chosen: tuple[str, ...]
    kafka: Server | None
    database: Server | None


@dataclass(frozen=True, slots=True)
class _Piece:
    address: str = field(repr=False)
    chosen: str
    server: Server | None


@contextmanager
def infrastructure(
    folder: Path | None = None,
    say: Callable[[str], None] | None = None,
    kafka_flags: tuple[str, ...] = (),
) -> Iterator[Infrastructure]:
    """Give a Kafka and a PostgreSQL for the length of the block.

    folder: where data are kept (always embedded then, unless the environment gives an address);
    none for throw-away data. say: takes one line per choice; standard error if none. kafka_flags:
    for the JVM of an embedded broker, instead of those for small machines.
    Raises InfrastructureBusyError, JarsUnavailableError, LaterDataError, NoPlaceError,
    ServerDiedError, TimeoutError.
    """
    tell = say or _say_on_stderr
    with ExitStack() as ending:
        if folder is not None:
            ending.enter_context(_alone_in(folder))
        kafka, database = _started(folder, kafka_flags, ending)
        chosen = (kafka.chosen, database.chosen)
        for line in chosen:
            tell(line)
        yield Infrastructure(kafka.address, database.address, chosen, kafka.server, database.server)


def _started(
    folder: Path | None, kafka_flags: tuple[str, ...], ending: ExitStack
) -> tuple[_Piece, _Piece]:
    """Start both at once: together they take as long as the slower one.

    What has started is ended with the stack, also when the other could not.
    """
    starts: list[Future[_Piece]] = []
    try:
        with ThreadPoolExecutor(2) as pool:
            starts += [
                pool.submit(_kafka, folder, kafka_flags),
                pool.submit(_postgres, folder),
            ]
    finally:
        for start in starts:
            if start.done() and start.exception() is None:
                server = start.result().server
                if server is not None:
                    ending.callback(server.close)
    kafka, database = (start.result() for start in starts)
    return kafka, database


def _kafka(folder: Path | None, flags: tuple[str, ...]) -> _Piece:
    given = os.environ.get("SCRIP_KAFKA")
    if given:
        return _Piece(given, f"kafka: {given}, given by SCRIP_KAFKA", None)
    image = os.environ.get("SCRIP_KAFKA_IMAGE", KAFKA_IMAGE)
    if folder is None and has_image(image):
        bootstrap, container = start_kafka(image)
        return _Piece(bootstrap, f"kafka: docker {image} on {bootstrap}", container)
    broker = EmbeddedKafka.start(None if folder is None else folder / "kafka", flags)
    line = f"kafka: embedded {broker.version} on {broker.bootstrap}"
    return _Piece(broker.bootstrap, line, broker)


def _postgres(folder: Path | None) -> _Piece:
    given = os.environ.get("SCRIP_POSTGRES")
    if given:
        host = urlsplit(given)
        place = f"{host.hostname}:{host.port or 5432}{host.path}"
        line = f"postgres: {place}, given by SCRIP_POSTGRES"
        return _Piece(_with_driver(given), line, None)
    image = os.environ.get("SCRIP_POSTGRES_IMAGE", POSTGRES_IMAGE)
    if folder is None and has_image(image):
        url, container = start_postgres(image)
        line = f"postgres: docker {image} on 127.0.0.1:{urlsplit(url).port}"
        return _Piece(url, line, container)
    server = EmbeddedPostgres.start(None if folder is None else folder / "postgres")
    line = f"postgres: embedded {server.version} on 127.0.0.1:{server.port}"
    return _Piece(server.url, line, server)


def _with_driver(url: str) -> str:
    """The address as SQLAlchemy wants it; people give what psql takes."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            raise InfrastructureBusyError(
                f"{folder} is in use by another run: stop that one or give another folder"
            ) from taken
        yield


def _say_on_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
