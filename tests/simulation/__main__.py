"""`python -m tests.simulation [--seed N | --seeds N]`: seeds on every core, told as they go.

The first seed that fails ends it, with its story made as short as it still fails.
"""

import argparse
import gc
import multiprocessing
import os
import sys
import time
from typing import Final

from tests.simulation.cells import every_cell
from tests.simulation.coverage import Coverage, told
from tests.simulation.shrinking import shortest
from tests.simulation.shrinking import told as story_told
from tests.simulation.simulation import simulate

BUNCH: Final = 50
TOLD_EVERY_SECONDS: Final = 5.0


def main() -> int:
    """Play seeds; 1 if one fails."""
    read = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    read.add_argument("--seed", type=int, help="play this one alone")
    read.add_argument("--seeds", type=int, default=1_000, help="how many (default 1000)")
    read.add_argument("--first", type=int, default=0, help="the first of them (default 0)")
    read.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = read.parse_args()
    if given.seed is not None:
        return _one(given.seed)
    return _many(given.first, given.seeds, given.processes)


def _one(seed: int) -> int:
    outcome = simulate(seed)
    if outcome.violation is None:
        print(f"seed {seed} holds: {outcome.scene}, {outcome.faults} faults, {outcome.steps} steps")
        return 0
    print(outcome.story, "\n\nmade short:")
    print(story_told(seed, *shortest(seed)))
    return 1


def _many(first: int, seeds: int, processes: int) -> int:
    bunches = [
        range(at, min(at + BUNCH, first + seeds)) for at in range(first, first + seeds, BUNCH)
    ]
    coverage, began, told_at = Coverage(), time.monotonic(), 0.0
    cpu = 0.0
    with multiprocessing.Pool(processes, _settled_down) as pool:
        for part, spent, failed in pool.imap_unordered(_bunch, bunches):
            coverage.join(part)
            cpu += spent
            if failed is not None:
                pool.terminate()
                print(f"seed {failed} fails", flush=True)
                return _one(failed)
            if time.monotonic() - told_at > TOLD_EVERY_SECONDS:
                told_at = time.monotonic()
                print(_progress(coverage, seeds, told_at - began), flush=True)
    print(_progress(coverage, seeds, time.monotonic() - began))
    print(f"0 violations; {cpu:.0f} s of CPU, {1000 * cpu / max(coverage.seeds, 1):.1f} ms a seed")
    scenes = sorted(coverage.scenes.items())
    print("scenes: " + ", ".join(f"{count} {name} ({kind})" for (name, kind), count in scenes))
    print(told(coverage, every_cell()))
    return 0


def _progress(coverage: Coverage, seeds: int, seconds: float) -> str:
    rate = coverage.seeds / max(seconds, 0.001)
    return f"{coverage.seeds} of {seeds} seeds in {seconds:.1f} s, {rate:.0f} a second"


def _settled_down() -> None:
    """What was loaded stays; looking through it again and again costs a tenth."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)


def _bunch(seeds: range) -> tuple[Coverage, float, int | None]:
    coverage, began = Coverage(), time.process_time()
    for seed in seeds:
        outcome = simulate(seed)
        if outcome.violation is not None:
            return coverage, time.process_time() - began, seed
        coverage.add(outcome)
    return coverage, time.process_time() - began, None


if __name__ == "__main__":
    sys.exit(main())
