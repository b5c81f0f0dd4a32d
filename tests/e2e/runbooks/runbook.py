"""A page of docs/operations as a test runs it: its commands, as they stand there."""

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.embedded.postgres import installed
from deploy.embedded.resolve import Infrastructure
from tests.e2e.forked import scrip_forked

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "docs" / "operations"
COMMAND_SECONDS_MAX = 150.0
POSTGRES = installed(None) / "bin"
PROGRAMS = {
    "python": sys.executable,
    "scrip": str(Path(sys.executable).parent / "scrip"),
    "pg_dump": str(POSTGRES / "pg_dump"),
    "pg_restore": str(POSTGRES / "pg_restore"),
}
_BLOCK = re.compile(r"^ *```console\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


@dataclass
class Said:
    """What a command said."""

    status: int
    output: str
    errors: str

    @property
    def found(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.output)


@dataclass
class Runbook:
    """Runs commands of one page; `values` stand for its words in capitals."""

    name: str
    infra: Infrastructure
    namespace: str
    values: dict[str, str] = field(default_factory=dict)
    ran: set[str] = field(default_factory=set)

    @property
    def commands(self) -> list[str]:
        """The commands of the page, in order."""
        text = (FOLDER / f"{self.name}.md").read_text(encoding="utf-8")
        lines = [line.strip() for block in _BLOCK.findall(text) for line in block.splitlines()]
        return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]

    def run(self, command: str, status: int = 0) -> Said:
        """Run a command of the page, word by word; its status must be `status`."""
        assert command in self.commands, f"{self.name} does not say: {command}"
        self.ran.add(command)
        return self.ask(command, status)

    def ask(self, command: str, status: int = 0) -> Said:
        """Run any command, as if it stood there."""
        done = _run(*self._meant(command))
        said = Said(done.returncode, done.stdout, done.stderr)
        assert said.status == status, f"{command}: {said}"
        return said

    def begin(self, command: str) -> subprocess.Popen[str]:
        """Start a command, to be killed; what it says on the way is read from `stderr`."""
        words, environment = self._meant(command)
        return subprocess.Popen(
            words,
            env=environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _meant(self, command: str) -> tuple[list[str], dict[str, str]]:
        """Its words and environment, this installation's."""
        words = shlex.split(command)
        environment = {**os.environ, **self.environment()}
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            environment[name] = value
        words = [self.values.get(word, word) for word in words]
        words[0] = PROGRAMS.get(words[0], words[0])
        return words, environment

    def environment(self) -> dict[str, str]:
        """The installation, for the story's clock on loopback."""
        return {
            "SCRIP_KAFKA": self.infra.bootstrap,
            "SCRIP_POSTGRES": self.infra.postgres.rpartition("/")[0] + f"/{self.namespace}",
            "SCRIP_NAMESPACE": self.namespace,
            "SCRIP_CLOCK": "story",
            "SCRIP_SEALS": "off",
            "SCRIP_BANK_FOLDER": str(ROOT / ".scrip"),
            "SCRIP_BANK_KEY": "00" * 32,
        }

    def is_run(self) -> None:
        """Every command of the page was run."""
        assert [command for command in self.commands if command not in self.ran] == []


def _run(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    if words[0] == PROGRAMS["scrip"]:
        return scrip_forked(words[1:], environment, COMMAND_SECONDS_MAX)
    return subprocess.run(
        words,
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
        check=False,
    )
