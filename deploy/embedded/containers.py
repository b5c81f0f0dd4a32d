"""Kafka and PostgreSQL in containers, where a Docker daemon answers and has the image."""

import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import docker  # type: ignore[import-untyped]
from docker.errors import (  # type: ignore[import-untyped]
    DockerException,
    ImageNotFound,
)
from requests.exceptions import RequestException
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from deploy.embedded.guarded import GuardedServer, ServerPlan
from deploy.embedded.kafka import BROKER_SETTINGS
from deploy.embedded.kafka_folder import new_cluster_id
from deploy.embedded.places import free_ports, throw_away_folder
from deploy.embedded.postgres import LOCALE_OPTIONS
from deploy.embedded.readiness import ServerDiedError, wait_for_kafka, wait_for_postgres

KAFKA_IMAGE = "apache/kafka:4.2.2"
POSTGRES_IMAGE = "postgres:18.4"
_DAEMON_SECONDS_MAX = 5
_PULL_SECONDS_MAX = 30.0
_READY_SECONDS_MAX = 90.0
_STOP_SECONDS_MAX = 30
_LOG_LINES_MAX = 20
_REAPER = Path(__file__).with_name("reaper.py")
_DOCKER_FAILURES = (DockerException, RequestException, OSError)


class ContainerServer:
    """A broker or database in a container on a fixed loopback port; it ends with its owner."""

    def __init__(self, container: DockerContainer, wait: Callable[[Callable[[], bool]], None]):
        self._container = container
        self._wait = wait
        self._guard: GuardedServer | None = None

    def start(self) -> None:
        """Run the container under a guard and wait until its server answers."""
        # The reaper image of testcontainers would have to be pulled too; the guard needs none.
        testcontainers_config.ryuk_disabled = True
        self._container.start()
        program = (sys.executable, str(_REAPER), self._container.get_container_id())
        folder = throw_away_folder("reaper")
        plan = ServerPlan(program, folder / "log", signal.SIGTERM, remove=folder)
        self._guard = GuardedServer(plan)
        self._guard.start()
        try:
            self._wait(self._ended)
        except (ServerDiedError, TimeoutError) as failure:
            written = self._container.get_wrapped_container().logs(tail=_LOG_LINES_MAX)
            self.close()
            raise type(failure)(f"{failure}\n{written.decode(errors='replace')}") from failure
        except BaseException:
            self.close()
            raise

    def stop(self) -> None:
        """Shut down in order; data and address stay for a restart."""
        self._container.get_wrapped_container().stop(timeout=_STOP_SECONDS_MAX)

    def kill(self) -> None:
        """End by kill -9; data and address stay for a restart."""
        self._container.get_wrapped_container().kill()

    def restart(self) -> None:
        """Start again on the same address and data, killing the server first if it still runs."""
        if not self._ended():
            self.kill()
        self._container.get_wrapped_container().start()
        self._wait(self._ended)

    def close(self) -> None:
        """Remove the container and its data."""
        if self._guard is not None:
            self._container.stop()
            self._guard.close()
            self._guard = None

    def _ended(self) -> bool:
        container = self._container.get_wrapped_container()
        container.reload()
        return container.status not in {"created", "running", "restarting"}


def has_image(image: str) -> bool:
    """Whether a Docker daemon answers and has the image, or pulls it within 30 seconds."""
    if not daemon_answers():
        return False
    client = docker.from_env(timeout=int(_PULL_SECONDS_MAX))
    try:
        client.images.get(image)
    except ImageNotFound:
        return _pulls(client, image)
    except _DOCKER_FAILURES:
        return False
    else:
        return True
    finally:
        client.close()


def daemon_answers() -> bool:
    """Whether there is a Docker daemon to talk to."""
    try:
        client = docker.from_env(timeout=_DAEMON_SECONDS_MAX)
    except _DOCKER_FAILURES:
        return False
    try:
        return bool(client.ping())
    except _DOCKER_FAILURES:
        return False
    finally:
        client.close()


def start_kafka(image: str) -> tuple[str, ContainerServer]:
    """Run a broker with the settings of the embedded one; answers its bootstrap address too."""
    (port,) = free_ports(1)
    cluster_id = new_cluster_id()
    container = DockerContainer(image).with_bind_ports("9092/tcp", port)
    for key, value in (_listeners(port) | BROKER_SETTINGS).items():
        container.with_env("KAFKA_" + key.upper().replace(".", "_"), value)
    container.with_env("CLUSTER_ID", cluster_id)
    bootstrap = f"127.0.0.1:{port}"
    server = ContainerServer(
        container,
        lambda ended: wait_for_kafka(bootstrap, cluster_id, _READY_SECONDS_MAX, ended),
    )
    server.start()
    return bootstrap, server


def start_postgres(image: str) -> tuple[str, ContainerServer]:
    """Run a database server with a random password; answers its SQLAlchemy address too."""
    (port,) = free_ports(1)
    password = secrets.token_hex(24)
    container = DockerContainer(image).with_bind_ports("5432/tcp", port)
    container.with_envs(POSTGRES_USER="scrip", POSTGRES_PASSWORD=password, POSTGRES_DB="postgres")
    container.with_env("POSTGRES_INITDB_ARGS", " ".join(LOCALE_OPTIONS))
    url = f"postgresql+psycopg://scrip:{password}@127.0.0.1:{port}/postgres"
    server = ContainerServer(
        container, lambda ended: wait_for_postgres(url, _READY_SECONDS_MAX, ended)
    )
    server.start()
    return url, server


def _listeners(port: int) -> dict[str, str]:
    """Clients outside come by the host's port; the broker finds itself by another listener.

    The transaction coordinator connects to its own broker: the host's port is nothing in there.
    """
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": "1@localhost:9093",
        "listeners": "OUTSIDE://:9092,INSIDE://localhost:9094,CONTROLLER://localhost:9093",
        "advertised.listeners": f"OUTSIDE://127.0.0.1:{port},INSIDE://localhost:9094",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "INSIDE",
        "listener.security.protocol.map": (
            "OUTSIDE:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT"
        ),
    }


def _pulls(client: docker.DockerClient, image: str) -> bool:
    deadline = time.monotonic() + _PULL_SECONDS_MAX
    try:
        for _ in client.api.pull(image, stream=True, decode=True):
            if time.monotonic() > deadline:
                return False
        client.images.get(image)
    except _DOCKER_FAILURES:
        return False
    return True
