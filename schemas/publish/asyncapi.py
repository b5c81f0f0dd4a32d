"""The AsyncAPI 3.0 document: Scrip seen from outside, one channel per public topic."""

from collections.abc import Iterable
from typing import Any, Final

from schemas.codec import FACTS_BY_TOPIC
from schemas.publish.documents import COMMANDS_BY_TOPIC
from schemas.topics import DEADLETTERS, REDEMPTION_BALANCES, TOPICS, Topic

VERSION: Final = "1.0.0"
DAY_MS: Final = 86_400_000
Document = dict[str, Any]


def asyncapi(messages: dict[Topic, dict[str, Any]]) -> Document:
    """The document; payloads are the schemas published beside it, by relative reference."""
    public = [topic for topic in TOPICS if topic.public]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Scrip",
            "version": VERSION,
            "description": (
                "Stored value on Kafka: channels publish commands; facts, balances, replies, "
                "journals, items and bank batches come out. Money is integer minor units."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {_id(topic): _channel(topic, messages.get(topic, {})) for topic in public},
        "operations": {_verb(topic) + _id(topic): _operation(topic) for topic in public},
        "components": {"messages": dict(_messages(public, messages))},
    }


def _id(topic: Topic) -> str:
    return topic.name.replace(".", "_")


def _message_id(topic: Topic, type: str) -> str:
    return f"{_id(topic)}_{type.replace('.', '_')}"


def _verb(topic: Topic) -> str:
    return "receive_" if topic in COMMANDS_BY_TOPIC else "send_"


def _types(topic: Topic, known: Iterable[str]) -> list[str]:
    return list(known) or ["record"]


def _channel(topic: Topic, known: dict[str, Any]) -> Document:
    return {
        "address": topic.name,
        "title": topic.name,
        "description": (
            f"Carries {topic.carries}; key: {topic.key}. Written by {topic.writer}; "
            f"read by {', '.join(topic.readers)}."
        ),
        "messages": {
            type: {"$ref": f"#/components/messages/{_message_id(topic, type)}"}
            for type in _types(topic, known)
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "topicConfiguration": _configuration(topic),
                "bindingVersion": "0.5.0",
            }
        },
    }


def _configuration(topic: Topic) -> Document:
    match topic.retention:
        case "compacted":
            return {"cleanup.policy": ["compact"]}
        case "forever":
            return {"cleanup.policy": ["delete"], "retention.ms": -1}
        case "1 day":
            return {"cleanup.policy": ["delete"], "retention.ms": DAY_MS}
        case "90 days":
            return {"cleanup.policy": ["delete"], "retention.ms": 90 * DAY_MS}


def _operation(topic: Topic) -> Document:
    return {
        "action": _verb(topic).rstrip("_"),
        "channel": {"$ref": f"#/channels/{_id(topic)}"},
        "summary": f"{'Send' if topic in COMMANDS_BY_TOPIC else 'Read'} {topic.carries}.",
    }


def _messages(
    public: list[Topic], messages: dict[Topic, dict[str, Any]]
) -> Iterable[tuple[str, Document]]:
    for topic in public:
        known = messages.get(topic, {})
        for type in _types(topic, known):
            yield _message_id(topic, type), _message(topic, type, known)


def _message(topic: Topic, type: str, known: dict[str, Any]) -> Document:
    message: Document = {"name": type, "title": type}
    if type in known:
        message["summary"] = str(known[type].get("description", "")).partition("\n")[0]
        message["payload"] = {"$ref": f"./{topic.name}/{type}.json"}
    else:
        message["summary"] = _UNTYPED[topic]
    if topic in COMMANDS_BY_TOPIC:
        message["headers"] = _headers({"scrip-seal": "<key id>:<HMAC-SHA256> of the record"})
    elif topic in FACTS_BY_TOPIC:
        message["headers"] = _headers(
            {
                "scrip-chain": "SHA-256 chain, on a batch's last fact",
                "scrip-after": "beside it: the sequence after which the batch begins",
            }
        )
    elif topic == DEADLETTERS:
        message["headers"] = _headers(
            {
                "scrip-topic": "where it was read",
                "scrip-partition": "where it was read",
                "scrip-offset": "where it was read",
                "scrip-cause": "why it could not be read",
            }
        )
    return message


def _headers(described: dict[str, str]) -> Document:
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": said} for name, said in described.items()
        },
    }


_UNTYPED: Final = {
    REDEMPTION_BALANCES: "The account as it is now: state, lots, holds. No value: it is gone.",
    DEADLETTERS: "The bytes of the record, untouched.",
}
