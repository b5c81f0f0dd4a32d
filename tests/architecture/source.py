"""The checkout as the architecture tests see it: which files there are, and of which kind."""

import ast
import functools
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("schemas", "services", "deploy")

# The world is touched under these names only; whatever else decides is pure.
IMPURE_FILES = frozenset(
    "worker.py sweeper.py press.py directory.py sink.py tables.py operations.py runs.py "
    "bank.py views.py cli.py __main__.py".split()
)
# What stands on top starts processes, reads files and looks at everything by trade, and migrations
# are run by Alembic against a database.
ON_TOP = frozenset(
    {"stories", "demo", "doctor", "replay", "deadletters", "cards", "verify", "local", "reference"}
)
IMPURE_PACKAGES = frozenset({"runtime", "gateway", "watch"}) | ON_TOP
MIGRATIONS = "migrations"
# Of the runtime, the two that decide about one message stay pure: they are what is replayed.
PURE_IN_RUNTIME = ("services/runtime/deciding.py", "services/runtime/deriving.py")

WRITTEN_BY_PROGRAMS = ("docs/reference/", "schemas/published/", "requirements.lock")
WALK_SKIPS = frozenset({"__pycache__", "build", "dist", "node_modules"})
DOT_FILES = frozenset({".ci", ".github"})


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: its path from the root of the checkout, its text and its syntax tree."""

    path: PurePosixPath
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        """The dotted name under which others import this file."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


Check = Callable[[Source], Iterator[str]]


def source(path: str, text: str) -> Source:
    """Parse `text` as though it stood at `path`; how negative tests plant what is bad."""
    return Source(PurePosixPath(path), text, ast.parse(text))


@functools.cache
def committed_paths() -> tuple[str, ...]:
    """Every file that is committed or could be, from the root of the checkout.

    Git answers where it can. A copy without it (an export, a folder of another owner) is walked.
    """
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return tuple(sorted(_walk()))
    return tuple(sorted(p for p in listed.stdout.split("\0") if p and (ROOT / p).is_file()))


def _walk() -> Iterator[str]:
    for folder, names, files in os.walk(ROOT):
        names[:] = [n for n in names if _walked(n)]
        for name in files:
            yield (Path(folder) / name).relative_to(ROOT).as_posix()


def _walked(name: str) -> bool:
    if name in WALK_SKIPS or name.endswith(".egg-info"):
        return False
    return not name.startswith(".") or name in DOT_FILES


@functools.cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the checkout, parsed once."""
    paths = (p for p in committed_paths() if p.endswith(".py"))
    return tuple(source(p, (ROOT / p).read_text(encoding="utf-8")) for p in paths)


def product() -> tuple[Source, ...]:
    """What is installed: schemas, services and deploy, without tests and experiments."""
    return tuple(s for s in sources() if s.path.parts[0] in PRODUCT)


def is_pure(path: PurePosixPath) -> bool:
    """Whether a file may touch no clock, no chance and nothing outside: the rule is its name."""
    parts = path.parts
    if path.as_posix() in PURE_IN_RUNTIME:
        return True
    if parts[0] == "schemas":
        return path.name not in IMPURE_FILES
    if parts[0] != "services" or len(parts) < 3:
        return False
    inside = parts[1] in IMPURE_PACKAGES or MIGRATIONS in parts
    return not inside and path.name not in IMPURE_FILES


def broken(check: Check, where: Iterable[Source]) -> list[str]:
    """Every violation of one rule, each as `path:line what is wrong`."""
    return [f"{s.path}:{found}" for s in where for found in check(s)]


def imports(tree: ast.AST) -> Iterator[tuple[int, str, str | None]]:
    """Each import as (line, module, name); the name is None for a plain `import`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, None
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, "." * node.level + (node.module or ""), alias.name


def docstrings(tree: ast.AST) -> set[int]:
    """The ids of constants that are docstrings, which no rule about literals reads."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = (n.body for n in ast.walk(tree) if isinstance(n, owners) and n.body)
    first = (b[0] for b in bodies)
    return {id(e.value) for e in first if isinstance(e, ast.Expr)}
