"""What customers do in a day: cards are sold and spent, goods come back, credit is given."""

from dataclasses import dataclass, field
from typing import Any, Final

from schemas.identifiers import credit_account
from schemas.instants import MINUTE
from services.demo.publishing import CURRENCY, Day, Sent, money, till

CATEGORIES: Final = ("product", "product", "service", "class", "tip")
TAX_PERCENT: Final = 8
# What was sold is live at the redeeming service some minutes later at the very latest.
LIVE_AFTER: Final = 25 * MINUTE


@dataclass(slots=True)
class Purse:
    """An account as its holder believes it to be; the books may know better."""

    account: str
    home: str
    minor: int
    ready_at: int
    uses: list[tuple[Sent, list[dict[str, Any]]]] = field(default_factory=list)


def sell(day: Day, card: str, at: int, value: int) -> Purse:
    """Sell a prepared card: at the till in two phases or one, sometimes cheaper or as a promo."""
    store = day.store()
    tender = ("cash", "card", "card", "psp", "promo")[day.between(0, 4)]
    body: dict[str, Any] = {"value": money(value), "tender": tender}
    if tender == "card" and day.one_in(6):
        body["price"] = money(value - value // 10)
    place = till(day, store)
    if day.one_in(3):
        sold = day.command(at, "pos", "sell_card", card, body, place)
        return Purse(card, store, value, sold.at + LIVE_AFTER)
    reserved = day.command(at, "pos", "reserve_sale", card, body, place)
    if day.one_in(25):
        cancelled = day.soon(reserved.at)
        day.command(cancelled, "pos", "cancel_sale", card, {"sale": reserved.id}, place)
        return Purse(card, store, 0, cancelled + LIVE_AFTER)
    confirm = {"sale": reserved.id}
    sold = day.command(day.soon(reserved.at), "pos", "confirm_sale", card, confirm, place)
    return Purse(card, store, value, sold.at + LIVE_AFTER)


def give_credit(day: Day, customer: str, at: int) -> Purse:
    """The office gives a customer store credit."""
    account = credit_account("customer", customer, CURRENCY)
    minor = day.between(5, 60) * 100
    origin = ("goodwill", "issuance", "promo")[day.between(0, 2)]
    body: dict[str, Any] = {"owner": {"customer": customer}, "origin": origin}
    if day.one_in(5):
        minor = 2500
        body |= {"origin": "membership", "membership": "gold", "assignment": f"plan-{customer}"}
    body["amount"] = money(minor)
    sent = day.command(at, "office", "issue_credit", account, body)
    return Purse(account, "HQ", minor, sent.at + LIVE_AFTER)


def use(day: Day, purse: Purse, at: int) -> int:
    """Spend some of a purse in one of the ways there are; when that is over (ms UTC)."""
    if purse.minor < 300:
        if day.one_in(3):
            day.command(at, "pos", "enquire", purse.account, {}, till(day, day.store()))
        return at
    way = day.between(1, 10)
    if way <= 4:
        return _redeem(day, purse, at)
    if way <= 8:
        return _hold(day, purse, at)
    if way == 9:
        return _partly(day, purse, at)
    return _refund(day, purse, at, None) if purse.uses else _redeem(day, purse, at)


def bring_back(day: Day, purse: Purse, at: int, to: str) -> int:
    """Goods come back for store credit on another account."""
    return _refund(day, purse, at, to) if purse.uses else at


def basket(day: Day, minor: int) -> list[dict[str, Any]]:
    """The lines of a receipt of exactly so much, tax included."""
    tax = minor * TAX_PERCENT // (100 + TAX_PERCENT)
    count = day.between(1, 3)
    rest = minor - tax
    cuts = sorted(day.between(1, rest - 1) for _ in range(count - 1)) if rest > 3 else []
    sizes = [b - a for a, b in zip([0, *cuts], [*cuts, rest], strict=True)]
    lines = [
        {"line": i, "category": CATEGORIES[day.between(0, 4)], "amount": money(size)}
        for i, size in enumerate((size for size in sizes if size), 1)
    ]
    if tax:
        lines.append({"line": len(lines) + 1, "category": "tax", "amount": money(tax)})
    return lines


def _place(day: Day, purse: Purse) -> tuple[str, dict[str, str]]:
    """Every other use is at another store than the one that sold; some are on the web."""
    store = purse.home if purse.home != "HQ" and day.one_in(2) else day.store(purse.home)
    return ("web", {"location": store}) if day.one_in(4) else ("pos", till(day, store))


def _some(day: Day, purse: Purse) -> int:
    return purse.minor if day.one_in(5) else day.between(200, max(purse.minor // 2, 201))


def _redeem(day: Day, purse: Purse, at: int) -> int:
    channel, place = _place(day, purse)
    minor = _some(day, purse)
    lines = basket(day, minor)
    body = {"amount": money(minor), "lines": lines}
    sent = day.command(at, channel, "redeem", purse.account, body, place)
    purse.minor -= minor
    purse.uses.append((sent, lines))
    return sent.at


def _hold(day: Day, purse: Purse, at: int) -> int:
    """Hold, then capture once or twice, or let go, or let it lapse."""
    channel, place = _place(day, purse)
    minor = _some(day, purse)
    body: dict[str, Any] = {"amount": money(minor)}
    if channel == "web":
        body["order"] = {"id": f"o{day.between(1, 99_999):05d}", "total": money(minor)}
    hold = day.command(at, channel, "place_hold", purse.account, body, place)
    then = day.soon(hold.at, 10, 300)
    end = day.between(1, 10)
    if end == 1:
        day.command(then, channel, "release_hold", purse.account, {"hold": hold.id}, place)
        return then
    if end == 2:
        return then  # nobody comes back: it lapses
    if end <= 4 and minor >= 600:
        then = _capture(day, purse, (hold, minor // 3, False), then, place)
        minor -= minor // 3
        then = day.soon(then, 20, 120)
    return _capture(day, purse, (hold, minor, True), then, place)


def _capture(
    day: Day, purse: Purse, what: tuple[Sent, int, bool], at: int, place: dict[str, str]
) -> int:
    hold, minor, final = what
    channel = hold.value["source"].removeprefix("channel/")
    lines = basket(day, minor)
    body: dict[str, Any] = {"hold": hold.id, "amount": money(minor), "lines": lines}
    if not final:
        body["final"] = False
    sent = day.command(at, channel, "capture_hold", purse.account, body, place)
    purse.minor -= minor
    purse.uses.append((sent, lines))
    return sent.at


def _partly(day: Day, purse: Purse, at: int) -> int:
    """More is asked than there is; what is there is taken, the rest is paid otherwise."""
    channel, place = _place(day, purse)
    asked = purse.minor + day.between(100, 3000)
    lines = basket(day, asked)
    if day.one_in(2):
        body = {"amount": money(asked), "allow_partial": True, "lines": lines}
        purse.minor = 0
        return day.command(at, channel, "redeem", purse.account, body, place).at
    body = {"amount": money(asked), "allow_partial": True}
    hold = day.command(at, channel, "place_hold", purse.account, body, place)
    capture = {"hold": hold.id, "lines": lines}
    purse.minor = 0
    then = day.soon(hold.at, 10, 200)
    return day.command(then, channel, "capture_hold", purse.account, capture, place).at


def _refund(day: Day, purse: Purse, at: int, to: str | None) -> int:
    """Goods of an earlier use come back, all of it or one line of it, at any store."""
    sent, lines = purse.uses.pop(day.between(0, len(purse.uses) - 1))
    body: dict[str, Any] = {"capture": sent.id, "reason": "brought back"}
    if day.one_in(2):
        line = lines[day.between(0, len(lines) - 1)]
        minor = line["amount"]["minor"]
        body["lines"] = [{"line": line["line"], "amount": line["amount"]}]
    else:
        minor = sum(line["amount"]["minor"] for line in lines)
        body["amount"] = money(minor)
    if to is not None:
        body["to"] = to
    else:
        purse.minor += minor
    at = max(at, sent.at + MINUTE)
    place = till(day, day.store())
    return day.command(at, "pos", "refund_capture", purse.account, body, place).at
