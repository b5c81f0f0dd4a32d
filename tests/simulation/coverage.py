"""What seeds have hit: decisions by state, how their batches fared, and every boundary's faults."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from tests.simulation.faults import LABELS, RATES
from tests.simulation.simulation import Cells, Outcome

# Boundaries of the log, the database and the bank that every role with such a port passes.
UNHIT_NAMED_MAX: Final = 12


@dataclass(slots=True)
class Coverage:
    """Sums over seeds; `cells` are (command, state, fate), see Outcome."""

    seeds: int = 0
    faults: int = 0
    faults_least: int = 2**31
    scenes: Counter[tuple[str, str]] = field(default_factory=Counter)
    cells: Cells = field(default_factory=Counter)
    decisions: Cells = field(default_factory=Counter)
    places: Cells = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Take a seed in."""
        self.seeds += 1
        self.faults += outcome.faults
        self.faults_least = min(self.faults_least, outcome.faults)
        self.scenes[outcome.scene.name, outcome.scene.stores] += 1
        self.cells.update(outcome.cells)
        self.decisions.update(outcome.decisions)
        self.places.update(outcome.places)

    def join(self, other: "Coverage") -> None:
        """Take in what another process has seen."""
        self.seeds += other.seeds
        self.faults += other.faults
        self.faults_least = min(self.faults_least, other.faults_least)
        for name in ("scenes", "cells", "decisions", "places"):
            getattr(self, name).update(getattr(other, name))


def wanted_faults() -> set[tuple[str, str]]:
    """Every fault that can strike at each boundary."""
    return {(boundary, fault) for boundary, rates in RATES.items() for fault in rates}


def missed_faults(coverage: Coverage) -> list[tuple[str, str]]:
    """Faults at boundaries that no seed has met."""
    met = {(boundary, fault) for _, boundary, fault in coverage.places}
    return sorted(wanted_faults() - met)


def table(cells: Iterable[tuple[str, str, str]]) -> dict[str, dict[str, set[str]]]:
    """{command: {state: the fates of its batches}}."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for type, state, fate in cells:
        found[type][state].add(fate)
    return found


def told(coverage: Coverage, wanted: set[tuple[str, str, str]]) -> str:
    """A few lines for a person; `wanted` are the cells that are to be hit."""
    hit = wanted & set(coverage.cells)
    missed = missed_faults(coverage)
    faults = wanted_faults()
    lines = [
        f"faults: {coverage.faults} in {coverage.seeds} seeds, {coverage.faults_least} at least in "
        f"each, {coverage.faults / max(coverage.seeds, 1):.1f} on average",
        f"fault at a boundary: {len(faults) - len(missed)} of {len(faults)} hit",
        f"command x state x fate of its batch: {len(hit)} of {len(wanted)} cells hit",
    ]
    if missed:
        shown = ", ".join(f"{fault} at {boundary}" for boundary, fault in missed[:UNHIT_NAMED_MAX])
        lines.append(f"not met: {shown}{' ...' if len(missed) > UNHIT_NAMED_MAX else ''}")
    return "\n".join(lines)


def as_markdown(cells: Iterable[tuple[str, str, str]]) -> str:
    """A table for a page: commands down, states across, how many of the fates in each cell."""
    found = table(cells)
    states = sorted({state for by_state in found.values() for state in by_state})
    rows = [
        f"| {type} | "
        + " | ".join(
            f"{len(by_state[state])}/{len(LABELS)}" if state in by_state else "" for state in states
        )
        + " |"
        for type, by_state in sorted(found.items())
    ]
    head = "| command | " + " | ".join(states) + " |"
    return "\n".join([head, "|---" * (len(states) + 1) + "|", *rows])
