"""What goes wrong in a day: too much is asked, things come in the wrong order, or not as agreed."""

from typing import Any

from schemas.identifiers import derived
from schemas.instants import MINUTE
from schemas.topics import ISSUANCE_COMMANDS, REDEMPTION_COMMANDS
from services.demo.publishing import WITHOUT_SEAL, Day, envelope, money, till
from services.demo.shopping import Purse


def refused(day: Day, purse: Purse, at: int) -> None:
    """One command that the business says no to."""
    account, place = purse.account, till(day, day.store())
    asked: list[tuple[str, str, str, dict[str, Any]]] = [
        ("pos", "redeem", account, {"amount": money(purse.minor + 90_000)}),
        ("pos", "redeem", account, {"amount": money(1000, "EUR")}),
        ("pos", "redeem", account, {"amount": money(0)}),
        ("pos", "redeem", derived("no such card", str(at)), {"amount": money(1000)}),
        ("pos", "capture_hold", account, {"hold": "never-placed"}),
        ("pos", "refund_capture", account, {"capture": "never-made", "amount": money(100)}),
        ("web", "load_value", account, {"amount": money(1000), "origin": "paid", "tender": "psp"}),
        ("pos", "adjust_balance", account, {"minor": 100_000, "reason": "a present"}),
        ("pos", "sell_card", account, {"value": money(5000), "tender": "cash"}),
        ("pos", "sell_card", derived("no card", str(at)), {"value": money(1), "tender": "cash"}),
    ]
    channel, type, subject, body = asked[day.between(0, len(asked) - 1)]
    day.command(at, channel, type, subject, body, place)


def out_of_order(day: Day, purse: Purse, at: int) -> None:
    """A capture or a release overtakes its hold on the way; a capture is then sent once more."""
    account, place = purse.account, till(day, day.store())
    amount = day.between(100, max(101, min(purse.minor // 4, 400)))
    hold = day.command(day.soon(at, 20, 40), "pos", "place_hold", account, _amount(amount), place)
    if day.one_in(2):
        day.command(at, "pos", "release_hold", account, {"hold": hold.id}, place)
        return
    capture = {"hold": hold.id, "amount": money(amount)}
    day.command(at, "pos", "capture_hold", account, capture, place)
    day.command(day.soon(hold.at, 5, 30), "pos", "capture_hold", account, capture, place)
    purse.minor -= amount


def _amount(minor: int) -> dict[str, Any]:
    return {"amount": money(minor)}


def unreadable(day: Day, purse: Purse, at: int, number: int) -> None:
    """One record that is no command: as bytes, as JSON, as an envelope, or in its data."""
    account = purse.account
    good = envelope(f"odd-{number:04d}", "pos", "redeem", account, at, _amount(500))
    way = number % 8
    if way in (0, 1):
        topic = (ISSUANCE_COMMANDS, REDEMPTION_COMMANDS)[way]
        raw = bytes(day.between(128, 255) for _ in range(24))
        day.deliver_bytes(at, topic, "pos", account, raw)
        return
    odd: list[dict[str, Any]] = [
        {**good, "data": {"amount": {"minor": 12.5, "currency": "USD"}}},
        {**good, "data": {**good["data"], "colour": "green"}},
        {**good, "data": {"amount": "five dollars"}},
        {**good, "type": "redeem.v9"},
        {key: value for key, value in good.items() if key != "id"},
        {**good, "data": {"amount": money(500), "place": {"staff": "card 4111 1111 1111 1111"}}},
    ]
    day.deliver(at, REDEMPTION_COMMANDS, "pos", odd[way - 2])


def unsealed(day: Day, purse: Purse, at: int, number: int) -> None:
    """One well-formed command whose seal is another channel's, or missing."""
    value = envelope(f"forged-{number:04d}", "pos", "redeem", purse.account, at, _amount(500))
    day.deliver(at, REDEMPTION_COMMANDS, ("web", WITHOUT_SEAL)[number % 2], value)


def same_id_again(day: Day, purse: Purse, at: int, number: int) -> None:
    """An id is used a second time for something else."""
    place = {"place": {**till(day, purse.home), "channel": "pos"}}
    for minute, minor in ((0, 110), (3, 120)):
        later = at + minute * MINUTE
        body = {**_amount(minor), **place}
        value = envelope(f"reused-{number:04d}", "pos", "redeem", purse.account, later, body)
        day.deliver(later, REDEMPTION_COMMANDS, "pos", value)
