"""Turns what a step says about a command into the data of the wire, or says what cannot be read.

A value that is merely unfit (a negative amount, an unknown origin) goes on as it is: refusing it is
the command's business. What has a wrong type, is missing or unknown is no story.
"""

from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from schemas.findings import Finding, findings, show
from schemas.lined import Path
from schemas.money import Money

MONEY_ALLOWED: Final = "minor units (an integer), or {minor, currency}"
PLACES_OF_VALUE: Final = ("value_error", "literal_error")


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something a model found that makes the story unreadable; `path` below the checked value."""

    path: Path
    value: str
    allowed: str


def wired(model: type[BaseModel], said: dict[str, Any], currency: str) -> dict[str, Any]:
    """The data with bare minor units made money of `currency`, wherever the model has money."""
    fields = _by_alias(model)
    return {
        name: _wired(fields[name].annotation, value, currency) if name in fields else value
        for name, value in said.items()
    }


def misread(model: type[BaseModel], said: dict[str, Any]) -> list[Wrong]:
    """What of `said` cannot be read as this model at all; unfit values are left to the command."""
    try:
        model.model_validate(said)
    except ValidationError as error:
        if any(_is_structural(detail) for detail in error.errors(include_url=False)):
            return [_wrong(finding) for finding in findings(error, model)]
    return []


def unfit(model: type[BaseModel], said: dict[str, Any]) -> list[Wrong]:
    """Everything wrong with `said`: for what is no command, nobody else will refuse it."""
    try:
        model.model_validate(said)
    except ValidationError as error:
        return [_wrong(finding) for finding in findings(error, model)]
    return []


def known_fields(model: type[BaseModel]) -> set[str]:
    """What a command's data may say."""
    return set(_by_alias(model))


def _by_alias(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _wired(annotation: Any, value: Any, currency: str) -> Any:
    kinds = list(_kinds(annotation))
    if type(value) is int and Money in kinds:
        return {"minor": value, "currency": currency}
    inner = next(
        (k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel) and k is not Money),
        None,
    )
    if inner is None:
        return value
    if isinstance(value, dict):
        return wired(inner, value, currency)
    if isinstance(value, list):
        return [wired(inner, one, currency) if isinstance(one, dict) else one for one in value]
    return value


def _kinds(annotation: Any) -> Any:
    """Every class an annotation mentions: `Annotated[list[Line], …] | None` → list, Line, None."""
    inner = get_args(annotation)
    if not inner:
        yield annotation
    for part in inner:
        yield from _kinds(part)


def _is_structural(detail: Any) -> bool:
    kind = str(detail["type"])
    if kind in PLACES_OF_VALUE:
        # Of text that does not fit, the command is the judge; anything else has the wrong type.
        return not isinstance(detail["input"], str)
    known = ("missing", "extra_forbidden", "unexpected_keyword_argument", "int_from_float")
    return kind in known or kind.endswith("_type")


def _wrong(finding: Finding) -> Wrong:
    allowed = MONEY_ALLOWED if "instance of Money" in finding.allowed else finding.allowed
    if finding.path == "(document)":
        return Wrong((), finding.value, allowed)
    path = tuple(int(part) if part.isdigit() else part for part in finding.path.split("."))
    return Wrong(path, finding.value, allowed)


def shown(value: object) -> str:
    """A value as a fault shows it."""
    return show(value)
