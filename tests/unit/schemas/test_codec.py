"""What a record's bytes say: a command, a broadcast, or why they are neither."""

from typing import Any

import orjson
import pytest

from schemas.broadcasts import BROADCAST_SOURCES, PolicyChanged
from schemas.codec import (
    VALUE_BYTES_MAX,
    Broadcast,
    Unreadable,
    content_of,
    internal,
    read_command,
    read_fact,
)
from schemas.message import Command
from schemas.sweeps import DUE_MAX, commands_of
from schemas.topics import ISSUANCE_EVENTS, REDEMPTION_EVENTS

GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "h1",
    "type": "place_hold.v1",
    "source": "channel/pos",
    "subject": "c1",
    "time": "2026-05-01T10:00:00-04:00",
    "replyto": "till-1",
    "data": {"amount": {"minor": 3000, "currency": "USD"}},
}
ABSENT = object()


def message(**changed: Any) -> bytes:
    return orjson.dumps({k: v for k, v in {**GOOD, **changed}.items() if v is not ABSENT})


def command(**changed: Any) -> Command:
    read = read_command("redemption", message(**changed))
    assert isinstance(read, Command), read
    return read


def unreadable(value: bytes | None) -> Unreadable:
    read = read_command("redemption", value)
    assert isinstance(read, Unreadable), read
    return read


def test_a_command_is_read_with_its_envelope() -> None:
    read = command(correlationid="o-1", traceparent="00-ab-cd-01", tracestate="x=1", dataref="y")
    assert (read.id, read.type, read.subject, read.channel) == ("h1", "place_hold", "c1", "pos")
    assert read.time == 1_777_644_000_000
    assert (read.replyto, read.correlationid) == ("till-1", "o-1")
    assert read.body.amount.minor == 3000


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"specversion": ABSENT}, "specversion"),
        ({"id": ""}, "id"),
        ({"id": 5}, "id"),
        ({"id": "a b"}, "id"),
        ({"id": "a\n"}, "id"),
        ({"id": "x" * 129}, "id"),
        ({"subject": ABSENT}, "subject"),
        ({"subject": "kärte"}, "subject"),
        ({"type": "place_hold"}, "type"),
        ({"type": "place_hold.v2"}, "type"),
        ({"type": "sell_card.v1"}, "type"),
        ({"source": "pos"}, "source"),
        ({"source": "bank/x"}, "source"),
        ({"source": "channel/"}, "source"),
        ({"time": "2026-05-01T10:00:00"}, "time"),
        ({"time": "2026-05-01"}, "time"),
        ({"time": "2026-13-01T10:00:00Z"}, "time"),
        ({"time": "1969-12-31T23:59:59Z"}, "time"),
        ({"time": "9999-12-31T23:59:59Z"}, "time"),
        ({"time": 1777644000}, "time"),
        ({"data": ABSENT}, "data"),
        ({"data": []}, "data"),
        ({"data": {}}, "data.amount"),
        ({"data": {"amount": {"minor": 30.5, "currency": "USD"}}}, "data.amount.minor"),
        ({"data": {"amount": {"minor": 30.0, "currency": "USD"}}}, "data.amount.minor"),
        ({"data": {"amount": {"minor": "3000", "currency": "USD"}}}, "data.amount.minor"),
        ({"data": {"amount": {"minor": True, "currency": "USD"}}}, "data.amount.minor"),
        ({"data": {"amount": {"minor": 10**20, "currency": "USD"}}}, "data.amount.minor"),
        ({"data": {"amount": 3000}}, "data.amount"),
        ({"replyto": "a b"}, "replyto"),
        ({"id": None}, "id"),
        ({"data": None}, "data"),
        ({"causationid": ""}, "causationid"),
        ({"correlationid": "x" * 201}, "correlationid"),
        ({"datacontenttype": "text/xml"}, "datacontenttype"),
        ({"data_base64": "eA=="}, "'data_base64'"),
        ({"replyTo": "till-1"}, "'replyTo'"),
        ({"dataref": {"a": 1}}, "dataref"),
    ],
)
def test_what_is_wrong_is_named_by_place_and_by_what_is_allowed(
    changed: dict[str, Any], path: str
) -> None:
    big = b'"minor":100000000000000000000'
    value = (
        message().replace(b'"minor":3000', big) if "100000000000000000000" in str(changed) else None
    )
    cause = unreadable(value or message(**changed)).cause
    assert cause.startswith(path + ": ")
    assert " — allowed: " in cause


