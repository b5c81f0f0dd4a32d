"""Who may do what where: the right each command needs, and the places it is good for."""

from dataclasses import asdict
from typing import Any, Final

from schemas.identifiers import same_person
from schemas.message import Command
from schemas.policy import Programme, Right
from schemas.refusals import Reason
from schemas.terms import Policy, Terms
from schemas.value import Lot, Where

RIGHTS: Final[dict[str, Right]] = {
    "issue_credit": "issue",
    "load_value": "issue",
    "enquire": "enquire",
    "place_hold": "redeem",
    "increase_hold": "redeem",
    "capture_hold": "redeem",
    "release_hold": "redeem",
    "redeem": "redeem",
    "refund_capture": "refund",
    "reserve_return": "refund",
    "confirm_return": "refund",
    "cancel_return": "refund",
    "adjust_balance": "adjust",
    "cash_out": "adjust",
    "transfer_balance": "adjust",
    "extend_validity": "adjust",
    "expire_credit": "adjust",
    "charge_back_sale": "adjust",
    "cancel_account": "cancel",
    "freeze_account": "freeze",
    "unfreeze_account": "freeze",
}
# Advices end what is open and an enquiry moves nothing: no place is wrong for them.
_PLACELESS: Final = frozenset({"enquire", "release_hold", "cancel_return", "confirm_return"})
# Where a programme is good for; goods come back wherever they do.
_OF_PROGRAMME: Final = frozenset(
    {"issue_credit", "load_value", "place_hold", "increase_hold", "redeem", "capture_hold"}
)


def where_of(command: Command, terms: Terms) -> Where:
    """The decided place of a command; an unknown one counts as the parent (and is refused)."""
    return terms.where(command.body.place) or parent(terms)


def parent(terms: Terms) -> Where:
    """The place of whatever has none."""
    found = terms.where(None)
    assert found is not None
    return found


def place_of(where: Where) -> dict[str, str]:
    """The place of a command that follows from what happened there: its history says so too."""
    return {name: said for name, said in asdict(where).items() if said and name != "entity"}


def not_permitted(command: Command, terms: Terms) -> bool:
    """May the sealed source not do this, or does the place claim another channel?"""
    channel = command.channel
    if channel is None:
        return False
    place = command.body.place
    if place is not None and place.channel is not None and place.channel != channel:
        return True
    return not terms.policy.permits(channel, RIGHTS[command.type])


def may_approve(command: Command, terms: Terms, approved_by: str | None) -> bool:
    """Is there a second person, through a channel that may bring approvals?"""
    place = command.body.place
    staff = place.staff if place is not None else None
    return (
        approved_by is not None
        and (staff is None or not same_person(approved_by, staff))
        and terms.policy.permits(command.channel, "approve")
    )


def misplaced(command: Command, terms: Terms, programme: Programme) -> Reason | None:
    """Is the place unknown, or none of the channel's or the programme's?"""
    if command.type in _PLACELESS:
        return None
    policy = terms.policy
    place = command.body.place
    named = place.location if place is not None else None
    location = named or policy.parent
    channel = policy.channel(command.channel)
    if (
        policy.place(location) is None
        or (channel is not None and not _among(channel.locations, location))
        or (
            command.type in _OF_PROGRAMME
            # What is captured was held at a good place; only another one named now may be wrong.
            and (named is not None or command.type != "capture_hold")
            and not _among(programme.locations, location)
        )
    ):
        return Reason.LOCATION_NOT_ALLOWED
    return None


def _among(locations: Any, location: str) -> bool:
    return locations == "*" or location in locations


def usable_at(policy: Policy, lots: list[Lot], location: str) -> list[Lot]:
    """The lots that may be used here: without a network-wide card those of this franchise.

    The parent is exempt.
    """
    if policy.document.settlement.cross_franchise:
        return lots
    here = policy.place(location)
    if here is None or here.is_parent:
        return lots
    own = (None, here.franchise)
    return [lot for lot in lots if lot.location == location or _franchise(policy, lot) in own]


def foreign(policy: Policy, lots: list[Lot], location: str) -> bool:
    """Is value of another franchise used here without a network-wide card?"""
    return len(usable_at(policy, lots, location)) < len(lots)


def _franchise(policy: Policy, lot: Lot) -> str | None:
    place = policy.place(lot.location)
    if place is None:
        return lot.entity  # a place that policy no longer names is its entity's
    return None if place.is_parent else place.franchise
