"""Purity is the default and impurity a file name: what a deciding module may not touch."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import (
    PURE_IN_RUNTIME,
    Check,
    Source,
    broken,
    imports,
    is_pure,
    product,
    source,
    sources,
)

WORLD = frozenset(
    "aiokafka alembic argon2 asyncio asyncssh concurrent confluent_kafka ctypes faust fcntl "
    "getpass glob http httpx importlib io locale logging multiprocessing os pathlib platform "
    "prometheus_client psycopg psycopg_pool pydantic_settings queue random requests rich "
    "rocksdict secrets select selectors shutil signal socket sqlalchemy ssl structlog "
    "subprocess sys tempfile threading time typer urllib".split()
)
NAMES_OF_CHANCE = frozenset({"uuid1", "uuid4", "getnode"})
CALLS_OF_THE_WORLD = frozenset(
    {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}
)
CALLS_THAT_DIFFER_BY_PROCESS = frozenset({"hash", "id"})
CALLS_OF_THE_CLOCK = frozenset({"now", "utcnow", "today"})


def world_imported(file: Source) -> Iterator[str]:
    for line, module, name in imports(file.tree):
        if module.split(".")[0] in WORLD:
            yield f"{line} imports {module}"
        if module == "uuid" and name in NAMES_OF_CHANCE:
            yield f"{line} imports uuid.{name}"


def world_called(file: Source) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Global):
            yield f"{node.lineno} keeps state in the module"
        if isinstance(node, ast.Attribute) and node.attr in NAMES_OF_CHANCE:
            yield f"{node.lineno} uses {node.attr}"
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Name(id=name) if name in CALLS_OF_THE_WORLD | CALLS_THAT_DIFFER_BY_PROCESS:
                yield f"{node.lineno} calls {name}()"
            case ast.Attribute(attr=name) if name in CALLS_OF_THE_CLOCK:
                yield f"{node.lineno} calls .{name}()"


def impurity_reached(file: Source) -> Iterator[str]:
    """Impurity behind an import: `balance` may not have the clock through a module it imports."""
    by_module = {s.module: s for s in sources()}
    by_module[file.module] = file
    seen: set[str] = set()
    to_read = [file.module]
    while to_read:
        module = to_read.pop()
        if module in seen:
            continue
        seen.add(module)
        to_read.extend(_internal(by_module[module], by_module))
    for module in sorted(seen - {file.module}):
        reached = by_module[module]
        for found in (*world_imported(reached), *world_called(reached)):
            yield f"1 reaches {reached.path}:{found}"


def _internal(file: Source, by_module: dict[str, Source]) -> Iterator[str]:
    for _, module, name in imports(file.tree):
        inner = f"{module}.{name}"
        if inner in by_module:
            yield inner
        elif module in by_module:
            yield module


def inexact_number(file: Source) -> Iterator[str]:
    """Money is integer minor units: no float and no Decimal, in any clothes.

    `isinstance(value, float)` passes, for that is how a float on the wire is refused.
    """
    refused = _inside_isinstance(file.tree)
    for node in ast.walk(file.tree):
        match node:
            case ast.Constant(value=float() | complex()):
                yield f"{node.lineno} has the literal {node.value!r}"
            case ast.Name(id="float" | "Decimal" | "complex" as name) if id(node) not in refused:
                yield f"{node.lineno} says {name}"
    for line, module, _ in imports(file.tree):
        if module in {"decimal", "fractions", "math"}:
            yield f"{line} imports {module}"


def true_division(file: Source) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div):
            yield f"{node.lineno} divides into a float; // keeps cents whole"


def _inside_isinstance(tree: ast.AST) -> set[int]:
    calls = (n for n in ast.walk(tree) if isinstance(n, ast.Call))
    asking = (c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "isinstance")
    return {id(inner) for call in asking for inner in ast.walk(call)}


def pure() -> list[Source]:
    """Every module that decides."""
    return [s for s in product() if is_pure(s.path)]


def test_a_pure_module_imports_nothing_of_the_world() -> None:
    assert broken(world_imported, pure()) == []


def test_a_pure_module_calls_no_clock_no_chance_and_nothing_outside() -> None:
    assert broken(world_called, pure()) == []


def test_a_pure_module_reaches_no_impurity_through_what_it_imports() -> None:
    assert broken(impurity_reached, pure()) == []


def test_money_is_never_a_float_or_a_decimal() -> None:
    assert broken(inexact_number, pure()) == []


def test_a_pure_module_divides_in_whole_numbers() -> None:
    assert broken(true_division, pure()) == []


def test_what_the_runtime_replays_is_among_the_pure() -> None:
    assert set(PURE_IN_RUNTIME) <= {s.path.as_posix() for s in pure()}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("services/redemption/balance.py", True),
        ("services/ledger/journal.py", True),
        ("schemas/money.py", True),
        ("services/runtime/deciding.py", True),
        ("services/redemption/worker.py", False),
        ("services/issuance/press.py", False),
        ("services/ledger/migrations/versions/0001_books.py", False),
        ("services/runtime/loop.py", False),
        ("services/cli.py", False),
        ("deploy/embedded/kafka.py", False),
    ],
)
def test_impurity_is_a_file_name(path: str, expected: bool) -> None:
    assert is_pure(source(path, "").path) is expected


CORE = "services/redemption/balance.py"
BAD: list[tuple[Check, str]] = [
    (world_imported, "import time"),
    (world_imported, "import os.path"),
    (world_imported, "from confluent_kafka import Producer"),
    (world_imported, "def f():\n    import sqlalchemy.orm as orm"),
    (world_imported, "from uuid import uuid4"),
    (world_called, "import uuid\nx = uuid.uuid4()"),
    (world_called, "from datetime import datetime\nx = datetime.now()"),
    (world_called, "import datetime as d\nx = d.datetime.utcnow()"),
    (world_called, "x = date.today()"),
    (world_called, "def f(): return open('x')"),
    (world_called, "print('x')"),
    (world_called, "x = hash('order of a set')"),
    (world_called, "def f():\n    global x"),
    (inexact_number, "x = 1.5"),
    (inexact_number, "x = 1e2"),
    (inexact_number, "x = float('1')"),
    (inexact_number, "def f(rate: float) -> int: ..."),
    (inexact_number, "from decimal import Decimal"),
    (true_division, "x = a / b"),
    (true_division, "x /= 2"),
    (impurity_reached, "from tests.architecture.source import imports"),
]


@pytest.mark.parametrize(("check", "text"), BAD)
def test_each_rule_of_purity_finds_what_is_planted(check: Check, text: str) -> None:
    assert broken(check, [source(CORE, text)])


GOOD: list[tuple[Check, str]] = [
    (world_imported, "from uuid import UUID, uuid5\nfrom datetime import datetime"),
    (world_called, "x = terms.now\ny = uuid5(a, b)\nz = reopen()"),
    (inexact_number, "x = 10_000\nif isinstance(x, float): ..."),
    (true_division, "x = a // b\ny = a % b"),
    (impurity_reached, "import schemas"),
]


@pytest.mark.parametrize(("check", "text"), GOOD)
def test_each_rule_of_purity_lets_pass_what_is_fine(check: Check, text: str) -> None:
    assert broken(check, [source(CORE, text)]) == []
