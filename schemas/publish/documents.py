"""The JSON Schema (2020-12) of every message: an envelope around the schema of its data."""

from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from schemas import issuance, redemption
from schemas.broadcasts import BROADCASTS
from schemas.codec import FACTS_BY_TOPIC
from schemas.identifiers import ID, SUBJECT
from schemas.policy import PolicyDocument
from schemas.refusals import Reason
from schemas.reply import TYPE, Reply
from schemas.sweeps import SWEEP, SweepAccounts, SweepCards
from schemas.topics import (
    ISSUANCE_COMMANDS,
    ISSUANCE_REPLIES,
    POLICY,
    REDEMPTION_COMMANDS,
    REDEMPTION_REPLIES,
    Topic,
)

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
POLICY_MESSAGE: Final = "policy.v1"
Schema = dict[str, Any]

COMMANDS_BY_TOPIC: Final[dict[Topic, dict[str, type[BaseModel]]]] = {
    ISSUANCE_COMMANDS: {**issuance.COMMANDS, SWEEP: SweepCards, **BROADCASTS},
    REDEMPTION_COMMANDS: {**redemption.COMMANDS, SWEEP: SweepAccounts, **BROADCASTS},
}


def messages() -> dict[Topic, dict[str, Schema]]:
    """Every message that has a contract: {topic: {type with version: JSON Schema}}."""
    return {
        **{
            topic: {f"{name}.v1": _command(topic, name, model) for name, model in known.items()}
            for topic, known in COMMANDS_BY_TOPIC.items()
        },
        **{
            topic: {name: _fact(topic, name, kind) for name, kind in facts.items()}
            for topic, facts in FACTS_BY_TOPIC.items()
        },
        ISSUANCE_REPLIES: {TYPE: _reply(ISSUANCE_REPLIES)},
        REDEMPTION_REPLIES: {TYPE: _reply(REDEMPTION_REPLIES)},
        POLICY: {POLICY_MESSAGE: _policy()},
    }


def policy_document() -> Schema:
    """The schema of a policy file, for editors."""
    return _titled("urn:scrip:policy", "policy", PolicyDocument.model_json_schema(by_alias=True))


def _command(topic: Topic, name: str, model: type[BaseModel]) -> Schema:
    data = model.model_json_schema(by_alias=True)
    copied = {
        name: {"type": ["string", "null"], "pattern": r"^[\x21-\x7e]{1,200}$"}
        for name in ("replyto", "causationid", "correlationid", "traceparent")
    }
    schema = _envelope(topic, f"{name}.v1", data, copied, required=())
    # CloudEvents extensions of the sender's own are allowed, and not read.
    schema["patternProperties"] = {"^[a-z0-9]{1,20}$": True}
    schema["additionalProperties"] = False
    return schema


def _fact(topic: Topic, name: str, kind: type) -> Schema:
    dates = {
        "type": "object",
        "description": "{entity: the posting day and the day the business happened}",
        "additionalProperties": {
            "type": "object",
            "properties": {"date": _DAY, "business_date": _DAY},
            "required": ["date", "business_date"],
        },
    }
    attributes = {
        "causationid": {"type": "string", "description": "the command or fact that caused it"},
        "policy": {"type": "integer", "description": "the policy version decided under"},
        "sequence": {"type": "integer", "minimum": 1},
        "input": {"type": "string", "description": "the topic `sequence` counts"},
        "dates": dates,
    }
    text = {"type": "string"}
    schema = _envelope(
        topic, name, TypeAdapter(kind).json_schema(), attributes, required=tuple(attributes)
    )
    schema["properties"] |= {"correlationid": text, "traceparent": text}
    return schema


def _reply(topic: Topic) -> Schema:
    data = TypeAdapter(Reply).json_schema()
    data["properties"]["reason"] = {"enum": [reason.value for reason in Reason]}
    attributes = {"causationid": {"type": "string", "description": "the command it answers"}}
    schema = _envelope(topic, TYPE, data, attributes, required=("causationid",))
    schema["properties"]["correlationid"] = {"type": "string"}
    return schema


def _policy() -> Schema:
    document = PolicyDocument.model_json_schema(by_alias=True)
    shared = document.pop("$defs")
    schema: Schema = {
        "type": "object",
        "description": "A version of the policy, in force from `effective` (ms UTC).",
        "properties": {
            "version": {"type": "integer", "minimum": 1},
            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "effective": {"type": "integer"},
            "document": document,
        },
        "required": ["version", "sha256", "effective", "document"],
        "$defs": shared,
    }
    return _titled(f"urn:{POLICY.name}:{POLICY_MESSAGE}", POLICY_MESSAGE, schema)


def _envelope(
    topic: Topic, type: str, data: Schema, attributes: Schema, *, required: tuple[str, ...]
) -> Schema:
    shared = data.pop("$defs", {})
    schema: Schema = {
        "type": "object",
        "description": data.get("description", ""),
        "properties": {
            "specversion": {"const": "1.0"},
            "id": _ID,
            "type": {"const": type},
            "source": {"type": "string", "pattern": "^(channel|service)/[A-Za-z0-9][^/]{0,63}$"},
            "subject": _SUBJECT,
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"enum": ["application/json", None]},
            **attributes,
            "data": data,
        },
        "required": [*_REQUIRED, *required, "data"],
    }
    if shared:
        schema["$defs"] = shared
    return _titled(f"urn:{topic.name}:{type}", type, schema)


def _titled(id: str, title: str, schema: Schema) -> Schema:
    return {"$schema": DIALECT, "$id": id, **schema, "title": title}


_REQUIRED: Final = ("specversion", "id", "type", "source", "subject", "time")
_ID: Final = {"type": "string", "pattern": f"^{ID}$"}
_SUBJECT: Final = {"type": "string", "pattern": f"^{SUBJECT}$"}
_DAY: Final = {"type": "string", "format": "date"}
