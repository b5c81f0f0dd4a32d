"""Says what is wrong with input from outside: the path, the value, and what is allowed there."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pydantic import BaseModel, ValidationError

VALUE_SHOWN_MAX: Final = 60
FINDINGS_MAX: Final = 20

# A number or code that someone wrote into the wrong field must not reach a log or a dead letter.
_SECRET: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:\d[ -]?){11,18}\d(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z])[0-9A-Za-z]{4}(?:[- ]?[0-9A-Za-z]{4}){3}[- ]?[0-9A-Za-z]?(?![0-9A-Za-z])"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong: where, what stands there, what may stand there."""

    path: str
    value: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.path}: {self.value} — allowed: {self.allowed}"


def findings(error: ValidationError, model: type[BaseModel], *above: str) -> list[Finding]:
    """What a model refused, at most `FINDINGS_MAX`, one per path; `above` leads every path."""
    allowed: dict[tuple[str, ...], list[str]] = {}
    shown: dict[tuple[str, ...], str] = {}
    for detail in error.errors(include_url=False)[:FINDINGS_MAX]:
        path, keys = _walk(_schema(model), detail["loc"])
        message = _allowed(detail, keys)
        known = allowed.setdefault(path, [])
        if message not in known:
            known.append(message)
        shown[path] = _found(detail)
    return [
        Finding(".".join((*above, *path)) or "(document)", shown[path], "; or ".join(said))
        for path, said in allowed.items()
    ]


def show(value: object) -> str:
    """A value as an error may show it: scalars cut short and masked, containers by kind only."""
    match value:
        case None:
            return "null"
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case str():
            text = _SECRET.sub("…", value)
            text = text if len(text) <= VALUE_SHOWN_MAX else text[: VALUE_SHOWN_MAX - 1] + "…"
            return repr(text)
        case _:
            return _SECRET.sub("…", str(value))[:VALUE_SHOWN_MAX]


def _found(detail: Mapping[str, Any]) -> str:
    match detail["type"]:
        case "missing":
            return "nothing"
        case "extra_forbidden" | "unexpected_keyword_argument":
            return "an unknown key"
        case "union_tag_invalid":
            tag = _tag_of(detail)
            return f"{tag} {show(detail['input'][tag])}"
        case "too_short" | "too_long":
            return f"{show(detail['input'])} of {detail['ctx']['actual_length']}"
        case _:
            return show(detail["input"])


def _allowed(detail: Mapping[str, Any], keys: list[str]) -> str:
    match detail["type"]:
        case "missing":
            return "this key is required"
        case "extra_forbidden" | "unexpected_keyword_argument":
            return ", ".join(keys) if keys else "no keys"
        case "value_error":
            return str(detail["msg"]).removeprefix("Value error, ")
        case "string_pattern_mismatch":
            return f"text like {detail['ctx']['pattern']}"
        case "too_short" | "too_long":
            return _size_allowed(detail["ctx"])
        case "union_tag_invalid" | "union_tag_not_found":
            tags = detail["ctx"].get("expected_tags")
            return f"{_tag_of(detail)} {tags}" if tags else f"the key {_tag_of(detail)} is required"
        case _:
            return str(detail["msg"]).removeprefix("Input should be ")


def _size_allowed(said: Mapping[str, int]) -> str:
    if "min_length" in said:
        return f"{said['min_length']} or more of them"
    return f"{said['max_length']} of them or fewer"


def _tag_of(detail: Mapping[str, Any]) -> str:
    """The key that tells the members of a union apart."""
    return str(detail["ctx"]["discriminator"]).strip("'")


@lru_cache(maxsize=256)
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True, mode="validation")


def _walk(root: dict[str, Any], loc: tuple[int | str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """The path without the names of union members, and the keys known beside its last part."""
    node: dict[str, Any] = root
    path: list[str] = []
    keys: list[str] = []
    for number, part in enumerate(loc):
        options = list(_options(root, node))
        keys = sorted({key for option in options for key in option.get("properties", {})})
        child = next((c for c in (_child(o, part) for o in options) if c is not None), None)
        member = next((o for o in options if o.get("title") == part), None)
        if child is not None:
            path.append(str(part))
            node = child
        elif member is not None:
            node = member
        elif part in (tagged := node.get("discriminator", {}).get("mapping", {})):
            node = {"$ref": tagged[part]}
        elif number == len(loc) - 1 and isinstance(part, str) and "[" not in part:
            path.append(part)
    return tuple(path), keys


def _options(root: dict[str, Any], node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema itself, or the members of a union, references followed."""
    if "$ref" in node:
        yield from _options(root, root["$defs"][node["$ref"].rpartition("/")[2]])
    elif "anyOf" in node:
        for member in node["anyOf"]:
            yield from _options(root, member)
    else:
        yield node


def _child(node: dict[str, Any], part: int | str) -> dict[str, Any] | None:
    if isinstance(part, int):
        items = node.get("items")
        return items if isinstance(items, dict) else ({} if "prefixItems" in node else None)
    found = node.get("properties", {}).get(part)
    if found is not None:
        return dict(found)
    of_any_key = (*node.get("patternProperties", {}).values(), node.get("additionalProperties"))
    return next((schema for schema in of_any_key if isinstance(schema, dict)), None)
