"""`scrip story FILE`: reads a story, plays it, prints what came of it."""

import logging
import sys
from pathlib import Path
from typing import Any, Final

import orjson
import structlog
from rich.console import Console

from services.stories.lined import StoryUnreadableError
from services.stories.playing import Play
from services.stories.reading import Story, read_story
from services.stories.report import report
from services.stories.showing import show
from services.stories.world import World

HOLDS: Final = 0
BROKEN: Final = 1
UNREADABLE: Final = 2


def run_story(path: Path, *, as_json: bool, live: bool) -> int:
    """Tell the story in a file; 0: all invariants hold, 1: one does not, 2: it cannot be read."""
    _quiet()
    try:
        story = story_of(path)
    except StoryUnreadableError as error:
        print(error, file=sys.stderr)
        return UNREADABLE
    found = told(story)
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
    """The story in a file; StoryUnreadableError also where there is no such file."""
    return read_story(path.name, path.read_text(), lambda name: (path.parent / name).read_text())


def told(story: Story) -> dict[str, Any]:
    """The report of a story played in memory."""
    world = World(story.begins, story.document.network.timezone)
    try:
        play = Play(story, world)
        play.begin()
        for step in story.steps:
            play.step(step)
        return report(play)
    finally:
        world.close()
