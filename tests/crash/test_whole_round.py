"""The round as a whole: every named point was reached, and enough has died. It stands last."""

import os
from pathlib import Path

import pytest

from services.runtime.crash import Point
from tests.crash.tally import (
    BROKER,
    DATABASE,
    DISK_FULL,
    FROZEN,
    FROZEN_AT_POINT,
    JOINED,
    LOST_KAFKA,
    LOST_POSTGRES,
    TERMINATED,
    Tally,
    earlier_parts,
)

KILLS_MIN = 300
FOLDER = Path(__file__).parent
OF_EVERY_KIND = (
    FROZEN_AT_POINT,
    FROZEN,
    TERMINATED,
    BROKER,
    DATABASE,
    LOST_KAFKA,
    LOST_POSTGRES,
    JOINED,
)


def test_every_named_point_was_died_at_and_every_kind_of_fault_was_there(
    request: pytest.FixtureRequest, tally: Tally
) -> None:
    if not os.environ.get("SCRIP_LONG"):
        pytest.skip("the short round goes through some of the points only: make crash")
    whole = earlier_parts()
    if whole is None:
        ran = {item.path for item in request.session.items}
        if ran < set(FOLDER.glob("test_*.py")):
            pytest.skip("only some of the round was asked for")
        whole = Tally()
    whole.add(tally)
    print("\n" + "\n".join(whole.lines()))
    assert sorted(whole.points) == sorted(Point), "points that nothing has died at"
    assert whole.kills >= KILLS_MIN
    assert [kind for kind in OF_EVERY_KIND if not whole.faults[kind]] == []
    if not whole.faults[DISK_FULL]:
        pytest.skip("NO DISK COULD BE FILLED HERE: everything else of the round was done")
