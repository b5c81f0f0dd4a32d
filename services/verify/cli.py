"""`scrip verify`: every invariant, topics against PostgreSQL."""

from collections.abc import Callable

from services.runtime.cli import DONE, NO, Said, require_database, require_log
from services.runtime.settings import Settings
from services.verify.examining import examine
from services.verify.verdicts import render


def check(settings: Settings, say: Callable[[str], None], seconds_max: float) -> Said:
    """Status 1 if an invariant does not hold."""
    log, engine = require_log(settings), require_database(settings)
    found = examine(log, engine, say, seconds_max=seconds_max)
    return Said(found.as_json(), render(found), DONE if found.holds else NO)