def test_an_attribute_that_is_null_is_unset_as_cloudevents_has_it() -> None:
    read = command(replyto=None, correlationid=None, dataref=None, datacontenttype=None)
    assert (read.replyto, read.correlationid) == (None, None)
    assert content_of(read) == content_of(command())


@pytest.mark.parametrize(
    "value",
    [None, b"", b"\xff\xfe", b"{", b"[]", b'"x"', b"nul", b'{"a":' * 2000, b" " * VALUE_BYTES_MAX],
)
def test_what_is_no_json_object_is_unreadable_and_never_shown(value: bytes | None) -> None:
    read = unreadable(value)
    assert len(read.cause) < 200
    assert (read.id, read.subject, read.replyto) == (None, None, None)


def test_a_value_beyond_the_bound_is_not_even_parsed() -> None:
    padded = message(data={"amount": {"minor": 1, "currency": "USD"}, "x": "y" * VALUE_BYTES_MAX})
    assert f"at most {VALUE_BYTES_MAX}" in unreadable(padded).cause


def test_an_unreadable_command_can_be_answered_as_far_as_it_could_be_read() -> None:
    read = unreadable(message(data={"amount": "much"}, correlationid="o-1"))
    assert (read.id, read.subject, read.replyto) == ("h1", "c1", "till-1")
    assert (read.source, read.type, read.correlationid) == ("channel/pos", "place_hold", "o-1")
    assert unreadable(message(id=["h1"])).id is None


def test_an_unknown_field_is_answered_with_the_fields_there_are() -> None:
    body = {**GOOD["data"], "amuont": {"minor": 1, "currency": "USD"}}
    cause = unreadable(message(data=body)).cause
    assert cause == (
        "data.amuont: an unknown key — allowed: allow_partial, amount, order, place, ttl_seconds"
    )


@pytest.mark.parametrize(
    "secret", ["4111 1111 1111 1111", "7K3M-9QPT-04AB-WXYZ-5", "7K3M9QPT04ABWXYZ"]
)
def test_a_secret_in_the_wrong_field_is_not_repeated_in_the_cause(secret: str) -> None:
    body = {**GOOD["data"], "ttl_seconds": secret}
    cause = unreadable(message(data=body)).cause
    assert cause.startswith("data.ttl_seconds: ")
    assert secret not in cause


def test_free_text_that_holds_a_card_number_is_refused() -> None:
    for text in ("4111111111111111", "card 4111-1111-1111-1111 ok", "12 4111 1111 1111 1111 9"):
        cause = unreadable(message(data={**GOOD["data"], "place": {"receipt": text}})).cause
        assert cause.startswith("data.place.receipt: ")
        assert "4111" not in cause
    for text in ("4111111111111112", "1234567890123456", "tel +1 212 555 0100", "R-2026-05-01-77"):
        read = command(data={**GOOD["data"], "place": {"receipt": text}})
        assert read.body.place.receipt == text


@pytest.mark.parametrize("between", [*"-./_ \u00a0\u2009\u2010\u2013\u2212\n", "    ", " - "])
def test_a_card_number_is_one_however_its_groups_are_parted(between: str) -> None:
    for digits in ("4111 1111 1111 1111", "\uff14\uff11\uff11\uff11 1111 1111 1111"):
        text = f"paid with {digits.replace(' ', between)} today"
        cause = unreadable(message(data={**GOOD["data"], "place": {"receipt": text}})).cause
        assert cause.startswith("data.place.receipt: ")


def test_days_instants_and_prices_are_no_card_numbers() -> None:
    for text in ("2026-11-28 10:00:00", "2026/11/28, 12.50", "4111, 1111, 1111, 1111"):
        read = command(data={**GOOD["data"], "place": {"receipt": text}})
        assert read.body.place.receipt == text


def test_text_that_no_table_could_store_is_refused() -> None:
    cause = unreadable(message(data={**GOOD["data"], "place": {"receipt": "a\x00b"}})).cause
    assert cause.startswith("data.place.receipt: ")
    assert command(data={**GOOD["data"], "place": {"receipt": "Überweisung №5"}})


