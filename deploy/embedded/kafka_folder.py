"""What a data folder notes beside the data: the cluster, its ports, which Kafka wrote it."""

import json
import secrets
from base64 import urlsafe_b64encode
from pathlib import Path

from deploy.embedded.jars import KAFKA_VERSION
from deploy.embedded.places import free_ports, port_is_free

_BEFORE_IT_WAS_NOTED = "4.3.0"


class LaterDataError(RuntimeError):
    """A later Kafka wrote these data; the message says which one, and what can be done."""


def new_cluster_id() -> str:
    """Sixteen random bytes in base64, as Kafka wants it.

    The first byte is kept below 64: a leading dash would be taken for an option.
    """
    chance = secrets.token_bytes(16)
    return urlsafe_b64encode(bytes([chance[0] % 64]) + chance[1:]).decode().rstrip("=")


def cluster_id_of(folder: Path) -> str:
    """The id this data folder was formatted with, or a new one."""
    kept = folder / "cluster.id"
    if not kept.exists():
        kept.write_text(new_cluster_id())
    return kept.read_text()


def ports_of(folder: Path) -> tuple[int, int]:
    """Client and controller port: those of the last time if both are free, else two others."""
    kept = folder / "ports.json"
    if kept.exists():
        client, controller = json.loads(kept.read_text())
        if port_is_free(client) and port_is_free(controller):
            return client, controller
    client, controller = free_ports(2)
    kept.write_text(json.dumps([client, controller]))
    return client, controller


def require_readable(folder: Path) -> None:
    """A broker reads what brokers before it wrote, never what later ones did: LaterDataError."""
    noted = folder / "kafka.version"
    if not (folder / "log" / "meta.properties").exists():
        return
    written = noted.read_text() if noted.exists() else _BEFORE_IT_WAS_NOTED
    if _numbers(written) > _numbers(KAFKA_VERSION):
        raise LaterDataError(
            f"{folder} was written by Kafka {written}, which Kafka {KAFKA_VERSION} cannot read. "
            "Start that broker yourself and give it by SCRIP_KAFKA, or begin anew with `make clean`"
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def note_version(folder: Path) -> None:
    """These data are written by the Kafka of this version from now on."""
    (folder / "kafka.version").write_text(KAFKA_VERSION)
