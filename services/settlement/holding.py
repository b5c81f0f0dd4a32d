"""Which items no run can take as things stand, whatever the bank accounts, and what to say of it.

Who owes is an entity, who is debited the account of a location: one is the other's only while the
location is of that entity. What E1 owes is never taken from the account of a location that is E3's
now, nor paid into it: it waits until the location is E1's again, or the two settle it themselves.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from schemas.money import OF_BANK_FILES, in_units
from schemas.terms import Policy
from services.settlement.netting import Held, Payable, Standing


class Complaint(NamedTuple):
    """What a person has to know of what is held, and of which location (None: of the network)."""

    kind: str
    location: str | None
    said: str


def payable(row: Mapping[Any, Any], policy: Policy) -> Payable:
    """An item's row as netting takes it, barred if it is under this policy."""
    barred = _barred(row, policy)
    return Payable(row["item"], row["source"], row["destination"], row["amount"], barred)


def estranged(policy: Policy, location: str, entity: str) -> bool:
    """Whether the location is not (or not any more) of that entity."""
    place = policy.place(location)
    return place is None or place.entity != entity


def of_items(
    rows: Iterable[Mapping[Any, Any]], held: Iterable[Held], policy: Policy
) -> Iterator[Complaint]:
    """One complaint for all items held alike; nothing of those that wait for a bank account."""
    known = {row["item"]: row for row in rows}
    counted: Counter[tuple[Standing, str, str]] = Counter()
    for obstacle in held:
        row = known[obstacle.item]
        if obstacle.reason is Standing.OTHER_CURRENCY:
            counted[obstacle.reason, "", row["currency"]] += 1
        elif obstacle.reason is Standing.OTHER_ENTITY:
            counted[obstacle.reason, obstacle.location, _whose(row, obstacle, policy)] += 1
    for (reason, location, of), count in sorted(counted.items()):
        if reason is Standing.OTHER_ENTITY:
            yield _held(f"{count} of {of}'s items", location, policy)
        else:
            said = f"held: {count} of the items in {of}; bank files are in {OF_BANK_FILES}"
            yield Complaint(reason.value, None, said)


def of_carried(row: Mapping[Any, Any], policy: Policy) -> Complaint:
    """What an entity carries at a location that is not its any more."""
    amount = in_units(row["amount"], row["currency"])
    return _held(f"{amount} that {row['entity']} carries", row["location"], policy)


def of_owed(row: Mapping[Any, Any], policy: Policy) -> Complaint:
    """A returned entry of an entity whose location is not its any more."""
    amount = in_units(row["amount"], row["currency"])
    what = f"a {row['direction']} of {amount} that came back, {row['entity']}'s"
    return _held(what, row["location"], policy)


def _barred(row: Mapping[Any, Any], policy: Policy) -> tuple[str, Standing] | None:
    if not row["currency"] == policy.document.network.currency == OF_BANK_FILES:
        return row["destination"], Standing.OTHER_CURRENCY
    for location, entity in _sides(row):
        # A location that the policy knows no more has no bank account, and says so.
        if policy.place(location) is not None and estranged(policy, location, entity):
            return location, Standing.OTHER_ENTITY
    return None


def _sides(row: Mapping[Any, Any]) -> tuple[tuple[str, str], tuple[str, str]]:
    source = (row["source"], row["source_entity"])
    return source, (row["destination"], row["destination_entity"])


def _whose(row: Mapping[Any, Any], obstacle: Held, policy: Policy) -> str:
    return next(
        entity
        for location, entity in _sides(row)
        if location == obstacle.location and estranged(policy, location, entity)
    )


def _held(what: str, location: str, policy: Policy) -> Complaint:
    place = policy.place(location)
    now = f"{place.entity}'s now" if place is not None else "no location any more"
    said = f"held: {what}; {location} is {now}"
    return Complaint(Standing.OTHER_ENTITY.value, location, said)