def test_content_is_type_subject_and_data_whatever_the_order_of_keys_and_the_rest() -> None:
    one = command(data={"amount": {"minor": 1, "currency": "USD"}, "ttl_seconds": 5})
    two = command(
        data={"ttl_seconds": 5, "amount": {"currency": "USD", "minor": 1}},
        time="2026-05-02T00:00:00Z",
        replyto="other",
        source="channel/web",
    )
    assert content_of(one) == content_of(two)
    assert len(content_of(one)) == 32
    other_data = command(data={"amount": {"minor": 2, "currency": "USD"}, "ttl_seconds": 5})
    other_subject = command(data=GOOD["data"], subject="c2")
    other_type = command(data=GOOD["data"], type="redeem.v1")
    contents = {content_of(c) for c in (one, other_data, other_subject, other_type, command())}
    assert len(contents) == 5


def test_a_broadcast_is_told_on_every_command_topic() -> None:
    body = {"version": 3, "sha256": "ab" * 32, "effective": 1_777_644_000_000}
    value = message(type="policy_changed.v1", source="service/policy", data=body)
    for owner in ("issuance", "redemption"):
        read = read_command(owner, value)  # type: ignore[arg-type]
        assert isinstance(read, Broadcast)
        assert read.source in BROADCAST_SOURCES
        assert isinstance(read.body, PolicyChanged)
        assert read.body.version == 3


def test_internal_types_are_told_apart_by_topic() -> None:
    assert internal("redemption", "activate")
    assert internal("issuance", "restock")
    assert not internal("issuance", "activate")
    assert not internal("redemption", "place_hold")


def test_a_fact_of_another_topic_is_no_fact_of_this_one() -> None:
    with pytest.raises(ValueError, match=r"allowed on scrip.issuance.events.v1"):
        read_fact(ISSUANCE_EVENTS, b'{"specversion":"1.0","type":"hold_captured.v1"}')
    for value in (b"", b"{}", b'{"type":"hold_lapsed.v1"}', b"\xff"):
        with pytest.raises(ValueError, match=r"."):
            read_fact(REDEMPTION_EVENTS, value)


DUE: dict[str, Any] = {
    "id": "d1",
    "subject": "c1",
    "type": "lapse_hold.v1",
    "data": {"hold": "h1"},
}


def sweep(*due: Any) -> dict[str, Any]:
    return {"type": "sweep.v1", "source": "service/redemption", "data": {"due": list(due)}}


def test_a_sweep_holds_commands_that_are_read_as_if_each_had_come_alone() -> None:
    other = {**DUE, "id": "d2", "subject": "c2", "type": "expire_lots.v1", "data": {"round": 2}}
    held = list(commands_of(command(**sweep(DUE, other))))
    assert [(one.id, one.type, one.subject) for one in held] == [
        ("d1", "lapse_hold", "c1"),
        ("d2", "expire_lots", "c2"),
    ]
    assert (held[0].body.hold, held[1].body.round) == ("h1", 2)
    assert {(one.source, one.time) for one in held} == {("service/redemption", 1_777_644_000_000)}
    plain = command()
    assert list(commands_of(plain)) == [plain]


@pytest.mark.parametrize(
    ("due", "cause"),
    [
        ([], "data.due: a list of 0 — allowed: 1 or more of them"),
        ([DUE] * (DUE_MAX + 1), "data.due: a list of 201 — allowed: 200 of them or fewer"),
        (
            [{**DUE, "type": "place_hold.v1"}],
            "data.due.0: type 'place_hold.v1' — allowed: "
            "type 'lapse_hold.v1', 'lapse_return.v1', 'expire_lots.v1'",
        ),
        ([{**DUE, "type": {"pin": "4711"}}], "data.due.0: type an object — allowed: type 'lapse"),
        ([{"id": "d1"}], "data.due.0: an object — allowed: the key type is required"),
        ([DUE, {**DUE, "data": {}}], "data.due.1.data.hold: nothing — allowed: "),
        ([{**DUE, "subject": "no spaces"}], "data.due.0.subject: 'no spaces' — allowed: "),
        (
            [{**DUE, "data": {"hold": "h1", "amount": 5}}],
            "data.due.0.data.amount: an unknown key — allowed: hold, place",
        ),
    ],
)
def test_a_sweep_that_is_unfit_says_where(due: list[Any], cause: str) -> None:
    assert unreadable(message(**sweep(*due))).cause.startswith(cause)
