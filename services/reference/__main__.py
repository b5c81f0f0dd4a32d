"""`python -m services.reference` writes the pages of docs/reference; `--check` names stale ones."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from services.reference import refusals, rights

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "reference"
STORIES = ROOT / "tests" / "stories"
FOLDERS = ("refusals", "rules")
EXPECTED = ".expect.yaml"


def pages() -> dict[str, str]:
    """Every page by its name."""
    return {"refusals.md": refusals.page(shown()), "rights.md": rights.page()}


def shown() -> dict[str, list[refusals.Shown]]:
    """What stories expect to be refused, by reason."""
    found: dict[str, list[refusals.Shown]] = {}
    told = (path for folder in FOLDERS for path in (STORIES / folder).glob(f"*{EXPECTED}"))
    for expected in sorted(told):
        story = expected.with_name(expected.name.removesuffix(EXPECTED) + ".yaml")
        said = yaml.load(story.read_text(), yaml.CSafeLoader)
        wanted = yaml.load(expected.read_text(), yaml.CSafeLoader) or {}
        for reason, command in _refused(said["story"], wanted.get("replies", ())):
            path = story.relative_to(STORIES).as_posix()
            found.setdefault(reason, []).append(refusals.Shown(path, command))
    return found


def _refused(steps: list[dict[str, Any]], replies: Any) -> Iterator[tuple[str, str]]:
    said = {step["id"]: step["do"] for step in steps if "id" in step and step["do"] != "repeat"}
    for reply in replies if isinstance(replies, list) else ():
        if reply.get("reason") and reply.get("id") in said:
            yield reply["reason"], said[reply["id"]]


def stale() -> list[str]:
    """Pages whose text differs or is missing."""
    wanted = pages()
    return [
        name
        for name, text in wanted.items()
        if not (PAGES / name).is_file() or (PAGES / name).read_text() != text
    ]


def main() -> int:
    """0: written, or nothing stale; 1: `--check` found stale pages."""
    parser = argparse.ArgumentParser(prog="python -m services.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name stale pages")
    arguments = parser.parse_args()
    changed = stale()
    for name in changed:
        if not arguments.check:
            (PAGES / name).write_text(pages()[name])
        sys.stdout.write(f"{'stale' if arguments.check else 'written'}: docs/reference/{name}\n")
    return 1 if arguments.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
