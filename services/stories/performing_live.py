"""Plays a whole story on a real broker and database, given or started for it."""

import secrets
from typing import Any

from deploy.embedded.resolve import Infrastructure, infrastructure
from services.stories.live import LiveStage
from services.stories.performing import played
from services.stories.reading import Story


def told_live(story: Story, infra: Infrastructure, namespace: str) -> dict[str, Any]:
    """The report of a story played in a namespace of its own, which is gone afterwards."""
    return played(story, LiveStage(infra, namespace, story.document.network.timezone))


def told_on_this_machine(story: Story) -> dict[str, Any]:
    """The report of a story played on what the environment gives, else on what starts here."""
    with infrastructure() as infra:
        return told_live(story, infra, f"story{secrets.token_hex(4)}")
