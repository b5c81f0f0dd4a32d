"""What 100 million accounts and 50,000 commands a second need, by the costs of a bench run.

`python -m tests.benchmarks.scale FIGURES.json` prints the tables of docs/scale.md. Everything that
is not measured is a named assumption here.
"""

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ACCOUNTS = 100_000_000
PEAK = 50_000
# Assumed: an account has two commands a month, a third of a year's fall into its busiest 37 days.
COMMANDS_YEAR = 24 * ACCOUNTS
BUSIEST_37_DAYS = 1 / 3
PARTITIONS = 256
# Assumed: a core is planned to be busy for that share at the peak; the rest is for take-overs.
BUSY = 0.6
REPLICAS = 3
# Assumed: a follower costs a broker as much as half of what a leader's share costs.
FOLLOWER = 0.5
YEARS = 2
SECONDS_YEAR = 365 * 86_400
GB = 1e9
TB = 1e12

Row = tuple[str, str, str]


def tables(figures: Mapping[str, Any]) -> dict[str, list[Row]]:
    """Rows of (what, how many, from what) under their headings."""
    ours = figures["race"][0]
    return {
        "Processes at the peak": _cores(figures, ours),
        "Wire and disk": _disk(figures, ours),
        "State": _state(figures),
        "PostgreSQL": _postgres(figures),
    }


def _cores(figures: Mapping[str, Any], ours: Mapping[str, Any]) -> list[Row]:
    workers = PEAK * ours["app_us"] / 1e6
    brokers = PEAK * ours["broker_us"] / 1e6 * (1 + (REPLICAS - 1) * FOLLOWER)
    seats = math.ceil(workers / BUSY)
    deriving = PEAK * figures["bytes"]["facts_per_command"] * figures["sink"]["derive_us"] / 1e6
    return [
        (
            "redemption workers",
            f"{workers:.1f} cores busy, {seats} workers",
            f"{ours['app_us']} µs",
        ),
        (
            "partitions of each command topic",
            f"{PARTITIONS}: {PEAK / PARTITIONS:.0f} commands/s and {ACCOUNTS / PARTITIONS:,.0f} "
            f"accounts each, {PARTITIONS // seats} or {PARTITIONS // seats + 1} a worker",
            "chosen by restore, below",
        ),
        (
            "ledger workers",
            f"{deriving:.1f} cores busy, without their I/O",
            f"{figures['sink']['derive_us']} µs a fact",
        ),
        (
            "brokers",
            f"{brokers:.1f} cores busy over all brokers",
            f"{ours['broker_us']} µs of a broker on the same cores; followers assumed",
        ),
    ]


def _disk(figures: Mapping[str, Any], ours: Mapping[str, Any]) -> list[Row]:
    disk = ours["disk"]
    every = sum(disk.values())
    kept = sum(
        size for topic, size in disk.items() if topic.endswith((".commands.v1", ".events.v1"))
    )
    journals = figures["bytes"]["journals_per_command"] * figures["bytes"]["journal"]
    rate = PEAK * every / 1e6
    year = COMMANDS_YEAR * (kept + journals)
    return [
        (
            "written by a command, all topics of redemption",
            f"{every:,} bytes on disk",
            ", ".join(
                f"{topic.removeprefix('scrip.redemption.')} {n}" for topic, n in disk.items()
            ),
        ),
        (
            "into the brokers at the peak",
            f"{rate:.0f} MB/s once, {rate * REPLICAS:.0f} MB/s with {REPLICAS} replicas",
            "journals and items come on top: about half as much again",
        ),
        (
            "kept for ever: commands, facts, journals",
            f"{year / TB:.1f} TB a year once; tiered: that in object storage, {REPLICAS} × a few "
            "days on brokers",
            f"{COMMANDS_YEAR / 1e9:.1f} billion commands a year assumed; journals uncompressed",
        ),
    ]


def _state(figures: Mapping[str, Any]) -> list[Row]:
    sizes = figures["bytes"]
    accounts = ACCOUNTS * sizes["balance"]
    answers = COMMANDS_YEAR * BUSIEST_37_DAYS * sizes["answer"]
    captures = COMMANDS_YEAR * YEARS * sizes["captures_per_command"] * sizes["capture"]
    every = accounts + answers + captures
    each = every / PARTITIONS
    rate = figures["restore"]["rocksdb"]["mb_per_second"] * 1e6
    sustained = PEAK * 37 * 86_400 * sizes["answer"]
    return [
        ("account rows", f"{accounts / GB:,.0f} GB", f"{sizes['balance']} bytes each"),
        (
            "answers of 37 days, the busiest",
            f"{answers / GB:,.0f} GB",
            f"{sizes['answer']} bytes a command",
        ),
        (
            f"captures of {YEARS} years",
            f"{captures / GB:,.0f} GB",
            f"{sizes['capture']} bytes, {sizes['captures_per_command']} a command",
        ),
        (
            "a partition's rows, on the disk of its worker",
            f"{each / GB:.1f} GB",
            f"all of it over {PARTITIONS} partitions",
        ),
        (
            "cold restore of a partition",
            f"{each / rate / 60:.1f} minutes",
            f"{rate / 1e6:.0f} MB/s into RocksDB, one partition at a time on a core",
        ),
        (
            "were the peak to last for 37 days",
            f"{sustained / TB:,.0f} TB of answers",
            "so it must not: see what breaks first",
        ),
    ]


def _postgres(figures: Mapping[str, Any]) -> list[Row]:
    sizes, sink = figures["bytes"], figures["sink"]
    journals, facts = PEAK * sizes["journals_per_command"], PEAK * sizes["facts_per_command"]
    sinks = (journals * sink["journals_with_indexes"]["us"] + facts * sink["facts"]["us"]) / 1e6
    there = journals * sink["journals_with_indexes"]["postgres_us"]
    there = (there + facts * sink["facts"]["postgres_us"]) / 1e6
    year = COMMANDS_YEAR * (
        sizes["journals_per_command"] * sink["journals_with_indexes"]["bytes"]
        + sizes["facts_per_command"] * sink["facts"]["bytes"]
    )
    return [
        ("rows at the peak", f"{journals:,.0f} journals/s, {facts:,.0f} facts/s", "per command"),
        ("sinks", f"{sinks:.1f} cores busy, by partition", "µs a journal and a fact, above"),
        ("PostgreSQL", f"{there:.1f} cores busy, without its disk", "µs of its own processes"),
        (
            "size",
            f"{year / TB:.1f} TB a year",
            f"{sink['journals_with_indexes']['bytes']} bytes a journal with its lines and indexes, "
            f"{sink['facts']['bytes']} a fact",
        ),
    ]


def main() -> None:
    """Print every table as Markdown."""
    figures = json.loads(Path(sys.argv[1]).read_text())
    for heading, rows in tables(figures).items():
        print(f"### {heading}\n\n| what | needs | from |\n|---|---|---|")
        print("\n".join(f"| {' | '.join(row)} |" for row in rows), end="\n\n")


if __name__ == "__main__":
    main()
