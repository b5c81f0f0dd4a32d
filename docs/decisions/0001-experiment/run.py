"""Who may carry money: kill four runners of one small job and count what they lost or doubled.

    python docs/decisions/0001-experiment/run.py [--kafka HOST:PORT] [--only librdkafka]

Without --kafka the broker is resolved as everywhere else (environment, Docker, embedded).
Bounds hold for the whole run: at most 20,000 commands, 4 kills a runner, 3 minutes or so.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rounds import RUNNERS, Bounds, DoesNotRunError, Outcome, Runner, play

COMMANDS_MAX = 20_000
KILLS_MAX = 4
SECONDS_MAX = 180
ROOT = Path(__file__).resolve().parents[3]
COLUMNS = ("sent", "kills", "falls", "seconds", "left", "lost", "twice", "no fact", "two facts")


def main() -> int:
    """Play every runner once and print the table; 1 if one of the transactional ones was wrong."""
    options = parsed()
    chosen = [r for r in RUNNERS if options.only in r.title]
    if not chosen:
        print(f"no runner is named {options.only!r}", file=sys.stderr)
        return 2
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, seed {options.seed}")
    ends = time.monotonic() + min(options.seconds, SECONDS_MAX)
    seen: list[tuple[Runner, Outcome | DoesNotRunError]] = []
    with broker(options.kafka) as kafka, tempfile.TemporaryDirectory() as folder:
        for left, runner in zip(range(len(chosen), 0, -1), chosen, strict=True):
            bounds = Bounds(
                commands=min(options.commands, COMMANDS_MAX) // len(chosen),
                kills=min(options.kills, KILLS_MAX),
                seconds=(ends - time.monotonic()) / left,
                rate=options.rate,
                seed=options.seed,
            )
            seen.append((runner, played(kafka, runner, bounds, Path(options.logs or folder))))
    print(table(seen))
    return 0 if all(clean(r, o) for r, o in seen) else 1


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kafka", help="bootstrap servers; resolved if absent")
    parser.add_argument("--commands", type=int, default=COMMANDS_MAX, help="over all runners")
    parser.add_argument("--kills", type=int, default=KILLS_MAX, help="for each runner")
    parser.add_argument("--seconds", type=int, default=SECONDS_MAX, help="over all runners")
    parser.add_argument("--rate", type=int, default=1000, help="commands a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="part of a runner's title")
    parser.add_argument("--logs", help="a folder that keeps the workers' logs")
    return parser.parse_args()


@contextmanager
def broker(given: str | None) -> Iterator[str]:
    """Bootstrap servers: those given, else whatever this machine has or can start."""
    if given:
        yield given
        return
    sys.path.insert(0, str(ROOT))
    from deploy.embedded.resolve import infrastructure  # noqa: PLC0415  --kafka needs none of it

    with infrastructure() as places:
        yield places.bootstrap


def played(kafka: str, runner: Runner, bounds: Bounds, folder: Path) -> Outcome | DoesNotRunError:
    """One round, said before it starts, for it takes a while."""
    print(f"{runner.title}: {bounds.commands} commands, {bounds.kills} kills …", flush=True)
    try:
        return play(kafka, runner, bounds, folder)
    except DoesNotRunError as cannot:
        return cannot


def clean(runner: Runner, seen: Outcome | DoesNotRunError) -> bool:
    """Whether a transactional runner kept its word; faust is shown, not judged."""
    if runner.script == "by_faust.py":
        return True
    return isinstance(seen, Outcome) and seen.wrong == 0


def table(rows: list[tuple[Runner, Outcome | DoesNotRunError]]) -> str:
    """What was seen as a Markdown table."""
    lines = ["| runner | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for runner, seen in rows:
        if isinstance(seen, DoesNotRunError):
            lines.append(f"| {runner.title} | does not run here: {seen} |")
            continue
        counted = (seen.sent, seen.kills, seen.falls, round(seen.seconds), seen.left)
        wrong = (seen.lost, seen.twice, seen.no_fact, seen.two_facts)
        lines.append("| " + " | ".join([runner.title, *map(str, (*counted, *wrong))]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
