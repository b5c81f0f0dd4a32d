"""A story told in memory, and the world it leaves for a test to look at."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.stories.playing import Play
from services.stories.reading import Story
from services.stories.world import World


@contextmanager
def told_world(story: Story) -> Iterator[World]:
    """The world after the story's last step; it is closed when the block ends."""
    world = World(story.begins, story.document.network.timezone)
    try:
        play = Play(story, world)
        play.begin()
        for step in story.steps:
            play.step(step)
        yield world
    finally:
        world.close()
