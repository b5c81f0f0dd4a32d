"""`scrip demo`: plays the day and prints it."""

import sys

import orjson
from rich.console import Console

from services.demo.playing import play
from services.demo.report import as_json, tell


def run_demo(*, as_json_object: bool) -> int:
    """0: everything holds; 1: something does not."""
    shown = play(Console(stderr=True))
    if as_json_object:
        sys.stdout.write(orjson.dumps(as_json(shown), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        tell(shown, Console())
    return 0 if shown.holds else 1
