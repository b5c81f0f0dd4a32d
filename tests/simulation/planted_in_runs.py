"""Bugs of settlement runs that show only where money moves: sought in the worlds of paying.py."""

from typing import Final

import pytest

from services.settlement.delivery import operations as delivery
from services.settlement.effects import runs as effects
from tests.simulation.planting import Plant, planted

PLANTS: Final[list[Plant]] = []


@planted(PLANTS)
def what_is_carried_is_lost(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(effects, "_carry", lambda *_: None)


@planted(PLANTS)
def traces_are_given_out_anew(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(delivery, "_next_sequence", lambda connection, odfi: 1)
