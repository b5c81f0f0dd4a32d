"""`scrip` forked from a process that has loaded everything, so that a command costs no second.

It is the whole command, from its words to its exit status, in a process of its own. That it loads
what it needs is shown where it starts afresh: tests/e2e/test_cli.py, `Running`, `killed_at`.
"""

import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

ROOT = Path(__file__).parents[2]
END_SECONDS_MAX = 30.0
_LOADED_LATER = re.compile(r'"(services(?:\.[a-z_]+)+)"')


def scrip_forked(
    arguments: Sequence[str], environment: Mapping[str, str], seconds_max: float
) -> subprocess.CompletedProcess[str]:
    """One command to its end. Raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / name for name in ("output", "errors")]
        process = _server().Process(
            target=_be_scrip, args=(list(arguments), dict(environment), *map(str, places))
        )
        process.start()
        process.join(seconds_max)
        if process.exitcode is None:
            process.kill()
            process.join(END_SECONDS_MAX)
            raise subprocess.TimeoutExpired(["scrip", *arguments], seconds_max)
        output, errors = (place.read_text() for place in places)
        return subprocess.CompletedProcess(["scrip", *arguments], process.exitcode, output, errors)


@cache
def _server() -> ForkServerContext:
    """It ends with this process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["services.cli", *_modules()])
    return context


def _modules() -> list[str]:
    """What the command's parts load when they are needed: modules, or what stands in them."""
    texts = [path.read_text() for path in (ROOT / "services").glob("**/cli.py")]
    names = sorted({name for text in texts for name in _LOADED_LATER.findall(text)})
    return [n if _is_module(n) else n.rpartition(".")[0] for n in names]


def _is_module(name: str) -> bool:
    return ROOT.joinpath(*name.split(".")).with_suffix(".py").exists()


def _be_scrip(arguments: list[str], environment: dict[str, str], output: str, errors: str) -> None:
    for descriptor, path in ((1, output), (2, errors)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.argv = ["scrip", *arguments]
    from services.cli import main  # noqa: PLC0415 — loaded by the server that forked us

    main()
