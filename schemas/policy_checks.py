"""Reads a policy document, and refuses a bad one with path, value and what is allowed."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import ValidationError

from schemas.policy import PolicyDocument

APART: Final = (("adjust", "settle"), ("settle", "release"))
VALUE_SHOWN_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with a document."""

    path: str
    value: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.path}: {self.value} — allowed: {self.allowed}"


class PolicyRefusedError(ValueError):
    """The policy document was refused; mend the named paths and apply it again."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        super().__init__("; ".join(str(finding) for finding in findings))


def read_policy(document: Any) -> PolicyDocument:
    """The checked document; PolicyRefusedError names every path that is wrong."""
    try:
        policy = PolicyDocument.model_validate(document)
    except ValidationError as error:
        raise PolicyRefusedError([_finding(detail) for detail in error.errors()]) from error
    findings = [
        *_places(policy),
        *_programmes(policy),
        *_settlement(policy),
        *_rights(policy),
    ]
    if findings:
        raise PolicyRefusedError(findings)
    return policy


def canonical(document: Any) -> bytes:
    """The bytes a document is known by: keys sorted, instants as text."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def content_hash(document: Any) -> str:
    """SHA-256 of the canonical bytes, in hex."""
    return hashlib.sha256(canonical(document)).hexdigest()


def _finding(detail: Any) -> Finding:
    path = ".".join(str(part) for part in detail["loc"]) or "(document)"
    return Finding(path, _shown(detail["input"]), detail["msg"])


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= VALUE_SHOWN_MAX else text[: VALUE_SHOWN_MAX - 1] + "…"


def _unknown(path: str, name: str, known: Any, what: str) -> Iterator[Finding]:
    if name not in known:
        yield Finding(path, repr(name), f"{what}: {', '.join(sorted(known)) or 'none'}")


def _places(policy: PolicyDocument) -> Iterator[Finding]:
    yield from _unknown("network.parent", policy.network.parent, policy.entities, "entities")
    for name, location in policy.locations.items():
        path = f"locations.{name}.entity"
        yield from _unknown(path, location.entity, policy.entities, "entities")
        if name == policy.network.parent and location.entity != policy.network.parent:
            yield Finding(path, repr(location.entity), "the parent's own place is of the parent")


def place_names(policy: PolicyDocument) -> set[str]:
    """Every place: the locations, and the parent as a place named as its entity."""
    return {*policy.locations, policy.network.parent}


def _programmes(policy: PolicyDocument) -> Iterator[Finding]:
    places = place_names(policy)
    for name, programme in policy.programmes.items():
        for template in programme.templates:
            path = f"programmes.{name}.templates"
            yield from _unknown(path, template, policy.templates, "templates")
        for place in programme.locations if programme.locations != "*" else []:
            yield from _unknown(f"programmes.{name}.locations", place, places, "places")
    for name, channel in (policy.channels or {}).items():
        for place in channel.locations if channel.locations != "*" else []:
            yield from _unknown(f"channels.{name}.locations", place, places, "places")
    for name, membership in policy.memberships.items():
        path = f"memberships.{name}.programme"
        credit = {key for key, value in policy.programmes.items() if value.kind == "credit"}
        yield from _unknown(path, membership.programme, credit, "credit programmes")


def _settlement(policy: PolicyDocument) -> Iterator[Finding]:
    places = place_names(policy)
    for number, pair in enumerate(policy.settlement.pairs):
        yield from _unknown(f"settlement.pairs.{number}.from", pair.from_, places, "places")
        yield from _unknown(f"settlement.pairs.{number}.to", pair.to, places, "places")


def _rights(policy: PolicyDocument) -> Iterator[Finding]:
    held = {f"people.{name}": rights for name, rights in (policy.people or {}).items()}
    held |= {f"channels.{name}.may": value.may for name, value in (policy.channels or {}).items()}
    for path, rights in held.items():
        for one, other in APART:
            if one in rights and other in rights:
                yield Finding(path, repr(list(rights)), f"not {one} and {other} together")
