"""Nets a run: which items it claims, what each location pays or gets, and what is left waiting.

Netting is multilateral, through the parent's clearing account: a location has one signed position
in a run, whoever its partners were. Signs are the location's: negative owes, positive gets.

The parent is also a place and can be a side of items. Its own position needs no entry of its own
and no minimum: the money is in its clearing account already. So it always moves in full, stands in
`positions` like any other (the sum over all locations stays zero), and never in `carried`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """Whether a location's bank account can be used (for an item), and if not, why."""

    ABLE = "able"
    NO_BANK_ACCOUNT = "no_bank_account"
    NOT_ACTIVE = "account_not_active"
    FROZEN = "account_frozen"
    CONSUMER = "consumer_account"
    OTHER_ENTITY = "location_of_another_entity"
    OTHER_CURRENCY = "not_the_currency_of_bank_files"


@dataclass(frozen=True, slots=True)
class Payable:
    """An accrued item: `source` owes `destination` this much; negative turns it round.

    `barred`: why no run can take it, whatever the accounts of its locations, and for which of them.
    """

    item: str
    source: str
    destination: str
    amount_minor: int
    barred: tuple[str, Standing] | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """An item left accrued, on both sides, because one location cannot settle it."""

    item: str
    location: str
    reason: Standing


@dataclass(frozen=True, slots=True)
class Netting:
    """A run's result; mappings are sorted by location, amounts signed as in the module's text.

    `nets` sums the claimed items; `positions` moves now (0 for a location that moves nothing);
    `carried` is all that waits after the run, without zeros; `parent_minor` is the one amount that
    makes the parent's account the other side of all positions.
    """

    parent: str
    claimed: tuple[str, ...]
    held: tuple[Held, ...]
    nets: Mapping[str, int]
    positions: Mapping[str, int]
    carried_before: Mapping[str, int]
    carried: Mapping[str, int]
    parent_minor: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run is netted under.

    `standings` names every location; one that it does not name has no bank account. The parent
    may be left out: without an account of its own the originator's takes its side. When it is named
    and not able, nothing can move. `minimum_minor` is the smallest amount worth an entry.
    """

    parent: str
    standings: Mapping[str, Standing]
    minimum_minor: int

    def standing(self, location: str) -> Standing:
        """Whether a location's own account can be used."""
        absent = Standing.ABLE if location == self.parent else Standing.NO_BANK_ACCOUNT
        return self.standings.get(location, absent)


def net(items: Sequence[Payable], carried_before: Mapping[str, int], terms: Terms) -> Netting:
    """Claims the payable items and nets them with what earlier runs carried.

    Below the minimum, |carried before + net| < minimum, nothing moves and all of it is carried. So
    it is for a location that cannot settle now but has something waiting from before. Σ positions
    + Σ carried − Σ carried before = 0, over all locations.
    """
    _require_sound(items, carried_before, terms)
    held = tuple(obstacle for item in items if (obstacle := _obstacle(item, terms)))
    held_items = {obstacle.item for obstacle in held}
    claimed = [item for item in items if item.item not in held_items]
    nets = _nets(claimed)
    before = {place: amount for place, amount in sorted(carried_before.items()) if amount}
    positions: dict[str, int] = {}
    carried: dict[str, int] = {}
    for place in sorted(nets.keys() | before.keys()):
        due = before.get(place, 0) + nets.get(place, 0)
        positions[place] = due if _moves(place, due, terms) else 0
        if waiting := due - positions[place]:
            carried[place] = waiting
    assert sum(nets.values()) == 0, "each item has two sides, and both are claimed"
    assert sum(positions.values()) + sum(carried.values()) == sum(before.values())
    return Netting(
        parent=terms.parent,
        claimed=tuple(item.item for item in claimed),
        held=held,
        nets=nets,
        positions=positions,
        carried_before=before,
        carried=carried,
        parent_minor=-sum(p for place, p in positions.items() if place != terms.parent),
    )


def _moves(place: str, due: int, terms: Terms) -> bool:
    if any(terms.standing(side) is not Standing.ABLE for side in (terms.parent, place)):
        return False
    return place == terms.parent or abs(due) >= terms.minimum_minor


def _obstacle(item: Payable, terms: Terms) -> Held | None:
    if item.barred is not None:
        return Held(item.item, *item.barred)
    for place in (terms.parent, item.source, item.destination):
        if (standing := terms.standing(place)) is not Standing.ABLE:
            return Held(item.item, place, standing)
    return None


def _nets(claimed: Sequence[Payable]) -> dict[str, int]:
    nets: Counter[str] = Counter()
    for item in claimed:
        nets[item.source] -= item.amount_minor
        nets[item.destination] += item.amount_minor
    return dict(sorted(nets.items()))


def _require_sound(
    items: Sequence[Payable], carried_before: Mapping[str, int], terms: Terms
) -> None:
    twice = [item for item, times in Counter(row.item for row in items).items() if times > 1]
    if twice:
        raise ValueError(f"items given twice: {twice[:3]}")
    circular = [row.item for row in items if row.source == row.destination and not row.barred]
    if circular:
        raise ValueError(f"items from a location to itself: {circular[:3]}")
    if carried_before.get(terms.parent):
        raise ValueError(f"the parent {terms.parent} carries nothing from run to run")
    if terms.minimum_minor < 0:
        raise ValueError(f"the minimum is {terms.minimum_minor}, must not be negative")
