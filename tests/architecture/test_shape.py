"""Sizes, names and homes: what makes every module readable in one sitting."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.source import (
    PRODUCT,
    ROOT,
    WRITTEN_BY_PROGRAMS,
    Check,
    Source,
    broken,
    committed_paths,
    imports,
    product,
    source,
    sources,
)

MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 40
COLUMNS_MAX = 100

WORDS_BANNED = frozenset(
    "util utils helper helpers common manager managers handler handlers processor processors "
    "impl misc".split()
)
NAMES_BANNED = frozenset({"base", "data", "info"})
WORDS_OF_THE_TRADE = frozenset({"base"})  # an item's base: fine for what has one, not for a module
DECLARATIONS = {"Consumes:", "Produces:", "Owns:"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def module_too_long(file: Source) -> Iterator[str]:
    lines = len(file.text.splitlines())
    if lines > MODULE_LINES_MAX:
        yield f"{lines} module has {lines} lines, {MODULE_LINES_MAX} are allowed"


def function_too_long(file: Source) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, FUNCTIONS):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{node.lineno} {node.name} has {lines} lines"


def line_too_long(file: Source) -> Iterator[str]:
    yield from lines_too_long(file.text)


def lines_too_long(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > COLUMNS_MAX and not line.startswith("|"):  # tables of documents cannot wrap
            yield f"{number} has {len(line)} columns"


def code_in_init(file: Source) -> Iterator[str]:
    if file.path.name != "__init__.py":
        return
    if ast.get_docstring(file.tree) is None:
        yield "1 says nothing about what the package is"
    for node in file.tree.body[1:]:
        yield f"{node.lineno} holds code"


def undeclared_service(file: Source) -> Iterator[str]:
    parts = file.path.parts
    if parts[0] != "services" or len(parts) != 3 or parts[-1] != "__init__.py":
        return
    said = ast.get_docstring(file.tree) or ""
    yield from (f"1 does not say {word!r}" for word in sorted(DECLARATIONS) if word not in said)


def banned_name(file: Source) -> Iterator[str]:
    stem = file.path.stem
    if _is_banned(stem):
        yield f"1 module name {stem!r}"
    for folder in file.path.parts[:-1]:
        if _is_banned(folder):
            yield f"1 folder name {folder!r}"
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ClassDef) and _is_banned(node.name):
            yield f"{node.lineno} class name {node.name!r}"
        if isinstance(node, ast.ClassDef) and re.match(
            r"_?(Default|Base|Abstract)[A-Z]", node.name
        ):
            yield f"{node.lineno} class name {node.name!r}"
        if not isinstance(node, FUNCTIONS) or node.name in WORDS_OF_THE_TRADE:
            continue
        if _is_banned(node.name):
            yield f"{node.lineno} function name {node.name!r}"


def _is_banned(name: str) -> bool:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_").split("_")
    return not WORDS_BANNED.isdisjoint(words) or "_".join(words) in NAMES_BANNED


def re_export(file: Source) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Assign):
            targets = (t for t in node.targets if isinstance(t, ast.Name))
            yield from (f"{node.lineno} lists __all__" for t in targets if t.id == "__all__")
    by_module = {s.module: s for s in sources()}
    for line, module, name in imports(file.tree):
        home = by_module.get(module)
        if home is None or name is None or f"{module}.{name}" in by_module:
            continue
        if name in set(_imported(home.tree)):
            yield f"{line} takes {name!r} from {module}, which only imports it"


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in node.names)


def test_no_module_is_longer_than_three_hundred_lines() -> None:
    assert broken(module_too_long, sources()) == []


def test_no_function_is_longer_than_forty_lines() -> None:
    assert broken(function_too_long, sources()) == []


def test_no_line_is_wider_than_a_hundred_columns() -> None:
    assert broken(line_too_long, sources()) == []


def test_no_document_line_outside_a_table_is_wider_than_a_hundred_columns() -> None:
    found = [
        f"{path}:{line}"
        for path in committed_paths()
        if path.endswith((".md", "Makefile", ".sh", ".ci/run"))
        if not path.startswith(WRITTEN_BY_PROGRAMS)
        for line in lines_too_long((ROOT / path).read_text(encoding="utf-8"))
    ]
    assert found == []


def test_an_init_holds_a_docstring_and_no_code() -> None:
    assert broken(code_in_init, product()) == []


def test_every_service_says_what_it_consumes_produces_and_owns() -> None:
    assert broken(undeclared_service, product()) == []


def test_no_module_class_or_function_has_a_name_that_says_nothing() -> None:
    assert broken(banned_name, sources()) == []


def test_every_name_is_imported_from_its_only_home() -> None:
    assert broken(re_export, sources()) == []


def test_every_product_folder_is_looked_at() -> None:
    assert {s.path.parts[0] for s in product()} == set(PRODUCT)


BAD: list[tuple[Check, str, str]] = [
    (module_too_long, "services/a/b.py", "x = 1\n" * 301),
    (function_too_long, "services/a/b.py", "def f():\n" + "    x = 1\n" * 40),
    (function_too_long, "services/a/b.py", "class A:\n  async def f():\n" + "    x = 1\n" * 40),
    (line_too_long, "services/a/b.py", "x = '" + "y" * 96 + "'"),
    (code_in_init, "services/a/__init__.py", '"""A."""\nx = 1\n'),
    (code_in_init, "services/a/__init__.py", ""),
    (undeclared_service, "services/a/__init__.py", '"""Consumes: x. Produces: y."""'),
    (banned_name, "services/a/utils.py", ""),
    (banned_name, "services/a/kafka_helpers.py", ""),
    (banned_name, "services/common/a.py", ""),
    (banned_name, "services/a/base.py", ""),
    (banned_name, "services/a/b.py", "class Base: ..."),
    (banned_name, "services/a/b.py", "class HoldManager: ..."),
    (banned_name, "services/a/b.py", "class DefaultStore: ..."),
    (banned_name, "services/a/b.py", "class StoreImpl: ..."),
    (banned_name, "services/a/b.py", "def signal_handler(): ..."),
    (banned_name, "services/a/b.py", "async def data(): ..."),
    (re_export, "services/a/b.py", "__all__ = ['x']"),
    (re_export, "services/a/b.py", "from tests.architecture.source import subprocess"),
]


@pytest.mark.parametrize(("check", "path", "text"), BAD)
def test_each_rule_of_shape_finds_what_is_planted(check: Check, path: str, text: str) -> None:
    assert broken(check, [source(path, text)])


GOOD: list[tuple[Check, str, str]] = [
    (module_too_long, "services/a/b.py", "x = 1\n" * 300),
    (function_too_long, "services/a/b.py", "def f():\n" + "    x = 1\n" * 39),
    (line_too_long, "services/a/b.py", "x = '" + "y" * 94 + "'"),
    (code_in_init, "services/a/__init__.py", '"""A."""\n'),
    (banned_name, "services/a/balance.py", "class Database: ...\ndef base_amount(): ..."),
    (banned_name, "services/a/items.py", "class Item:\n    def base(self): ..."),
    (re_export, "services/a/b.py", "from tests.architecture.source import source"),
]


@pytest.mark.parametrize(("check", "path", "text"), GOOD)
def test_each_rule_of_shape_lets_pass_what_is_fine(check: Check, path: str, text: str) -> None:
    assert broken(check, [source(path, text)]) == []
