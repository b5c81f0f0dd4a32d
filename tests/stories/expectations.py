"""Compares a report with what a story's `.expect.yaml` says: a partial match, listed keys only."""

from collections.abc import Iterator
from typing import Any

MEASURES = frozenset({"some", "count"})


def differences(expected: Any, found: Any, path: str = "") -> Iterator[str]:
    """Where `found` is not as expected.

    An object must have the listed keys; a list must match element by element. For a list may stand
    `{count: n}`, `{some: [...]}` (each matches at least one element), or both.
    """
    match expected, found:
        case dict(), list() if expected and expected.keys() <= MEASURES:
            yield from _measured(expected, found, path)
        case {}, _ if not expected:
            if found not in ({}, None):
                yield f"{path}: {found!r}, expected nothing"
        case dict(), dict():
            yield from (f"{path}.{k}: missing" for k in sorted(expected.keys() - found.keys()))
            for key in expected.keys() & found.keys():
                yield from differences(expected[key], found[key], f"{path}.{key}")
        case list(), list():
            if len(expected) != len(found):
                yield f"{path}: {len(found)} elements, expected {len(expected)}: {found!r}"
            for number, (one, other) in enumerate(zip(expected, found, strict=False)):
                yield from differences(one, other, f"{path}[{number}]")
        case _:
            if expected != found:
                yield f"{path}: {found!r}, expected {expected!r}"


def _measured(expected: dict[str, Any], found: list[Any], path: str) -> Iterator[str]:
    if "count" in expected and len(found) != expected["count"]:
        yield f"{path}: {len(found)} elements, expected {expected['count']}"
    for wanted in expected.get("some", []):
        if not any(not list(differences(wanted, one)) for one in found):
            yield f"{path}: nothing like {wanted!r} among {found!r}"
