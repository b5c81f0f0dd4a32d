"""Every type has a golden example; each is read by the codec and fits the published schema."""

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from schemas.codec import FACTS_BY_TOPIC, Broadcast, Unreadable, internal, read_command, read_fact
from schemas.instants import format_instant
from schemas.message import DATE_KEYS, Command, Fact, encode_fact
from schemas.policy_checks import content_hash, read_policy
from schemas.publish.documents import COMMANDS_BY_TOPIC, messages
from schemas.reply import read_reply
from schemas.topics import (
    ISSUANCE_COMMANDS,
    ISSUANCE_REPLIES,
    POLICY,
    REDEMPTION_COMMANDS,
    REDEMPTION_REPLIES,
    Topic,
)
from tests.contract.examples import Example, examples, name

MESSAGES = messages()
COMMANDS = examples(ISSUANCE_COMMANDS, REDEMPTION_COMMANDS)


def owner(topic: Topic) -> Any:
    return topic.name.split(".")[1]


@cache
def validator(topic: Topic, type: str) -> Draft202012Validator:
    return Draft202012Validator(MESSAGES[topic][type], format_checker=FormatChecker())


def fits(topic: Topic, type: str, message: dict[str, Any]) -> bool:
    return bool(validator(topic, type).is_valid(message))


@pytest.mark.parametrize(
    ("topic", "type"), [(topic, type) for topic, known in MESSAGES.items() for type in known]
)
def test_every_type_has_a_golden_example(topic: Topic, type: str) -> None:
    assert [example for example in examples(topic) if example.type == type]


def test_every_golden_example_is_of_a_type_that_exists() -> None:
    known = {(topic, type) for topic, types in MESSAGES.items() for type in types}
    assert {(example.topic, example.type) for example in examples()} <= known


@pytest.mark.parametrize("example", examples(), ids=name)
def test_every_golden_example_fits_its_published_schema(example: Example) -> None:
    validator(example.topic, example.type).validate(example.message)


@pytest.mark.parametrize("example", COMMANDS, ids=name)
def test_every_command_example_is_read(example: Example) -> None:
    read = read_command(owner(example.topic), example.value)
    assert not isinstance(read, Unreadable), read.cause
    message = example.message
    assert (read.id, f"{read.type}.v1") == (message["id"], example.type)
    assert (read.source, read.time) == (message["source"], read.time)
    if isinstance(read, Command):
        assert read.subject == message["subject"]
        assert read.replyto == message.get("replyto")
    else:
        assert isinstance(read, Broadcast)


@pytest.mark.parametrize("example", COMMANDS, ids=name)
def test_internal_commands_come_from_services_and_the_others_from_channels(
    example: Example,
) -> None:
    kind = example.type.removesuffix(".v1")
    broadcast = isinstance(read_command(owner(example.topic), example.value), Broadcast)
    ours = broadcast or internal(owner(example.topic), kind)
    assert example.message["source"].startswith("service/") is ours


@pytest.mark.parametrize("example", examples(*FACTS_BY_TOPIC), ids=name)
def test_every_fact_example_is_read_and_written_back_as_it_was(example: Example) -> None:
    read = read_fact(example.topic, example.value)
    fact = Fact(
        id=read.id,
        type=read.type,
        subject=read.subject,
        time=read.time,
        body=read.body,
        policy=read.policy,
        causationid=read.causationid,
        correlationid=example.message.get("correlationid"),
        dates=read.dates,
    )
    again = orjson.loads(encode_fact(fact, read.source, read.sequence, read.input))
    was = example.message
    # Later optional fields are written with their defaults; what was said stays as it was.
    assert all(said_before(was["data"], again["data"]))
    assert {**again, "data": was["data"]} == was
    assert format_instant(read.time) == was["time"]


