"""Who may import whom, where a topic has its name, and who may catch everything."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.source import (
    ON_TOP,
    Check,
    Source,
    broken,
    docstrings,
    imports,
    product,
    source,
    sources,
)

TOPIC = re.compile(r"scrip\.[a-z]+(\.[a-z]+)?\.v[0-9]+")
HOME_OF_TOPICS = "schemas/topics.py"
# They are the log, or come back for what a slice did not give.
READERS_THAT_ASK_AGAIN = frozenset(
    {
        "services/local/example.py",
        "services/runtime/crashing_log.py",
        "services/runtime/kafka_log.py",
        "services/runtime/kafka_reader.py",
        "services/runtime/memory_log.py",
        "services/runtime/partitions.py",
        "services/runtime/policies.py",
        "services/runtime/post.py",
        "services/runtime/slices.py",
    }
)


def relative_import(file: Source) -> Iterator[str]:
    for line, module, _ in imports(file.tree):
        if module.startswith("."):
            yield f"{line} imports {module} relatively"


def service_imports_service(file: Source) -> Iterator[str]:
    parts = file.path.parts
    if parts[0] != "services" or len(parts) < 3 or parts[1] in ON_TOP | {"cli"}:
        return
    allowed = {"runtime"} if parts[1] != "runtime" else set()
    for line, module, name in imports(file.tree):
        other = f"{module}.{name or ''}".split(".")
        if other[0] == "services" and other[1] not in {*allowed, parts[1]}:
            yield f"{line} imports services.{other[1]}"


def schema_imports_upwards(file: Source) -> Iterator[str]:
    if file.path.parts[0] != "schemas":
        return
    for line, module, _ in imports(file.tree):
        if module.split(".")[0] in {"services", "deploy", "tests"}:
            yield f"{line} imports {module}"


def product_imports_tests(file: Source) -> Iterator[str]:
    for line, module, _ in imports(file.tree):
        if module.split(".")[0] in {"tests", "pytest", "hypothesis"}:
            yield f"{line} imports {module}"


def topic_named(file: Source) -> Iterator[str]:
    if file.path.as_posix() == HOME_OF_TOPICS:
        return
    said = docstrings(file.tree)
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            if TOPIC.fullmatch(node.value):
                yield f"{node.lineno} names the topic {node.value!r}"
        elif isinstance(node, ast.JoinedStr) and _starts_a_topic(node):
            yield f"{node.lineno} puts a topic's name together"


def _starts_a_topic(node: ast.JoinedStr) -> bool:
    first = node.values[0] if node.values else None
    return isinstance(first, ast.Constant) and str(first.value).startswith("scrip.")


def everything_caught(file: Source) -> Iterator[str]:
    if file.path.parts[:2] == ("services", "runtime"):
        return
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.ExceptHandler) or not _catches_everything(node.type):
            continue
        if not _tidies_up_and_raises(node):
            yield f"{node.lineno} catches everything"


def _tidies_up_and_raises(node: ast.ExceptHandler) -> bool:
    last = node.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _catches_everything(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = (n.id for n in ast.walk(caught) if isinstance(n, ast.Name))
    return not {"Exception", "BaseException"}.isdisjoint(names)


def swallowed(file: Source) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.ExceptHandler) or not _catches_everything(node.type):
            continue
        if all(isinstance(step, (ast.Pass, ast.Continue)) for step in node.body):
            yield f"{node.lineno} swallows what it catches"


def slept(file: Source) -> Iterator[str]:
    if file.path.parts[0] != "services":
        return
    for node in ast.walk(file.tree):
        match node:
            case ast.Attribute(value=ast.Name(id="time"), attr="sleep"):
                yield f"{node.lineno} sleeps; wait on a condition with a deadline"
    for line, module, name in imports(file.tree):
        if (module, name) == ("time", "sleep"):
            yield f"{line} imports sleep"


def slice_taken_for_all(file: Source) -> Iterator[str]:
    if file.path.as_posix() in READERS_THAT_ASK_AGAIN:
        return
    for node in ast.walk(file.tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="read"), args=[first, *more]):
                if len(more) > 1 or isinstance(first, ast.Starred):
                    yield f"{node.lineno} reads a slice; services.runtime.slices waits for all"


def mocked(file: Source) -> Iterator[str]:
    for line, module, name in imports(file.tree):
        if module in {"unittest.mock", "mock"} or (module, name) == ("unittest", "mock"):
            yield f"{line} imports {module}: stand-ins are for the outside, as ports"


def rule_left_unsaid(file: Source) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            words = node.name.split("_")
            if words[0] == "test" and len(words) < 4:
                yield f"{node.lineno} {node.name!r} does not say the rule"


def test_every_import_is_absolute() -> None:
    assert broken(relative_import, sources()) == []


def test_a_service_never_imports_another() -> None:
    assert broken(service_imports_service, product()) == []


def test_schemas_import_nothing_above_them() -> None:
    assert broken(schema_imports_upwards, product()) == []


def test_the_product_needs_no_test() -> None:
    assert broken(product_imports_tests, product()) == []


def test_a_topic_has_its_name_in_one_place() -> None:
    assert broken(topic_named, product()) == []


def test_only_the_runtime_catches_everything() -> None:
    assert broken(everything_caught, product()) == []


def test_nobody_swallows_what_it_catches() -> None:
    assert broken(swallowed, sources()) == []


def test_no_service_sleeps_where_it_could_wait_on_a_condition() -> None:
    assert broken(slept, product()) == []


def test_nobody_takes_a_slice_of_a_topic_for_all_of_it() -> None:
    assert broken(slice_taken_for_all, product()) == []


def test_our_own_code_is_never_mocked() -> None:
    assert broken(mocked, sources()) == []


def test_the_name_of_a_test_is_a_sentence() -> None:
    assert broken(rule_left_unsaid, sources()) == []


BAD: list[tuple[Check, str, str]] = [
    (relative_import, "services/a/b.py", "from . import c"),
    (relative_import, "services/a/b.py", "from ..runtime.step import run"),
    (service_imports_service, "services/ledger/a.py", "from services.redemption import lots"),
    (service_imports_service, "services/ledger/a.py", "from services import settlement"),
    (service_imports_service, "services/ledger/a.py", "import services.issuance.card"),
    (service_imports_service, "services/runtime/a.py", "import services.ledger.journal"),
    (schema_imports_upwards, "schemas/a.py", "from services.runtime.step import run"),
    (product_imports_tests, "services/a/b.py", "from tests.scenario import given"),
    (topic_named, "services/a/b.py", "topic = 'scrip.redemption.events.v1'"),
    (topic_named, "services/a/b.py", "topic = 'scrip.policy.v1'"),
    (topic_named, "services/a/b.py", "topic = f'scrip.{owner}.events.v1'"),
    (everything_caught, "services/ledger/a.py", "try: ...\nexcept Exception: ..."),
    (everything_caught, "services/ledger/a.py", "try: ...\nexcept (OSError, Exception): ..."),
    (everything_caught, "services/ledger/a.py", "try: ...\nexcept: ..."),
    (swallowed, "services/runtime/a.py", "try: ...\nexcept Exception: pass"),
    (slept, "services/runtime/a.py", "import time\ntime.sleep(1)"),
    (slept, "services/runtime/a.py", "from time import sleep"),
    (slice_taken_for_all, "services/demo/a.py", "reader.read(topic, 0, 0, 100)"),
    (slice_taken_for_all, "services/demo/a.py", "self._reader.read(*place, 0)"),
    (slice_taken_for_all, "services/demo/a.py", "reader.read(*place, position, READ_MAX)"),
    (mocked, "tests/unit/test_a.py", "from unittest import mock"),
    (mocked, "tests/unit/test_a.py", "from unittest.mock import patch"),
    (rule_left_unsaid, "tests/unit/test_a.py", "def test_hold(): ..."),
]


@pytest.mark.parametrize(("check", "path", "text"), BAD)
def test_each_rule_of_direction_finds_what_is_planted(check: Check, path: str, text: str) -> None:
    assert broken(check, [source(path, text)])


GOOD: list[tuple[Check, str, str]] = [
    (service_imports_service, "services/ledger/a.py", "from services.runtime import step"),
    (service_imports_service, "services/ledger/a.py", "from services.ledger.journal import legs"),
    (service_imports_service, "services/stories/a.py", "from services.ledger.journal import legs"),
    (topic_named, HOME_OF_TOPICS, "topic = 'scrip.redemption.events.v1'"),
    (topic_named, "services/a/b.py", '"""scrip.redemption.events.v1"""'),
    (topic_named, "services/a/b.py", "kind = 'hold_placed.v1'"),
    (everything_caught, "services/runtime/loop.py", "try: ...\nexcept Exception: raise"),
    (everything_caught, "services/ledger/a.py", "try: ...\nexcept OSError: ..."),
    (everything_caught, "deploy/a.py", "try: ...\nexcept BaseException:\n    f()\n    raise"),
    (slept, "services/runtime/a.py", "condition.wait(timeout=1)"),
    (rule_left_unsaid, "tests/unit/test_a.py", "def test_a_late_hold_is_refused(): ..."),
]


@pytest.mark.parametrize(("check", "path", "text"), GOOD)
def test_each_rule_of_direction_lets_pass_what_is_fine(check: Check, path: str, text: str) -> None:
    assert broken(check, [source(path, text)]) == []
