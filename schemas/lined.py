"""Reads YAML as plain values and remembers the line of each, so that an error can point at it.

Whatever people write for Scrip is read here: what it comes to is text, true, false, null, numbers,
lists and objects, as JSON has them.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import yaml

from schemas.errors import ScripError
from schemas.findings import show

NODES_MAX: Final = 500_000
INTEGERS: Final = range(-(2**63), 2**64)
ENDLESS: Final = ("inf", "-inf", "nan")
PLAIN: Final = "text, an integer of 64 bits, a number, true, false, null, a list or an object"
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"
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


class FileUnreadableError(ScripError, ValueError):
    """A file cannot be read; mend the named lines and read it again."""

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


class _Dumper(yaml.SafeDumper):
    """Puts in quotes what either reading of YAML would take for anything but text."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9][0-9_]*", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)"
              r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+0123456789."),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):  # fmt: skip
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}", re.compile(rf"\A(?:{_pattern})\Z"), list(_first)
        )


def _decimal(_loader: _Loader, node: yaml.ScalarNode) -> int:
    # YAML 1.1 reads 0123 as octal; whoever writes an amount means what it looks like.
    return int(node.value.replace("_", ""))


_Loader.add_constructor("tag:yaml.org,2002:int", _decimal)


def read_lined(file: str, text: str) -> Lined:
    """The document in `text`; FileUnreadableError names the line where it is no YAML."""
    loader: _Loader | None = None
    document = Lined(file, None)
    try:
        loader = _Loader(text)
        node = _composed(loader, file)
        if node is not None:
            document.value = _Values(loader, document).of(node, ())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "a character that YAML does not allow"
        line = mark.line + 1 if mark is not None else 1
        raise FileUnreadableError([Fault(file, line, "", problem, "one YAML document")]) from error
    except RecursionError as error:
        fault = Fault(file, 1, "", "nested too deep", "a document nested less deep")
        raise FileUnreadableError([fault]) from error
    finally:
        if loader is not None:
            loader.dispose()
    return document


def _composed(loader: _Loader, file: str) -> yaml.Node | None:
    try:
        return loader.get_single_node()
    except (OverflowError, ValueError) as error:
        fault = Fault(file, loader.line + 1, "", "an escape beyond Unicode", "up to \\U0010FFFF")
        raise FileUnreadableError([fault]) from error


def as_yaml(document: Any) -> str:
    """Plain values as YAML that reads back as them."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True).rstrip()


class _Values:
    """Makes values of nodes, and notes lines on the way."""

    def __init__(self, loader: _Loader, document: Lined) -> None:
        self._loader = loader
        self._document = document
        self._left = NODES_MAX
        self._merged: set[yaml.Node] = set()  # flattening changes a node, and an alias comes again

    def of(self, node: yaml.Node, path: Path) -> Any:
        """The value of a node."""
        self._left -= 1
        line = node.start_mark.line + 1
        if self._left < 0:
            self._stop(line, path, "too much", f"at most {NODES_MAX} values")
        self._document.lines.setdefault(path, line)
        match node:
            case yaml.ScalarNode():
                return self._scalar(node, path)
            case yaml.MappingNode() if node.tag == _Loader.DEFAULT_MAPPING_TAG:
                return self._mapping(node, path)
            case yaml.SequenceNode() if node.tag == _Loader.DEFAULT_SEQUENCE_TAG:
                return [self.of(child, (*path, i)) for i, child in enumerate(node.value)]
        return self._stop(line, path, f"the tag {show(node.tag)}", PLAIN)

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        line = node.start_mark.line + 1
        # A tag may say what the value looks like, or that it is text; it makes nothing else of it.
        looks: str = self._loader.resolve(  # type: ignore[no-untyped-call]
            yaml.ScalarNode, node.value, (True, False)
        )
        if node.tag not in (looks, _Loader.DEFAULT_SCALAR_TAG, _TIMESTAMP):
            self._stop(line, path, f"{show(node.value)} as {show(node.tag)}", PLAIN)
        try:
            value = self._loader.construct_object(node)
        except (ValueError, AttributeError):  # the second is what no timestamp at all comes to
            self._stop(line, path, show(node.value), PLAIN)
        if node.tag == _TIMESTAMP:
            return value.isoformat()
        match value:
            case int() if value not in INTEGERS:
                self._stop(line, path, show(node.value), "an integer of 64 bits")
            case str() if not _is_unicode(value):
                self._stop(line, path, show(value), "text of whole Unicode characters")
            case _ if repr(value) in ENDLESS:
                self._stop(line, path, show(node.value), "a number that ends")
        return value

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        if node not in self._merged:
            self._each_key_once(node, path)
            self._loader.flatten_mapping(node)
            self._merged.add(node)
        made: dict[str, Any] = {}
        # Merged pairs come first; what is written here replaces them.
        for key, value in node.value:
            self._text(key, path)
            self._document.lines[(*path, key.value)] = key.start_mark.line + 1
            made[key.value] = self.of(value, (*path, key.value))
        return made

    def _each_key_once(self, node: yaml.MappingNode, path: Path) -> None:
        written: set[str] = set()
        for key, _ in node.value:
            if key.tag.endswith(":merge"):
                continue
            self._text(key, path)
            if key.value in written:
                said = f"{show(key.value)} a second time"
                self._stop(key.start_mark.line + 1, path, said, "each key once")
            written.add(key.value)

    def _text(self, key: yaml.Node, path: Path) -> None:
        scalar = isinstance(key, yaml.ScalarNode)
        if not scalar or key.tag != _Loader.DEFAULT_SCALAR_TAG or not _is_unicode(key.value):
            shown = show(key.value) if scalar else "a structure"
            self._stop(key.start_mark.line + 1, path, f"the key {shown}", "text (quote it)")

    def _stop(self, line: int, path: Path, value: str, allowed: str) -> NoReturn:
        fault = Fault(self._document.file, line, dotted(path), value, allowed)
        raise FileUnreadableError([fault])


def _is_unicode(text: str) -> bool:
    """Is it whole characters? YAML's escapes can write half of a pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
