"""Which installation a command is about: the environment's, else what runs in this checkout."""

import json
import os
from pathlib import Path
from typing import Any, Final

import orjson
import yaml
from sqlalchemy import Engine

from schemas.errors import ScripError
from schemas.policy_checks import canonical
from services.local.keys import secret_of, write_private
from services.local.machine import Machine
from services.runtime.settings import Settings, read_settings
from services.settlement.directory import AccountDetails, Vault, register

CHECKOUT: Final = Path(__file__).parents[2]
SCRIP_FOLDER: Final = CHECKOUT / ".scrip"
POLICIES: Final = CHECKOUT / "deploy" / "policy"
SAMPLE_ACCOUNTS: Final = POLICIES / "sample-accounts.yaml"


class NotThereError(ScripError):
    """Something the command needs is not there; the message says what to do next."""


def installation() -> Settings:
    """Settings of the environment if it names Kafka or PostgreSQL, else of the running `scrip up`.

    A `scrip up` on the very Kafka that the environment names adds what the environment leaves out.
    Raises NotThereError, SettingsRefusedError.
    """
    named = os.environ.get("SCRIP_KAFKA")
    found = running()
    if found is not None and named in (None, "", found["settings"]["kafka"]):
        return Settings(**{k: v for k, v in found["settings"].items() if not _given(k)})
    if named or os.environ.get("SCRIP_POSTGRES"):
        return read_settings()
    raise NotThereError(
        "no installation: start `scrip up` in another terminal, "
        "or set SCRIP_KAFKA and SCRIP_POSTGRES"
    )


def _given(setting: str) -> bool:
    """Does the environment say it? The database's name is the installation's: that stays."""
    return setting != "postgres" and bool(os.environ.get(f"SCRIP_{setting.upper()}"))


def run_file() -> Path:
    """Where `scrip up` says what runs: SCRIP_RUN_FILE, else in this checkout."""
    return Path(os.environ.get("SCRIP_RUN_FILE") or SCRIP_FOLDER / "run.json")


def running() -> dict[str, Any] | None:
    """What the running `scrip up` has written, as long as it lives."""
    try:
        found: dict[str, Any] = json.loads(run_file().read_text())
        os.kill(found["pid"], 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    except PermissionError:
        return None  # another user's process has that id: ours is gone
    return found


def settings_of(machine: Machine) -> dict[str, Any]:
    """What a command needs to know of an installation; it holds secrets."""
    return {
        "kafka": machine.infra.bootstrap,
        "postgres": machine.database,
        "namespace": machine.namespace,
        "clock": "story" if machine.story else "system",
        "seals": "on",
        "seal_keys": str(machine.seal_keys),
        "bank_folder": str(machine.bank_folder),
        "bank_key": secret_of(machine.folder / "bank-key"),
        "peppers": str(machine.peppers),
        "print_key": secret_of(machine.folder / "print-key"),
    }


def write_run_file(machine: Machine) -> None:
    """Let commands of this checkout find the installation (for its owner's eyes only)."""
    path = run_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    row = {"pid": os.getpid(), "folder": str(machine.folder), "settings": settings_of(machine)}
    write_private(path, json.dumps(row, indent=1).encode())


def remove_run_file() -> None:
    """Nothing runs here any more."""
    run_file().unlink(missing_ok=True)


def document_of(path: Path) -> dict[str, Any]:
    """A policy file as plain JSON. Raises NotThereError, yaml.YAMLError."""
    if not path.is_file():
        raise NotThereError(f"there is no file {path}")
    read: dict[str, Any] = orjson.loads(canonical(yaml.safe_load(path.read_text())))
    return read


def register_sample_accounts(engine: Engine, vault: Vault) -> None:
    """Bank accounts that exist nowhere, taken as verified: for the sample and the demo policy."""
    accounts: dict[str, dict[str, Any]] = yaml.safe_load(SAMPLE_ACCOUNTS.read_text())
    with engine.begin() as connection:
        for name, said in accounts.items():
            register(connection, vault, AccountDetails(account=name, **said), "active")
