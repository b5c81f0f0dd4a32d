"""Tells the commands of this checkout which installation runs, and gives a new one its accounts."""

import json
import os
from typing import Any, Final

from sqlalchemy import Engine

from schemas.lined import read_lined
from services.local.installation import POLICIES, run_file
from services.local.keys import secret_of, write_private
from services.local.machine import Machine
from services.settlement.directory import AccountDetails, Vault, register

SAMPLE_ACCOUNTS: Final = POLICIES / "sample-accounts.yaml"


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


def register_sample_accounts(engine: Engine, vault: Vault) -> None:
    """Bank accounts that exist nowhere, taken as verified: for the sample and the demo policy."""
    text = SAMPLE_ACCOUNTS.read_text(encoding="utf-8")
    accounts: dict[str, dict[str, Any]] = read_lined(SAMPLE_ACCOUNTS.name, text).value
    with engine.begin() as connection:
        for name, said in accounts.items():
            register(connection, vault, AccountDetails(account=name, **said), "active")
