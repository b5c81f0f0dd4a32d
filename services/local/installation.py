"""Which installation a command is about: the environment's, else what runs in this checkout."""

import json
import os
from pathlib import Path
from typing import Any, Final

from schemas.errors import ScripError
from schemas.findings import Finding
from schemas.lined import Fault, FileUnreadableError, read_lined
from schemas.policy_checks import PolicyRefusedError
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


def document_of(path: Path) -> Any:
    """A policy file as plain JSON, not checked yet. Raises NotThereError, PolicyRefusedError."""
    try:
        return read_lined(path.name, path.read_text(encoding="utf-8")).value
    except OSError as error:
        raise NotThereError(f"{path}: {error.strerror}; name a file with a policy") from error
    except UnicodeDecodeError as error:
        found = Finding("(document)", f"byte {error.start} is not UTF-8", "YAML or JSON in UTF-8")
        raise PolicyRefusedError([found]) from error
    except FileUnreadableError as error:
        raise PolicyRefusedError([_finding(fault) for fault in error.faults]) from error


def _finding(fault: Fault) -> Finding:
    return Finding(fault.path or "(document)", f"{fault.value} (line {fault.line})", fault.allowed)
