"""`scrip story FILE`: reads a story, plays it, prints what came of it."""

import logging
import sys
from pathlib import Path
from typing import Any, Final

import orjson
import structlog
from rich.console import Console

from schemas.lined import Fault, FileUnreadableError
from services.stories.performing import told
from services.stories.reading import Story, read_story
from services.stories.showing import show

HOLDS: Final = 0
BROKEN: Final = 1
UNREADABLE: Final = 2


def run_story(path: Path, *, as_json: bool, live: bool) -> int:
    """Tell the story in a file; 0: all invariants hold, 1: one does not, 2: it cannot be read."""
    _quiet()
    try:
        story = story_of(path)
    except FileUnreadableError as error:
        print(error, file=sys.stderr)
        return UNREADABLE
    found = _told_live(story) if live else told(story)
    if as_json:
        print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        show(story, found, Console())
    return HOLDS if all(one["holds"] for one in found["invariants"]) else BROKEN


def _quiet() -> None:
    """Standard output is the report's, and what workers log is no part of a story."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def story_of(path: Path) -> Story:
    """The story in a file; FileUnreadableError also where there is no such file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        fault = Fault(str(path), 1, "", reason, "a story: one YAML document in UTF-8")
        raise FileUnreadableError([fault]) from error
    return read_story(
        path.name, text, lambda name: (path.parent / name).read_text(encoding="utf-8")
    )


def _told_live(story: Story) -> dict[str, Any]:
    # Brokers, containers and migrations take a second to import, and a story in memory none.
    from services.stories.performing_live import told_on_this_machine  # noqa: PLC0415

    return told_on_this_machine(story)