def said_before(was: Any, again: Any) -> Iterator[bool]:
    """Is all that was said still there, at any depth?"""
    match was, again:
        case dict(), dict():
            yield was.keys() <= again.keys()
            for key in was.keys() & again.keys():
                yield from said_before(was[key], again[key])
        case list(), list():
            yield len(was) == len(again)
            for one, other in zip(was, again, strict=False):
                yield from said_before(one, other)
        case _:
            yield was == again


@pytest.mark.parametrize("example", examples(ISSUANCE_REPLIES, REDEMPTION_REPLIES), ids=name)
def test_every_reply_example_is_read(example: Example) -> None:
    reply = read_reply(example.value)
    assert reply.command == example.message["causationid"]
    assert (reply.reason is None) is (reply.outcome == "accepted")


def test_the_policy_example_is_a_policy_of_its_own_hash() -> None:
    [example] = examples(POLICY)
    message = example.message
    assert content_hash(message["document"]) == message["sha256"]
    read_policy(message["document"])


def test_a_fact_is_read_past_fields_that_were_added_later() -> None:
    for example in examples(*FACTS_BY_TOPIC):
        message = example.message
        message["data"]["added_later"] = {"by": "a newer writer"}
        message["addedlater"] = 1
        read = read_fact(example.topic, orjson.dumps(message))
        assert read.body == read_fact(example.topic, example.value).body
        assert fits(example.topic, example.type, message)


@pytest.mark.parametrize("example", examples(*FACTS_BY_TOPIC), ids=name)
def test_a_fact_that_lacks_what_it_needs_is_no_fact(example: Example) -> None:
    required = MESSAGES[example.topic][example.type]["properties"]["data"].get("required", [])
    for missing in required:
        message = example.message
        del message["data"][missing]
        with pytest.raises(ValueError, match=missing):
            read_fact(example.topic, orjson.dumps(message))
        assert not fits(example.topic, example.type, message)


@pytest.mark.parametrize("example", examples(*FACTS_BY_TOPIC), ids=name)
def test_a_fact_that_lacks_one_of_an_entitys_days_is_no_fact(example: Example) -> None:
    for entity in example.message["dates"]:
        for missing in DATE_KEYS:
            message = example.message
            del message["dates"][entity][missing]
            with pytest.raises(ValueError, match=missing):
                read_fact(example.topic, orjson.dumps(message))
            assert not fits(example.topic, example.type, message)


def damaged(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The message with each of its scalars replaced by a wrong type, and with unknown keys."""
    found: list[dict[str, Any]] = []

    def visit(value: Any, path: tuple[Any, ...]) -> None:
        if isinstance(value, dict):
            found.append(changed(message, (*path, "unknown_key"), "x"))
            for key, inner in value.items():
                visit(inner, (*path, key))
        elif isinstance(value, list):
            for place, inner in enumerate(value):
                visit(inner, (*path, place))
        elif isinstance(value, int) and not isinstance(value, bool):
            found.append(changed(message, path, value + 0.5))
            found.append(changed(message, path, str(value)))
        else:
            found.append(changed(message, path, ["wrong"]))

    visit(message["data"], ("data",))
    return found


def changed(message: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    copy = deepcopy(message)
    at: Any = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return copy


# What these carry between services is written by ourselves and read by the core.
OPEN = {"activate.v1", "receive_value.v1"}


@pytest.mark.parametrize("example", [e for e in COMMANDS if e.type not in OPEN], ids=name)
def test_codec_and_schema_refuse_the_same_unknown_fields_wrong_types_and_fractions(
    example: Example,
) -> None:
    for message in damaged(example.message):
        read = read_command(owner(example.topic), orjson.dumps(message))
        assert isinstance(read, Unreadable), message
        assert read.id == example.message["id"]
        assert " — allowed: " in read.cause
        assert not fits(example.topic, example.type, message), message


def test_every_command_type_has_a_model_of_its_own_topic() -> None:
    for topic, known in COMMANDS_BY_TOPIC.items():
        assert {f"{type}.v1" for type in known} == set(MESSAGES[topic])
