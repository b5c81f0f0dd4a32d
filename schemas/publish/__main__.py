"""`python -m schemas.publish` writes the published files; `--check` says which are stale."""

import argparse
import sys
from functools import cache
from pathlib import Path

import orjson

from schemas.publish.asyncapi import asyncapi
from schemas.publish.documents import messages, policy_document

PUBLISHED = Path(__file__).resolve().parents[1] / "published"


@cache
def published() -> dict[str, bytes]:
    """Every file by its path below `schemas/published/`, as it should be."""
    known = messages()
    files = {
        f"{topic.name}/{type}.json": schema
        for topic, schemas in known.items()
        for type, schema in schemas.items()
    }
    files["policy.json"] = policy_document()
    files["asyncapi.json"] = asyncapi(known)
    return {path: _bytes(document) for path, document in files.items()}


def stale(folder: Path = PUBLISHED) -> list[str]:
    """Paths whose content differs, is missing, or should not be there."""
    wanted = published()
    there = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.json")
    }
    return sorted(
        path for path in wanted.keys() | there.keys() if wanted.get(path) != there.get(path)
    )


def write(folder: Path = PUBLISHED) -> list[str]:
    """Make the folder what it should be; the paths that changed."""
    wanted = published()
    changed = stale(folder)
    for path in changed:
        file = folder / path
        if path in wanted:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(wanted[path])
        else:
            file.unlink()
    return changed


def main() -> int:
    """0: written, or nothing stale; 1: `--check` found stale files."""
    parser = argparse.ArgumentParser(prog="python -m schemas.publish", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name stale files")
    arguments = parser.parse_args()
    changed = stale() if arguments.check else write()
    said = "stale" if arguments.check else "written"
    for path in changed:
        sys.stdout.write(f"{said}: schemas/published/{path}\n")
    return 1 if arguments.check and changed else 0


def _bytes(document: object) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    sys.exit(main())
