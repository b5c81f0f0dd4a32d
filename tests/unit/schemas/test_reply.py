"""An answer is written once; a repeat gets the same bytes, marked."""

import orjson

from schemas.reply import Reply, encode_reply, read_reply, repeated_answer

FIRST = Reply(
    command="h1",
    outcome="accepted",
    facts=("hold_placed.v1",),
    balance={"ledger": 100, "held": 30, "available": 70},
    covered=30,
    due=0,
)


def encoded(reply: Reply, time: int = 1_777_644_000_000) -> bytes:
    return encode_reply(reply, subject="c1", source="service/redemption", time=time)


def test_what_an_answer_does_not_say_is_absent_and_not_null() -> None:
    message = orjson.loads(encoded(Reply(command="h1", outcome="accepted")))
    assert message["data"] == {"command": "h1", "outcome": "accepted", "facts": []}
    assert message["type"] == "reply.v1"
    assert message["causationid"] == "h1"
    assert "correlationid" not in message


def test_zero_is_said_and_not_taken_for_nothing() -> None:
    assert orjson.loads(encoded(FIRST))["data"]["due"] == 0


def test_a_repeat_is_the_first_answer_and_says_so() -> None:
    first = encoded(FIRST)
    again = orjson.loads(repeated_answer(first))
    assert again["data"].pop("repeated") is True
    assert again == orjson.loads(first)
    assert read_reply(repeated_answer(first)).repeated


def test_an_answer_reads_as_it_was_written() -> None:
    refused = Reply(command="h1", outcome="refused", reason="account_frozen", detail="since May")
    for reply in (FIRST, refused, Reply(command="e", outcome="accepted", account={"a": {}})):
        assert read_reply(encoded(reply)) == reply


def test_the_answer_to_a_command_has_one_id_whenever_it_is_written() -> None:
    one, two = orjson.loads(encoded(FIRST)), orjson.loads(encoded(FIRST, 1_777_644_000_001))
    assert one["id"] == two["id"]
