"""A prepared installation on this machine, and its services as processes one can kill."""

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from deploy.embedded.guarded import GuardedServer, ServerPlan
from deploy.embedded.resolve import Infrastructure
from deploy.migrations.run import upgrade
from services.local.keys import make_keys, make_peppers, seals_for, secret_of
from services.runtime.kafka_log import KafkaLog
from services.runtime.policy_admin import Applied, apply_policy
from services.runtime.topic_admin import TopicAdmin

STOP_SECONDS_MAX = 20.0
SERVICES = ("issuance", "redemption", "ledger", "settlement")


@dataclass(slots=True)
class Machine:
    """One installation: where its broker and database are, its folder, its processes by name.

    A process is named `<service>/<slot>`. `story` runs it on the story clock.
    """

    infra: Infrastructure
    folder: Path
    namespace: str = ""
    partitions: int = 4
    story: bool = False
    processes: dict[str, GuardedServer] = field(default_factory=dict)

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of this installation's database."""
        name = f"scrip_{self.namespace.replace('-', '_')}" if self.namespace else "scrip"
        return self.infra.postgres.rpartition("/")[0] + f"/{name}"

    @property
    def seal_keys(self) -> Path:
        """The file of seal keys."""
        return self.folder / "seal-keys.json"

    @property
    def peppers(self) -> Path:
        """The file of the card directory's peppers."""
        return self.folder / "peppers.json"

    @property
    def bank_folder(self) -> Path:
        """Where bank files are dropped."""
        return self.folder / "bank"

    def log(self) -> KafkaLog:
        """The log of this installation."""
        return KafkaLog(self.infra.bootstrap, self.namespace)

    def prepare(self, policy: Mapping[str, Any], now: int) -> Applied:
        """Folder, keys, database, migrations, topics, policy; what is there stays."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.bank_folder.mkdir(exist_ok=True)
        (self.folder / "logs").mkdir(exist_ok=True)
        make_keys(self.seal_keys, policy.get("channels") or ())
        secret_of(self.folder / "bank-key")
        secret_of(self.folder / "print-key")
        make_peppers(self.peppers)
        self._make_database()
        upgrade(self.database)
        admin = TopicAdmin(self.infra.bootstrap, self.namespace, story=self.story)
        admin.apply(self.partitions)
        seals = seals_for(self.seal_keys, "service")
        return apply_policy(self.log(), dict(policy), seals, now=now)

    def _make_database(self) -> None:
        server = self.infra.postgres.replace("postgresql+psycopg://", "postgresql://")
        name = self.database.rpartition("/")[2]
        with psycopg.connect(server, autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if found.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def environment(self, slot: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a process of this installation finds in its environment."""
        return {
            **os.environ,
            "SCRIP_KAFKA": self.infra.bootstrap,
            "SCRIP_POSTGRES": self.database,
            "SCRIP_NAMESPACE": self.namespace,
            "SCRIP_SLOT": slot,
            "SCRIP_CLOCK": "story" if self.story else "system",
            "SCRIP_SEALS": "on",
            "SCRIP_SEAL_KEYS": str(self.seal_keys),
            "SCRIP_BANK_FOLDER": str(self.bank_folder),
            "SCRIP_BANK_KEY": secret_of(self.folder / "bank-key"),
            "SCRIP_PEPPERS": str(self.peppers),
            "SCRIP_PRINT_KEY": secret_of(self.folder / "print-key"),
            **(more or {}),
        }

    def start(self, service: str, slot: str = "0", more: Mapping[str, str] | None = None) -> int:
        """Start a process (again); its id."""
        name = f"{service}/{slot}"
        known = self.processes.get(name)
        if known is not None:
            known.close()
        plan = ServerPlan(
            argv=(sys.executable, "-m", f"services.{service}"),
            log=self.folder / "logs" / f"{service}-{slot}.log",
            environment=self.environment(slot, more),
        )
        process = GuardedServer(plan)
        self.processes[name] = process
        return process.start()

    def start_all(self) -> None:
        """One process of each service."""
        for service in SERVICES:
            self.start(service)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a process."""
        self.processes[name].send(number)

    def ended(self) -> list[str]:
        """Processes that have ended by themselves."""
        return [name for name, process in self.processes.items() if process.ended()]

    def stop(self) -> None:
        """End every process in order."""
        for process in self.processes.values():
            if not process.ended():
                process.send(signal.SIGTERM)
        for process in self.processes.values():
            if not process.wait(STOP_SECONDS_MAX):
                process.stop(signal.SIGKILL, STOP_SECONDS_MAX)
            process.close()
        self.processes.clear()
