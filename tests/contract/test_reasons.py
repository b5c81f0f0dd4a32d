"""A reason that a command must give says something: somebody will read it."""

from typing import Any, cast

import orjson
import pytest

from schemas.codec import Owner, Unreadable, read_command
from schemas.message import Command
from schemas.topics import ISSUANCE_COMMANDS, REDEMPTION_COMMANDS
from tests.contract.examples import Example, examples, name

GIVEN = "adjust_balance freeze_account unfreeze_account extend_validity expire_credit"
MUST = [*GIVEN.split(), "transfer_balance", "cancel_account", "cancel_card", "restore_card"]
MAY = ["refund_capture", "reserve_return", "ship_cards"]
EXAMPLES = [
    one
    for one in examples(ISSUANCE_COMMANDS, REDEMPTION_COMMANDS)
    if one.type.removesuffix(".v1") in (*MUST, *MAY)
]


def read(example: Example, reason: Any) -> Command | Unreadable:
    """The example with this reason, as it is read."""
    message = example.message
    message["data"]["reason"] = reason
    owner = cast(Owner, example.topic.name.split(".")[1])
    found = read_command(owner, orjson.dumps(message))
    assert isinstance(found, (Command, Unreadable)), found
    return found


def test_there_is_an_example_of_each() -> None:
    assert {one.type.removesuffix(".v1") for one in EXAMPLES} == {*MUST, *MAY}


@pytest.mark.parametrize("example", EXAMPLES, ids=name)
def test_a_reason_that_must_be_given_says_something(example: Example) -> None:
    assert isinstance(read(example, "so it was asked for"), Command)
    for nothing in ("", "   ", "\t\u00a0\u3000"):
        found = read(example, nothing)
        if example.type.removesuffix(".v1") in MAY:
            assert isinstance(found, Command), "what may be left out may be empty"
        else:
            assert isinstance(found, Unreadable)
            assert found.cause == f"data.reason: {nothing!r} — allowed: text that says why"
