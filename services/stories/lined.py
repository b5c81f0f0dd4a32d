"""Reads YAML as plain values and remembers the line of each, so that an error can point at it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

NODES_MAX: Final = 500_000
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a file: where (file, line from 1, path), what stands there, what may."""

    file: str
    line: int
    path: str
    value: str
    allowed: str

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.file}:{self.line}: {where}{self.value} — allowed: {self.allowed}"


class StoryUnreadableError(ValueError):
    """The story cannot be read; mend the named lines and tell it again."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(str(fault) for fault in faults))


@dataclass(slots=True)
class Lined:
    """A document: its values, and the line (from 1) on which each path of it begins."""

    file: str
    value: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest thing above it that is there."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return self.lines.get((), 1)

    def fault(self, path: Path, value: str, allowed: str) -> Fault:
        """Something wrong at a path."""
        return Fault(self.file, self.line(path), dotted(path), value, allowed)


def dotted(path: Path) -> str:
    """`story.3.amount`: lists count from 0, as everywhere in Scrip's findings."""
    return ".".join(str(part) for part in path)


def steps_of(dotted_path: str) -> Path:
    """The path behind `story.3.amount`."""
    return tuple(int(part) if part.isdigit() else part for part in dotted_path.split("."))


class _Loader(yaml.SafeLoader):
    """YAML's core values only: a timestamp, a sexagesimal and `no` are text, as they look."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9][0-9_]*", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)"
              r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+0123456789."),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):  # fmt: skip
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first)
    )


def _decimal(_loader: _Loader, node: yaml.ScalarNode) -> int:
    # YAML 1.1 reads 0123 as octal; whoever writes an amount means what it looks like.
    return int(node.value.replace("_", ""))


_Loader.add_constructor("tag:yaml.org,2002:int", _decimal)


def read_lined(file: str, text: str) -> Lined:
    """The document in `text`; StoryUnreadableError names the line where it is no YAML."""
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        document = Lined(file, None)
        if node is not None:
            document.value = _Values(loader, document).of(node, ())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "a character that YAML does not allow"
        line = mark.line + 1 if mark is not None else 1
        raise StoryUnreadableError([Fault(file, line, "", problem, "one YAML document")]) from error
    except RecursionError as error:
        fault = Fault(file, 1, "", "nested too deep", "a document nested less deep")
        raise StoryUnreadableError([fault]) from error
    finally:
        if loader is not None:
            loader.dispose()
    return document


class _Values:
    """Makes values of nodes, and notes lines on the way."""

    def __init__(self, loader: _Loader, document: Lined) -> None:
        self._loader = loader
        self._document = document
        self._left = NODES_MAX

    def of(self, node: yaml.Node, path: Path) -> Any:
        """The value of a node."""
        self._left -= 1
        line = node.start_mark.line + 1
        if self._left < 0:
            self._stop(line, path, "too much", f"at most {NODES_MAX} values")
        self._document.lines.setdefault(path, line)
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path)
            case yaml.SequenceNode():
                return [self.of(child, (*path, i)) for i, child in enumerate(node.value)]
            case _:
                return self._scalar(node, path)

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        try:
            return self._loader.construct_object(node)
        except ValueError as error:
            line = node.start_mark.line + 1
            self._stop(line, path, "not readable as a value", f"one value ({error})")
            raise AssertionError from error

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        written: set[str] = set()
        for key, _ in node.value:
            if key.tag.endswith(":merge"):
                continue
            if not isinstance(key, yaml.ScalarNode) or not key.tag.endswith(":str"):
                shown = repr(key.value) if isinstance(key, yaml.ScalarNode) else "a structure"
                self._stop(key.start_mark.line + 1, path, f"the key {shown}", "text (quote it)")
            if key.value in written:
                said = f"{key.value!r} a second time"
                self._stop(key.start_mark.line + 1, path, said, "each key once")
            written.add(key.value)
        self._loader.flatten_mapping(node)
        made: dict[str, Any] = {}
        for key, value in self._pairs(node):
            self._document.lines[(*path, key.value)] = key.start_mark.line + 1
            made[key.value] = self.of(value, (*path, key.value))
        return made

    def _pairs(self, node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        # Merged pairs come first; what is written here replaces them.
        yield from node.value

    def _stop(self, line: int, path: Path, value: str, allowed: str) -> None:
        fault = Fault(self._document.file, line, dotted(path), value, allowed)
        raise StoryUnreadableError([fault])
