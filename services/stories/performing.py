"""Plays a whole story on a stage, and reports what came of it."""

from typing import Any

from services.stories.playing import Play
from services.stories.reading import Story
from services.stories.report import report
from services.stories.stage import Stage
from services.stories.world import World


def told(story: Story) -> dict[str, Any]:
    """The report of a story played in memory."""
    return played(story, World(story.begins, story.document.network.timezone))


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
