"""Waiting, bounded, until a broker or a database answers, and is the one that was started."""

import socket
import time
from collections.abc import Callable

import psycopg
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

_POLL_SECONDS = 0.05
_ANSWER_SECONDS_MAX = 2.0


class ServerDiedError(RuntimeError):
    """The server ended by itself; the message ends with the last lines of its log."""


def wait_for_kafka(
    bootstrap: str, cluster_id: str, seconds_max: float, ended: Callable[[], bool]
) -> None:
    """Poll until a broker of this cluster answers: another's on the same port does not count.

    Raises ServerDiedError once `ended` says so, TimeoutError after seconds_max.
    """
    client = AdminClient(
        {
            "bootstrap.servers": bootstrap,
            "log_level": 0,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 100,
        }
    )

    def answers() -> str:
        # Asked first: the client's own retries are slower to see a port that has just opened.
        if not listens(bootstrap):
            return "nobody listens"
        try:
            cluster = client.describe_cluster(request_timeout=_ANSWER_SECONDS_MAX).result()
        except KafkaException as failure:
            return str(failure)
        if cluster.cluster_id != cluster_id:
            return f"another cluster answers, {cluster.cluster_id}"
        return "" if cluster.nodes else "no broker has registered yet"

    _poll(f"Kafka on {bootstrap}", answers, seconds_max, ended)


def wait_for_postgres(url: str, seconds_max: float, ended: Callable[[], bool]) -> None:
    """Poll until our password opens the database: another server would not let us in.

    Raises ServerDiedError once `ended` says so, TimeoutError after seconds_max.
    """
    address = url.replace("postgresql+psycopg://", "postgresql://")

    def answers() -> str:
        try:
            psycopg.connect(address, connect_timeout=int(_ANSWER_SECONDS_MAX)).close()
        except psycopg.OperationalError as failure:
            return str(failure)
        return ""

    _poll("PostgreSQL", answers, seconds_max, ended)


def listens(address: str) -> bool:
    """Whether somebody accepts connections on host:port."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS_MAX).close()
    except OSError:
        return False
    return True


def _poll(
    what: str, answers: Callable[[], str], seconds_max: float, ended: Callable[[], bool]
) -> None:
    """Ask until the answer is empty, that is, nothing is wrong."""
    deadline = time.monotonic() + seconds_max
    wrong = "not asked yet"
    while time.monotonic() < deadline:
        if ended():
            raise ServerDiedError(f"{what} ended while starting")
        wrong = answers()
        if not wrong:
            return
        time.sleep(_POLL_SECONDS)
    raise TimeoutError(f"{what} does not answer after {seconds_max:.0f} s: {wrong}")
