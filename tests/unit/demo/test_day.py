"""The committed day is what its script makes, and has everything a bad day has."""

from collections import Counter

import orjson
import pytest

from schemas.codec import Owner, Unreadable, read_command
from schemas.instants import parse_instant
from schemas.reply import Reply
from schemas.topics import REDEMPTION_COMMANDS
from services.demo.channels import Line, read_day
from services.demo.day import PATH, make_day
from services.demo.model import expected
from services.demo.publishing import MIDNIGHT, money
from services.demo.trading import WINDOW

HOUR = 3_600_000


def test_the_committed_day_is_what_the_script_makes() -> None:
    assert PATH.read_bytes() == make_day()


def test_the_day_has_at_least_five_thousand_commands_in_order_of_arrival() -> None:
    lines = read_day(PATH)
    assert len(lines) >= 5_000
    assert [line.at for line in lines] == sorted(line.at for line in lines)


def test_the_day_is_busiest_at_noon() -> None:
    hours = Counter((line.at - MIDNIGHT) // HOUR for line in read_day(PATH))
    assert max(hours, key=hours.__getitem__) in (11, 12)


def test_the_day_brings_duplicates_late_unreadable_and_wrongly_sealed_records() -> None:
    lines = read_day(PATH)
    values = Counter(line.value for line in lines)
    assert sum(count - 1 for count in values.values()) > 100
    read = [read_command(owner(line), line.value) for line in lines]
    assert sum(isinstance(found, Unreadable) for found in read) >= 40
    sources = [(line.channel, (line.said or {}).get("source")) for line in lines]
    assert sum(source != f"channel/{name}" for name, source in sources if source) >= 10
    late = [line for line in lines if line.said and "time" in line.said]
    assert sum(line.at - _time(line.said) > WINDOW for line in late if line.said) > 30


def test_no_customer_uses_a_card_in_the_window_it_is_sold_in() -> None:
    sold: dict[str, int] = {}
    for line in read_day(PATH):
        said = line.said or {}
        kind = str(said.get("type", "")).partition(".")[0]
        if kind in ("sell_card", "confirm_sale"):
            sold.setdefault(said["subject"], line.at // WINDOW)
        elif kind in ("redeem", "place_hold") and said.get("subject") in sold:
            assert line.at // WINDOW > sold[said["subject"]], said


def owner(line: Line) -> Owner:
    return "redemption" if line.topic == REDEMPTION_COMMANDS.name else "issuance"


def _time(said: dict[str, object]) -> int:
    return parse_instant(str(said["time"]))


def command(type: str, id: str, **data: object) -> dict[str, object]:
    return {"type": f"{type}.v1", "subject": "c1", "id": id, "data": data}


def accepted(id: str, *facts: str, covered: int | None = None) -> Reply:
    return Reply(command=id, outcome="accepted", facts=facts, covered=covered)


def test_the_model_counts_only_what_was_accepted_and_once() -> None:
    sale = command("sell_card", "s", value=money(5000))
    use = command("redeem", "r", amount=money(900))
    much = command("redeem", "m", amount=money(9000))
    replies = {
        ("c1", "s"): accepted("s"),
        ("c1", "r"): accepted("r"),
        ("c1", "m"): Reply(command="m", outcome="refused", reason="insufficient_funds"),
    }
    assert expected([sale, use, use, much], replies).ledger == {"c1": 4100}


@pytest.mark.parametrize(("covered", "left"), [(700, 0), (None, -200)])
def test_the_model_takes_a_partial_hold_for_what_it_covered(covered: int | None, left: int) -> None:
    said = [
        command("sell_card", "s", value=money(700)),
        command("place_hold", "h", amount=money(900)),
        command("capture_hold", "k", hold="h"),
    ]
    replies = {
        ("c1", "s"): accepted("s"),
        ("c1", "h"): accepted("h", covered=covered),
        ("c1", "k"): accepted("k"),
    }
    assert expected(said, replies).ledger == {"c1": left}


def test_every_line_of_the_day_is_one_json_object() -> None:
    with PATH.open("rb") as lines:
        for line in lines:
            row = orjson.loads(line)
            assert ("value" in row) != ("raw" in row)
