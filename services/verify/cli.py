"""`scrip verify`: every invariant, topics against PostgreSQL."""

from collections.abc import Callable
from pathlib import Path

import orjson

from services.runtime.cli import DONE, NO, Said, require_database, require_log
from services.runtime.settings import Settings
from services.verify.auditing import audit, heads
from services.verify.examining import examine
from services.verify.verdicts import render


def check(settings: Settings, say: Callable[[str], None], seconds_max: float) -> Said:
    """Status 1 if an invariant does not hold."""
    log, engine = require_log(settings), require_database(settings)
    found = examine(log, engine, say, seconds_max=seconds_max)
    return Said(found.as_json(), render(found), DONE if found.holds else NO)


def check_audit(settings: Settings, kept: Path | None) -> Said:
    """Status 1 if a fact, a history or a chain is not what it was."""
    log, engine = require_log(settings), require_database(settings)
    known = None if kept is None else orjson.loads(kept.read_bytes())["heads"]
    found = audit(log, engine, known)
    return Said(found.as_json(), render(found), DONE if found.holds else NO)


def show_heads(settings: Settings) -> Said:
    """Where every chain ends now."""
    found = heads(require_log(settings))
    lines = [
        f"{place} {source} {head['sequence']} {head['chain']}"
        for place, sources in found.items()
        for source, head in sources.items()
    ]
    return Said({"heads": found}, "\n".join(lines))
