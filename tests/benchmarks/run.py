"""`make bench`: every figure in one run on one broker, against targets and committed figures.

`python -m tests.benchmarks.run [--commands N] [--only race,latency,…] [--json FILE]
[--picture FILE] [--page FILE] [--commit]`. Exit 1 when a figure is 15 % worse than the committed
one.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from sqlalchemy.exc import DBAPIError

from deploy.embedded.kafka import SERVER_FLAGS
from deploy.embedded.resolve import Infrastructure, infrastructure
from services.local.machine import Machine
from services.runtime.tables import open_tables
from tests.benchmarks import (
    books,
    contenders,
    feeding,
    judging,
    latency,
    ledger_sink,
    stores,
    telling,
)
from tests.benchmarks.race import race
from tests.benchmarks.takeover import started_anew, taken_over

PARTS = ("race", "stages", "latency", "sink", "takeover", "through", "restore")
COMMANDS = 200_000
ACCOUNTS = 20_000
FEW_ACCOUNTS = 2_000
RATES = {50: 20, 500: 12, 2_000: 8}
THROUGH_RATE = 200
THROUGH_SECONDS = 10
KILLS = 3
STAGES_MAX = 100_000
SINK_MAX = 100_000
RESTORE_MAX = 400_000
STAGES_SECONDS_MAX = 300
FAILURES = (
    AssertionError,
    RuntimeError,
    TimeoutError,
    subprocess.SubprocessError,
    KafkaException,
    DBAPIError,
)


class Bench:
    """One run: what is measured goes into `figures` as it comes."""

    def __init__(self, infra: Infrastructure, folder: Path, commands: int) -> None:
        self.infra = infra
        self.folder = folder
        self.commands = commands
        self.accounts = min(ACCOUNTS, max(50, commands // 20))
        self.figures: dict[str, Any] = {"where": where(), "us": {}}
        self.began = time.monotonic()

    def say(self, line: str) -> None:
        """Progress, with the seconds since the start."""
        print(f"[{time.monotonic() - self.began:5.0f} s] {line}", flush=True)

    def measured(self, part: str, kept: Path | None) -> bool:
        """Measure one part and keep what there is so far; one that fails does not stop the rest."""
        self.figures.setdefault("loads", {})[part] = feeding.load_average()
        measure: Callable[[], None] = getattr(self, part)
        try:
            measure()
        except FAILURES:
            self.say(f"{part} FAILED:\n{traceback.format_exc()}")
            return False
        if kept is not None:
            kept.write_text(json.dumps(self.figures, indent=1) + "\n")
        return True

    def machine(self, name: str) -> Machine:
        """A prepared installation of its own."""
        made = Machine(self.infra, self.folder / name, f"b{uuid.uuid4().hex[:8]}")
        feeding.prepared(made)
        return made

    def stages(self) -> None:
        """µs by stage, of the loop without a broker."""
        self.say("the loop without I/O, by stage …")
        calibration = judging.calibration_us()
        plain = _hot_path(min(self.commands, STAGES_MAX))
        self.keep("loop without I/O", plain["us_quickest_tenth"], calibration)
        staged = _hot_path(min(self.commands, STAGES_MAX) // 2, "stages")
        self.figures["stages"] = {**plain, "us_by_stage": staged["us_by_stage"]}

    def keep(self, name: str, us: float, calibration: float) -> None:
        """A figure that is judged; `calibration` was taken before it, another is taken now."""
        found = judging.figure(us, calibration, judging.calibration_us())
        self.figures["us"][name] = found

    def race(self) -> None:
        """The same commands through everybody."""
        machine = self.machine("race")
        self.say(f"publishing {self.accounts:,} accounts and {self.commands:,} commands …")
        workload = feeding.workload_of(machine, self.accounts)
        self.figures["published"] = feeding.publish(machine, workload, self.commands, self.say)
        libraries = contenders.build_streams(self.say)
        entrants = [contenders.redemption(machine, workers=n) for n in (1, 2)]
        if libraries is not None:
            for tuning in ("tuned", "default"):
                entrants += [contenders.streams(machine, libraries, tuning, n) for n in (1, 2)]
        entrants.append(contenders.aiokafka(machine))
        entrants += [contenders.faust(machine, g) for g in ("at_least_once", "exactly_once")]
        calibration = judging.calibration_us()
        found = race(machine, self.accounts, self.commands, entrants, self.say)
        self.keep("redemption worker, a command", found[0].marginal.app_us, calibration)
        self.figures["race"] = [one.told() for one in found]
        feeding.drop_topics(self.infra.bootstrap, machine.namespace)

    def latency(self) -> None:
        """Command to committed reply."""
        machine = self.machine("latency")
        workload = feeding.workload_of(machine, FEW_ACCOUNTS)
        machine.start("redemption", "a")
        try:
            latency.open_accounts(machine, workload)
            latency.replies_at(machine, workload, 200, 3)
            seen = {}
            for rate, seconds in RATES.items():
                self.say(f"latency at {rate}/s for {seconds} s …")
                seen[str(rate)] = latency.replies_at(machine, workload, rate, seconds)
            self.figures["latency"] = seen
        finally:
            machine.stop()

    def takeover(self) -> None:
        """First commit after kill -9."""
        machine = self.machine("takeover")
        workload = feeding.workload_of(machine, FEW_ACCOUNTS)
        machine.start("redemption", "a")
        try:
            latency.open_accounts(machine, workload)
            latency.replies_at(machine, workload, 100, 2)
            self.say(f"kill -9 and a start, {KILLS} times …")
            anew = [started_anew(machine, workload, "a") for _ in range(KILLS)]
            machine.start("redemption", "b")
            latency.replies_at(machine, workload, 100, 8)
            self.say("kill -9, and another worker takes over …")
            over = [taken_over(machine, workload, "a")]
            self.figures["takeover"] = {"started anew": anew, "another takes over": over}
        finally:
            machine.stop()

    def through(self) -> None:
        """Command to row in PostgreSQL."""
        machine = self.machine("through")
        workload = feeding.workload_of(machine, FEW_ACCOUNTS)
        engine = open_tables(machine.database)
        for service in ("redemption", "ledger"):
            machine.start(service)
        try:
            latency.open_accounts(machine, workload)
            latency.replies_at(machine, workload, 100, 5)
            rate, seconds = THROUGH_RATE, THROUGH_SECONDS
            self.say(f"command to row in PostgreSQL at {rate}/s …")
            found = latency.rows_at(machine, engine, workload, rate, seconds)
            self.figures["through"] = found
        finally:
            engine.dispose()
            machine.stop()

    def sink(self) -> None:
        """Journals into PostgreSQL."""
        self.say("making journals, then writing them into PostgreSQL …")
        calibration = judging.calibration_us()
        commands = min(self.commands, SINK_MAX)
        self.figures["bytes"] = books.sizes(commands // 4, max(10, commands // 100))
        found = ledger_sink.measure(self.infra.postgres, commands)
        self.figures["sink"] = found
        for name, what in {"journals": "a journal", "facts": "an account fact"}.items():
            self.keep(f"ledger sink, {what}", found[name]["us"], calibration)

    def restore(self) -> None:
        """Rows from Kafka into stores."""
        self.say("restoring rows from Kafka …")
        rows = min(2 * self.commands, RESTORE_MAX)
        calibration = judging.calibration_us()
        found = stores.restore_on(self.infra.bootstrap, rows, self.folder / "stores")
        self.figures["restore"] = found
        us = round(found["memory"]["cpu_seconds"] / rows * 1e6, 2)
        self.keep("restore into memory, a row", us, calibration)


def _hot_path(count: int, *words: str) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.hot_path", str(count), *words],
        capture_output=True,
        text=True,
        timeout=STAGES_SECONDS_MAX,
        check=True,
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def where() -> dict[str, str]:
    """Machine and day."""
    cpu = next(
        (li.partition(":")[2].strip() for li in _lines("/proc/cpuinfo") if "model name" in li),
        "unknown processor",
    )
    memory = int(next(_lines("/proc/meminfo")).split()[1]) >> 20
    version = ".".join(map(str, sys.version_info[:3]))
    machine = f"{os.cpu_count()} cores of {cpu}, {memory} GiB, Python {version}"
    return {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine}


def _lines(path: str) -> Any:
    return iter(Path(path).read_text().splitlines())


def judge(figures: dict[str, Any]) -> bool:
    """Compare with the committed figures; False when one is too much worse."""
    found = judging.judged(figures["us"], judging.read_committed())
    figures["judged"] = [{**asdict(j), "worse": j.worse, "fails": j.fails} for j in found]
    return not any(j.fails for j in found)


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--commands", type=int, default=COMMANDS)
    parser.add_argument("--only", default=",".join(PARTS), help="some of " + ",".join(PARTS))
    parser.add_argument("--json", type=Path, help="a file for all figures")
    parser.add_argument(
        "--keep", action="store_true", help="keep what that file has of other parts"
    )
    parser.add_argument("--picture", type=Path, help="a file for the race as SVG")
    parser.add_argument("--page", type=Path, help="a page whose part between marks is rewritten")
    parser.add_argument("--commit", action="store_true", help="take the figures for committed ones")
    return parser.parse_args()


def main() -> int:
    """Measure, tell, judge."""
    options = parsed()
    chosen = options.only.split(",")
    if not set(chosen) <= set(PARTS):
        print(f"--only: {options.only} — allowed: {','.join(PARTS)}", file=sys.stderr)
        return 2
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="scrip-bench-")))
        servers = ending.enter_context(infrastructure(say=print, kafka_flags=SERVER_FLAGS))
        bench = Bench(servers, folder, options.commands)
        if options.keep and options.json:
            bench.figures.update(json.loads(options.json.read_text()))
        failed = [
            part for part in PARTS if part in chosen and not bench.measured(part, options.json)
        ]
    for part in failed:
        print(f"bench: {part} could not be measured", file=sys.stderr)
    return max(finished(bench.figures, options), int(bool(failed)))


def finished(figures: dict[str, Any], options: argparse.Namespace) -> int:
    """The table, the files, the judgement."""
    if options.commit:
        judging.write_committed(figures["us"], figures["where"])
    stands = judge(figures)
    lines = telling.lines_of(figures)
    if lines:
        print(telling.table(lines))
    if options.page:
        options.page.write_text(telling.rewritten(options.page.read_text(), figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.picture and "race" in figures:
        options.picture.write_text(telling.picture(figures))
    if not stands:
        print("bench: a figure is more than 15 % worse than committed", file=sys.stderr)
    return 0 if stands else 1


if __name__ == "__main__":
    sys.exit(main())
