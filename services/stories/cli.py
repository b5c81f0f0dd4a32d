"""`scrip story FILE`: reads a story, plays it, prints what came of it."""

import logging
import secrets
import sys
from pathlib import Path
from typing import Any, Final

import orjson
import structlog
from rich.console import Console

from deploy.embedded.resolve import Infrastructure, infrastructure
from services.stories.lined import StoryUnreadableError
from services.stories.live import LiveStage
from services.stories.playing import Play
from services.stories.reading import Story, read_story
from services.stories.report import report
from services.stories.showing import show
from services.stories.stage import Stage
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
    if live:
        with infrastructure() as infra:
            found = told_live(story, infra, f"story{secrets.token_hex(4)}")
    else:
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
    return played(story, World(story.begins, story.document.network.timezone))


def told_live(story: Story, infra: Infrastructure, namespace: str) -> dict[str, Any]:
    """The report of a story played on a broker and a database, in a namespace of its own."""
    return played(story, LiveStage(infra, namespace, story.document.network.timezone))


def played(story: Story, stage: Stage) -> dict[str, Any]:
    """The report of a story played on a stage, which is closed in the end."""
    try:
        play = Play(story, stage)
        play.begin()
        for step in story.steps:
            play.step(step)
        return report(play)
    finally:
        stage.close()
