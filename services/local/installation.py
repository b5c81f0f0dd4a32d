"""Which installation a command is about: the environment's, else what runs in this checkout."""

import json
import os
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from schemas.errors import ScripError
from schemas.policy_checks import canonical
from services.runtime.settings import Settings, read_settings

CHECKOUT: Final = Path(__file__).parents[2]
SCRIP_FOLDER: Final = CHECKOUT / ".scrip"
POLICIES: Final = CHECKOUT / "deploy" / "policy"


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
        return read_settings(**{k: v for k, v in found["settings"].items() if not _given(k)})
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


def document_of(path: Path) -> dict[str, Any]:
    """A policy file as plain JSON. Raises NotThereError, yaml.YAMLError."""
    if not path.is_file():
        raise NotThereError(f"there is no file {path}")
    read: dict[str, Any] = orjson.loads(canonical(yaml.safe_load(path.read_text())))
    return read
