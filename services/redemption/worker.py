"""Connects redemption to the runner: which topics, which core."""

from collections.abc import Mapping
from typing import Final

from schemas.topics import (
    ISSUANCE_COMMANDS,
    REDEMPTION_BALANCES,
    REDEMPTION_COMMANDS,
    REDEMPTION_EVENTS,
    REDEMPTION_MEMORY,
    REDEMPTION_REPLIES,
)
from services.redemption import balance
from services.runtime.assembly import deciding_worker
from services.runtime.deciding import DecidingSpec
from services.runtime.process import Make
from services.runtime.settings import Settings

SPEC: Final = DecidingSpec(
    service="redemption",
    commands=REDEMPTION_COMMANDS,
    events=REDEMPTION_EVENTS,
    replies=REDEMPTION_REPLIES,
    memory=REDEMPTION_MEMORY,
    public=REDEMPTION_BALANCES,
    core=balance,
    refusal=balance.refusal,
    outgoing={
        REDEMPTION_COMMANDS.name: REDEMPTION_COMMANDS,
        ISSUANCE_COMMANDS.name: ISSUANCE_COMMANDS,
    },
)


def loops(settings: Settings) -> Mapping[str, Make]:
    """The loops of a redemption process."""
    return {"worker": lambda: deciding_worker(SPEC, settings)}
