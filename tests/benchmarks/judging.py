"""Judges figures against the committed ones: 15 % more processor for the same work fails.

Every figure is divided by what a calibration loop took around it, so that a slower or busier
machine does not fail by itself: the loop does what the hot path does (JSON, hashes, small objects)
and nothing of ours.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

COMMITTED = Path(__file__).parent / "committed.json"
WORSE_MAX = 0.15
ROUNDS = 40
TURNS = 250


@dataclass(slots=True)
class _Piece:
    name: str
    minor: int
    held: int
    more: dict[str, str]


_ROW = orjson.dumps([{"name": f"lot-{i}", "minor": i, "more": {"a": "b" * i}} for i in range(12)])


def calibration_us() -> float:
    """µs of one turn of the loop: the lower quartile of many rounds."""
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for turn in range(TURNS):
            _turn(turn)
        took.append((time.process_time() - began) / TURNS * 1e6)
    return round(sorted(took)[ROUNDS // 4], 3)


def _turn(turn: int) -> bytes:
    pieces = [
        _Piece(row["name"], row["minor"], turn, {**row["more"], "turn": row["name"]})
        for row in orjson.loads(_ROW)
    ]
    total = 0
    for piece in pieces:
        piece.held = max(0, piece.minor - piece.held)
        total += piece.held
    text = orjson.dumps(pieces)
    seal = hmac.new(b"key", text, hashlib.sha256).digest()
    return hashlib.sha256(seal + text + str(total).encode()).digest()


@dataclass(frozen=True, slots=True)
class Judged:
    """A figure in calibration turns, now and as committed; `worse` is the share it grew by."""

    name: str
    now: float
    committed: float

    @property
    def worse(self) -> float:
        """0.15: fifteen per cent more than committed."""
        return self.now / self.committed - 1

    @property
    def fails(self) -> bool:
        """Is that too much?"""
        return self.worse > WORSE_MAX


def figure(us: float, *calibrations: float) -> dict[str, float]:
    """A figure with the quickest calibration around it."""
    return {"us": us, "calibration_us": min(calibrations)}


def judged(
    found: Mapping[str, Mapping[str, float]], committed: Mapping[str, Mapping[str, float]]
) -> list[Judged]:
    """Every figure that is committed and was measured; one that is not committed is not judged."""
    return [
        Judged(name, _turns(found[name]), _turns(told))
        for name, told in committed.items()
        if name in found
    ]


def _turns(one: Mapping[str, float]) -> float:
    return round(one["us"] / one["calibration_us"], 3)


def read_committed() -> dict[str, dict[str, float]]:
    """The committed figures."""
    found: dict[str, dict[str, float]] = json.loads(COMMITTED.read_text())["figures"]
    return found


def write_committed(
    found: Mapping[str, Mapping[str, float]], where: Mapping[str, str], path: Path = COMMITTED
) -> None:
    """Take these figures for the committed ones; those that were not measured stay."""
    known = json.loads(path.read_text())["figures"] if path.exists() else {}
    told = {**where, "figures": {**known, **found}}
    path.write_text(json.dumps(told, indent=1) + "\n")
