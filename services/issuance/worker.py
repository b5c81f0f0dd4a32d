"""Connects issuance to the runner: which topics, which core."""

from collections.abc import Mapping
from typing import Final

from schemas.topics import (
    ISSUANCE_COMMANDS,
    ISSUANCE_EVENTS,
    ISSUANCE_MEMORY,
    ISSUANCE_REPLIES,
    REDEMPTION_COMMANDS,
)
from services.issuance import card
from services.runtime.assembly import deciding_worker
from services.runtime.deciding import DecidingSpec
from services.runtime.process import Make
from services.runtime.settings import Settings

SPEC: Final = DecidingSpec(
    service="issuance",
    commands=ISSUANCE_COMMANDS,
    events=ISSUANCE_EVENTS,
    replies=ISSUANCE_REPLIES,
    memory=ISSUANCE_MEMORY,
    public=None,
    core=card,
    refusal=card.refusal,
    outgoing={topic.name: topic for topic in (REDEMPTION_COMMANDS, ISSUANCE_COMMANDS)},
)


def loops(settings: Settings) -> Mapping[str, Make]:
    """The loops of an issuance process."""
    return {"worker": lambda: deciding_worker(SPEC, settings)}
