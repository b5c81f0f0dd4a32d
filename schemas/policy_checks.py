"""Reads a policy document, and refuses a bad one with path, value and what is allowed."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final

import orjson
from pydantic import ValidationError

from schemas.errors import ScripError
from schemas.findings import Finding, findings, show
from schemas.money import OF_BANK_FILES
from schemas.originator import originator_findings
from schemas.policy import Fixed, PolicyDocument, Programme, Range, Template
from schemas.policy_bounds import out_of_bounds

APART: Final = (("adjust", "settle"), ("settle", "release"))


class PolicyRefusedError(ScripError, ValueError):
    """The policy document was refused; mend the named paths and apply it again."""

    def __init__(self, found: list[Finding]) -> None:
        self.findings = found
        super().__init__("; ".join(str(finding) for finding in found))


def read_policy(document: Any, *, published: bool = False) -> PolicyDocument:
    """The checked document; PolicyRefusedError names every path that is wrong.

    One that is `published` may say what a new one may not: it is in force already.
    """
    try:
        policy = PolicyDocument.model_validate(document)
    except ValidationError as error:
        raise PolicyRefusedError(findings(error, PolicyDocument)) from error
    found = [
        *_places(policy),
        *_programmes(policy),
        *([] if published else _of_new(policy)),
        *_channels(policy),
        *_settlement(policy),
        *_rights(policy),
    ]
    if found:
        raise PolicyRefusedError(found)
    return policy


def _of_new(policy: PolicyDocument) -> Iterator[Finding]:
    yield from _templates(policy)
    yield from out_of_bounds(policy)
    if policy.settlement.enabled:
        yield from originator_findings(policy.settlement.originator)
    yield from _bank_files(policy)


def canonical(document: Any) -> bytes:
    """The bytes a document is known by: keys sorted, instants as text."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def content_hash(document: Any) -> str:
    """SHA-256 of the canonical bytes, in hex."""
    return hashlib.sha256(canonical(document)).hexdigest()


def _unknown(path: str, name: str, known: Any, what: str) -> Iterator[Finding]:
    if name not in known:
        yield Finding(path, show(name), f"{what}: {', '.join(sorted(known)) or 'none'}")


def _places(policy: PolicyDocument) -> Iterator[Finding]:
    yield from _unknown("network.parent", policy.network.parent, policy.entities, "entities")
    for name, location in policy.locations.items():
        path = f"locations.{name}.entity"
        yield from _unknown(path, location.entity, policy.entities, "entities")
        if name == policy.network.parent and location.entity != policy.network.parent:
            yield Finding(path, show(location.entity), "the parent's own place is of the parent")


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
        yield from _values(f"programmes.{name}", programme)
    if len(set(policy.credit_order)) < len(policy.credit_order):
        said = ", ".join(policy.credit_order)
        yield Finding("credit_order", said, "customer and company, each once")
    credit = {key for key, value in policy.programmes.items() if value.kind == "credit"}
    for name, membership in policy.memberships.items():
        path = f"memberships.{name}.programme"
        yield from _unknown(path, membership.programme, credit, "credit programmes")


def _values(path: str, programme: Programme) -> Iterator[Finding]:
    most = programme.limits.balance_max
    match programme.value:
        case Range(range=(lowest, highest)) if lowest > highest:
            yield Finding(f"{path}.value.range", f"{lowest}, {highest}", "[lowest, highest]")
        case Range(range=(lowest, _)) if most is not None and lowest > most:
            yield Finding(f"{path}.value.range.0", str(lowest), f"up to balance_max {most}")
        case Fixed(fixed=fixed) if most is not None and max(fixed) > most:
            yield Finding(f"{path}.value.fixed", str(max(fixed)), f"up to balance_max {most}")
    breakage = programme.breakage
    if breakage.method == "remote" and breakage.after_days is None:
        yield Finding(f"{path}.breakage.after_days", "nothing", "days without activity")


def _templates(policy: PolicyDocument) -> Iterator[Finding]:
    for name, template in policy.templates.items():
        yield from _template(f"templates.{name}", template)


def _template(path: str, template: Template) -> Iterator[Finding]:
    if template.code is not None and template.number is not None:
        yield Finding(path, "code and number", "one of code and number")
    elif template.number is None:
        if template.track:
            yield Finding(f"{path}.track", "true", "false beside code: a track is of a number")
    elif "#" not in template.number:
        allowed = "a # for each random digit: a number without one is no secret"
        yield Finding(f"{path}.number", show(template.number), allowed)
    if template.number is not None and "#" in template.number and template.capacity is not None:
        most = 10 ** template.number.count("#")
        if template.capacity > most:
            yield Finding(f"{path}.capacity", str(template.capacity), f"up to {most}")


def _channels(policy: PolicyDocument) -> Iterator[Finding]:
    places = place_names(policy)
    for name, channel in (policy.channels or {}).items():
        for place in channel.locations if channel.locations != "*" else []:
            yield from _unknown(f"channels.{name}.locations", place, places, "places")


def _settlement(policy: PolicyDocument) -> Iterator[Finding]:
    places = place_names(policy)
    for number, pair in enumerate(policy.settlement.pairs):
        yield from _unknown(f"settlement.pairs.{number}.from", pair.from_, places, "places")
        yield from _unknown(f"settlement.pairs.{number}.to", pair.to, places, "places")
        if pair.from_ == pair.to:
            yield Finding(f"settlement.pairs.{number}.to", show(pair.to), "another place than from")


def _bank_files(policy: PolicyDocument) -> Iterator[Finding]:
    """Without bank accounts what is owed is only booked, in any currency."""
    banked = [policy.network.bank_account, *(p.bank_account for p in policy.locations.values())]
    currency = policy.network.currency
    if policy.settlement.enabled and any(banked) and currency != OF_BANK_FILES:
        said = "settlement is enabled, there are bank accounts, and bank files are in"
        yield Finding(
            "network.currency", show(currency), f"{OF_BANK_FILES}: {said} {OF_BANK_FILES}"
        )


def _rights(policy: PolicyDocument) -> Iterator[Finding]:
    held = {f"people.{name}": rights for name, rights in (policy.people or {}).items()}
    held |= {f"channels.{name}.may": value.may for name, value in (policy.channels or {}).items()}
    for path, rights in held.items():
        for one, other in APART:
            if one in rights and other in rights:
                yield Finding(path, ", ".join(rights), f"not {one} and {other} together")
