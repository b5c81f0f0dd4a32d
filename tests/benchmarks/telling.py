"""Figures against the targets of the design, as lines of a table for people."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.picture import Bar, chart

BEGIN = "<!-- figures of the last whole run: begin -->"
END = "<!-- figures of the last whole run: end -->"
STREAMS_TUNED = "Kafka Streams exactly_once_v2, tuned, "
# Like against like: a worker is a thread that decides, and its process has one of them.
PAIRS = (
    ("scrip, one worker", f"{STREAMS_TUNED}1 thread"),
    ("scrip, 2 workers", f"{STREAMS_TUNED}2 threads"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: what, what is wanted, what was measured; `met` None where nothing is wanted."""

    what: str
    wanted: str
    measured: str
    met: bool | None = None


def lines_of(figures: Mapping[str, Any]) -> list[Line]:
    """Every figure that there is."""
    parts = {
        "race": _race,
        "stages": _stages,
        "latency": _latency,
        "sink": _sink,
        "through": _through,
        "restore": _restore,
        "takeover": _takeover,
        "judged": _judged,
    }
    return [line for name, tell in parts.items() if name in figures for line in tell(figures[name])]


def _race(race: list[dict[str, Any]]) -> list[Line]:
    lines = []
    ours = race[0]
    for one in race:
        said = (
            f"{one['per_second']:,}/s, {one['app_us']} µs app + {one['broker_us']} µs broker "
            f"({one['commands']:,} commands; others {one['others']} cores, load {one['load']})"
        )
        lines.append(Line(one["name"], "", said))
    named = {one["name"]: one for one in race}
    for ours_named, theirs_named in PAIRS:
        one, other = named.get(ours_named), named.get(theirs_named)
        if one is None or other is None:
            continue
        ratios = {
            "by the clock": one["per_second"] / other["per_second"],
            "by app processor": other["app_us"] / one["app_us"],
        }
        for by, ratio in ratios.items():
            what = f"{ours_named} against {theirs_named}, {by}"
            lines.append(Line(what, "≥ 1.5 (floor 1.0)", f"{ratio:.2f}", ratio >= 1.5))
    lines.append(
        Line("app processor a command", "≤ 40 µs", f"{ours['app_us']} µs", ours["app_us"] <= 40)
    )
    rate = ours["per_second"]
    lines.append(Line("commands a second", "≥ 20,000", f"{rate:,}", rate >= 20_000))
    return lines


def _stages(hot: dict[str, Any]) -> list[Line]:
    us = hot["us_per_command"]
    lines = [Line("loop without I/O", "≤ 33.5 µs", f"{us} µs", us <= 33.5)]
    for stage, spent in hot.get("us_by_stage", {}).items():
        lines.append(Line(f"  {stage}", "", f"{spent} µs"))
    return lines


def _latency(latency: dict[str, Any]) -> list[Line]:
    lines = []
    for rate, seen in latency.items():
        said = f"p50 {seen['p50_ms']} ms, p99 {seen['p99_ms']} ms, largest {seen['max_ms']} ms"
        at_500 = rate == "500"
        met = (seen["p50_ms"] <= 30 and seen["p99_ms"] <= 90) if at_500 else None
        wanted = "p50 ≤ 30, p99 ≤ 90 ms (goal 10 / 40)" if at_500 else ""
        lines.append(Line(f"command to committed reply at {rate}/s", wanted, said, met))
    return lines


def _sink(sink: dict[str, Any]) -> list[Line]:
    wanted = {
        "journals": ("journals into PostgreSQL, all columns and checks", 20_000),
        "journals_with_indexes": ("the same with the indexes for reports", 12_000),
        "journals_by_several_sinks": ("journals, several sinks by partition", 40_000),
        "facts": ("account facts into states and histories", None),
    }
    lines = []
    for name, (what, least) in wanted.items():
        if name not in sink:
            continue
        seen = sink[name]
        us = f", {seen['us']} µs here + {seen['postgres_us']} in PostgreSQL" if "us" in seen else ""
        said = f"{seen['per_second']:,}/s{us} ({seen['rows']:,} rows)"
        met = None if least is None else seen["per_second"] >= least
        lines.append(Line(what, f"≥ {least:,}/s" if least else "", said, met))
    return lines


def _through(seen: dict[str, Any]) -> list[Line]:
    said = f"p50 {seen['p50_ms']} ms, p99 {seen['p99_ms']} ms, largest {seen['max_ms']} ms"
    return [Line("command to journal in PostgreSQL at 200/s", "", said)]


def _restore(restore: dict[str, Any]) -> list[Line]:
    lines = []
    for kind in ("memory", "rocksdb"):
        seen = restore[kind]
        said = f"{seen['mb_per_second']} MB/s, {seen['mb_per_cpu_second']} MB per processor second"
        met = seen["mb_per_second"] >= 100
        lines.append(Line(f"restore into {kind}", "≥ 100 MB/s", said, met))
    return lines


def _takeover(seen: dict[str, list[float]]) -> list[Line]:
    lines = []
    for what, took in seen.items():
        said = f"largest of {len(took)}: {max(took)} s"
        lines.append(Line(f"first commit after kill -9, {what}", "≤ 10 s", said, max(took) <= 10))
    return lines


def _judged(found: list[dict[str, Any]]) -> list[Line]:
    return [
        Line(
            f"against the committed figure: {one['name']}",
            "≤ +15 %",
            f"{one['worse']:+.1%}",
            not one["fails"],
        )
        for one in found
    ]


def table(lines: list[Line]) -> str:
    """For a terminal."""
    widths = [max(len(getattr(line, name)) for line in lines) for name in ("what", "wanted")]
    marks = {None: " ", True: "✓", False: "✗"}
    return "\n".join(
        f"{marks[line.met]} {line.what:<{widths[0]}}  {line.wanted:<{widths[1]}}  {line.measured}"
        for line in lines
    )


def markdown(lines: list[Line]) -> str:
    """For a page."""
    marks = {None: "", True: "met", False: "**missed**"}
    rows = [f"| {li.what} | {li.wanted} | {li.measured} | {marks[li.met]} |" for li in lines]
    return "\n".join(["| what | wanted | measured | |", "|---|---|---|---|", *rows])


def rewritten(page: str, figures: Mapping[str, Any]) -> str:
    """The page with this run's table between its marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, f"the page has no {BEGIN} … {END}"
    loads = ", ".join(f"{part} {load}" for part, load in figures["loads"].items())
    said = (
        f"{figures['where']['date']}, {figures['where']['machine']}, broker and database on them."
    )
    told = f"{said} Load average when each part began: {loads}."
    return "\n".join(
        [before + begin, "", *_wrapped(told), "", markdown(lines_of(figures)), "", end + after]
    )


def _wrapped(said: str) -> list[str]:
    return textwrap.wrap(said, 100)


def picture(figures: Mapping[str, Any]) -> str:
    """The race as SVG."""
    bars = [
        Bar(r["name"], r["per_second"], r["app_us"], r["broker_us"], r["kind"] == "scrip")
        for r in figures["race"]
    ]
    where = figures["where"]
    subtitle = f"{where['date']}, {where['machine']}; one broker, one run"
    return chart("The same commands, facts, replies and rows", subtitle, bars)
