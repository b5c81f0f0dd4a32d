"""Why a command to issuance does not count: every reason that holds, of which the first decides."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from schemas.issuance import CardEntry, ImportCards, PrepareCards, ReserveSale
from schemas.message import Command
from schemas.money import Money
from schemas.policy import Programme, Right
from schemas.refusals import PRECEDENCE, Reason
from schemas.terms import Policy, Terms
from schemas.value import Where
from services.issuance.rows import Card
from services.issuance.sale import IMPORT, PROMO, REPLACEMENT, expiry
from services.issuance.templates import left

Problem = tuple[Reason, str]


def first_problem(problems: Iterable[Problem]) -> Problem | None:
    """Of several problems, the one whose reason comes first by precedence."""
    return min(problems, key=lambda problem: PRECEDENCE[problem[0]], default=None)


RIGHTS: Final[dict[str, Right]] = {
    "prepare_cards": "issue",
    "ship_cards": "issue",
    "import_cards": "issue",
    "undo_import": "issue",
    "reserve_sale": "issue",
    "sell_card": "issue",
    "confirm_sale": "issue",
    "cancel_sale": "issue",
    "cancel_card": "cancel",
    "restore_card": "cancel",
    "enquire": "enquire",
}


def rights(command: Command, terms: Terms) -> Iterator[Problem]:
    """May the (sealed) source do this, in the name of this channel? A service may."""
    if command.channel is None:
        return
    policy = terms.policy
    place = command.body.place
    named = place.channel if place is not None else None
    if named is not None and named != command.channel:
        yield Reason.NOT_PERMITTED, f"place.channel {named} is not the sender {command.source}"
    right = RIGHTS[command.type]
    if not policy.permits(command.channel, right):
        yield Reason.NOT_PERMITTED, f"{command.source} may not {right}"


def location(command: Command, terms: Terms, programme: Programme | None) -> Iterator[Problem]:
    """Is the place known and one of the channel's, and does the programme sell there?"""
    place = command.body.place
    name = (place.location if place is not None else None) or terms.policy.parent
    channel = terms.policy.channel(command.channel)
    if terms.policy.place(name) is None:
        yield Reason.LOCATION_NOT_ALLOWED, f"no location {name} in the policy"
    elif channel is not None and channel.locations != "*" and name not in channel.locations:
        yield Reason.LOCATION_NOT_ALLOWED, f"{command.source} is not of {name}"
    elif programme is not None and programme.locations != "*" and name not in programme.locations:
        yield Reason.LOCATION_NOT_ALLOWED, f"the programme is not sold at {name}"


def stock(
    command: Command, terms: Terms, rows: Mapping[str, Any], made: Mapping[str, int] | None
) -> Iterator[Problem]:
    """Problems of a batch that is prepared (`made`: what templates have made) or imported."""
    body: PrepareCards | ImportCards = command.body
    programme = terms.policy.programme(body.programme)
    if programme is None or programme.kind != "card":
        yield Reason.UNKNOWN_PROGRAMME, f"no card programme {body.programme} in the policy"
        return
    names = [entry.card for entry in body.cards]
    if command.subject not in names:
        yield Reason.UNKNOWN_CARD, f"the subject {command.subject} is not in the batch"
    known = next((name for name in names if name in rows), None)
    if known is not None or len(set(names)) < len(names):
        yield Reason.ALREADY_PREPARED, f"card {known or 'named twice'} is prepared already"
    if made is not None:
        said = body.made if isinstance(body, PrepareCards) else None
        yield from _room(terms.policy, programme, made, said or {}, len(names))
    yield from location(command, terms, None)
    for entry in body.cards:
        yield from _face(entry, body, terms.policy, programme)


def _room(
    policy: Policy,
    programme: Programme,
    made: Mapping[str, int],
    said: Mapping[str, int],
    wanted: int,
) -> Iterator[Problem]:
    """Against more than fits: by what was made here, and by the meter of whoever makes them."""
    for name in programme.templates:
        before = max(made.get(name, 0), said.get(name, 0) - wanted)
        room = left(policy.document.templates[name], before)
        if wanted > room:
            yield Reason.TEMPLATE_FULL, f"template {name} has room for {room} more"


def _face(
    entry: CardEntry, body: PrepareCards | ImportCards, policy: Policy, programme: Programme
) -> Iterator[Problem]:
    value = entry.value
    if isinstance(body, ImportCards):
        value = value or body.value
        if value is None:
            yield Reason.AMOUNT_NOT_POSITIVE, f"card {entry.card} comes without a value"
    if value is None:
        return
    yield from _currency(value, programme.currency)
    if value.minor <= 0:
        yield Reason.AMOUNT_NOT_POSITIVE, f"value {value.minor}"
    if isinstance(body, PrepareCards) and not policy.offers(programme, value.minor):
        yield Reason.DENOMINATION_NOT_OFFERED, f"value {value.minor}"


def _currency(amount: Money, currency: str) -> Iterator[Problem]:
    if amount.currency != currency:
        yield Reason.WRONG_CURRENCY, f"{amount.currency}, the programme is in {currency}"


def sale(body: ReserveSale, card: Card, policy: Policy, programme: Programme) -> Iterator[Problem]:
    """Problems of what is to be sold: currency, amount, denomination, limit."""
    value = body.value
    yield from _currency(value, card.currency)
    if body.price is not None:
        yield from _price(body.price, body, card.currency)
    if body.tender == IMPORT:
        yield Reason.DENOMINATION_NOT_OFFERED, "a card is imported by import_cards, not sold so"
    if body.tender == REPLACEMENT:
        if value.minor != 0:
            yield Reason.DENOMINATION_NOT_OFFERED, "a replacement is sold at value 0"
        return
    if value.minor <= 0:
        yield Reason.AMOUNT_NOT_POSITIVE, f"value {value.minor}"
    if card.value_minor not in (None, value.minor) or not policy.offers(programme, value.minor):
        yield Reason.DENOMINATION_NOT_OFFERED, f"value {value.minor}"
    most = programme.limits.balance_max
    if most is not None and value.minor > most:
        yield Reason.LIMIT_EXCEEDED, f"value {value.minor} above balance_max {most}"


def _price(price: Money, body: ReserveSale, currency: str) -> Iterator[Problem]:
    yield from _currency(price, currency)
    if price.minor < 0:
        yield Reason.AMOUNT_NOT_POSITIVE, f"price {price.minor}"
    if price.minor > body.value.minor:
        yield Reason.DENOMINATION_NOT_OFFERED, f"price {price.minor} above {body.value.minor}"
    if price.minor > 0 and body.tender == PROMO:
        yield Reason.DENOMINATION_NOT_OFFERED, "a promotional card has no price"


def in_time(policy: Policy, programme: Programme, where: Where, now: int) -> Iterator[Problem]:
    """Is what is sold now (ms UTC) good for a moment at least?"""
    ends = expiry(policy, programme, where, now)
    if ends is not None and ends <= now:
        yield Reason.DENOMINATION_NOT_OFFERED, "its validity has ended already"
