"""A finding of the doctor, and how findings read on a terminal."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    name: what. well: whether it is as it should be. seen: what was found, in a few words. mend:
    the exact command that mends it, empty when well. needed: false for what something else stands
    in for, such as Docker where the embedded servers work.
    """

    name: str
    well: bool
    seen: str
    mend: str = ""
    needed: bool = True


def render(findings: Iterable[Finding]) -> str:
    """One line a finding, the command that mends it under it, and a verdict."""
    found = tuple(findings)
    width = max((len(finding.name) for finding in found), default=0)
    lines: list[str] = []
    for finding in found:
        lines.append(f"{_mark(finding):<8} {finding.name:<{width}}  {finding.seen}")
        if not finding.well and finding.mend:
            lines.append(f"{'':<8} {'':<{width}}  → {finding.mend}")
    missing = sum(1 for finding in found if not finding.well and finding.needed)
    lines.append("")
    lines.append("everything needed is here" if missing == 0 else f"{missing} to mend")
    return "\n".join(lines)


def all_well(findings: Iterable[Finding]) -> bool:
    """Whether nothing that is needed is missing."""
    return all(finding.well or not finding.needed for finding in findings)


def _mark(finding: Finding) -> str:
    if finding.well:
        return "ok"
    return "missing" if finding.needed else "absent"
