"""Makes reconciliation items: what a place is owed where it was paid with another's value.

One item per line and source location S of a fact at location D ≠ S, or at S itself where it is of
another entity than the value that came in there. A use accrues `base` × rate of
the policy it was decided under; a refund to the same account takes that back, cumulatively, between
S and the place of the capture, whoever took the goods back. A refund to another account makes no
item: that account's lot belongs to the refunding place, and the original items stay.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, cast

from schemas.decision import Derived
from schemas.identifiers import derived
from schemas.message import Published
from schemas.money import apportion
from schemas.redemption_facts import CaptureRefunded, CardReturned, HoldCaptured, ValueTaken
from schemas.settlement import ItemAccrued
from schemas.terms import Policy
from schemas.value import Part, Where
from services.settlement.rates import CASH, Rating, accrued, rating, reversed_by

PolicyOf: TypeAlias = Callable[[int], Policy]
ITEM_ACCRUED = "item_accrued.v1"


@dataclass(frozen=True, slots=True)
class _Side:
    """The parts of one line that came from one location (of one entity at the time it came in)."""

    line: int
    category: str
    location: str
    entity: str
    parts: tuple[Part, ...]

    @property
    def base(self) -> int:
        return sum(part.minor for part in self.parts)

    @property
    def funded(self) -> int:
        return sum(part.funded for part in self.parts)


@dataclass(frozen=True, slots=True)
class _Use:
    """Where value was used, on which account, by which capture (or payout)."""

    fact: Published
    capture: str
    where: Where
    currency: str


def derive(published: Published, policy_of: PolicyOf) -> tuple[Derived, ...]:
    """The items of one redemption fact, by line and location; most facts have none."""
    match published.type, published.body:
        case "hold_captured.v1", HoldCaptured() as body:
            use = _Use(published, body.capture, body.where, body.currency)
            made = _uses(use, body.parts, policy_of(published.policy))
        case "capture_refunded.v1", CaptureRefunded(to_same=True) as body:
            use = _Use(published, body.capture, body.capture_where, body.currency)
            made = _refunds(use, body.parts, policy_of)
        case "cashed_out.v1", ValueTaken() as body:
            use = _Use(published, published.causationid, body.where, body.currency)
            made = _uses(use, _as_cash(body.parts), policy_of(published.policy))
        case "card_returned.v1", CardReturned() as body:
            use = _Use(published, body.return_id, body.where, body.currency)
            paid = _as_cash(_paid(body.parts, body.price_minor))
            made = _uses(use, paid, policy_of(published.policy))
        case _:
            return ()
    return tuple(
        Derived(type=ITEM_ACCRUED, subject=published.subject, body=item, dates=published.dates)
        for item in made
    )


def item_id(account: str, capture: str, line: int, source: str, entity: str) -> str:
    """The id of a use's item: known to its refunds too, which name the capture."""
    return derived("item", account, capture, str(line), source, entity)


def _uses(use: _Use, parts: Iterable[Part], policy: Policy) -> Iterator[ItemAccrued]:
    for side in _sides(parts, use.where, policy):
        rate = rating(policy, side.location, use.where.location, side.category)
        amount = accrued(side.base, rate.rate_bp)
        yield _item(use, side, rate, amount)


def _refunds(use: _Use, parts: Sequence[Part], policy_of: PolicyOf) -> Iterator[ItemAccrued]:
    """Items that mirror the capture's, under the capture's policy.

    Parts must name every lot that the line drew from a location it touches (with `minor` 0 where
    nothing comes back to it now), for what the line has given back is a sum over them.
    """
    if not parts:
        return
    policy = policy_of(cast(int, parts[0].capture_policy))
    for side in _sides(parts, use.where, policy):
        if side.base == 0:
            continue
        rate = rating(policy, side.location, use.where.location, side.category)
        before = sum(cast(int, part.refunded_before) for part in side.parts)
        assert before + side.base <= sum(cast(int, part.drawn) for part in side.parts)
        amount = reversed_by(before, before + side.base, rate.rate_bp)
        original = item_id(use.fact.subject, use.capture, side.line, side.location, side.entity)
        negative = replace(
            _item(use, side, rate, -amount),
            item=derived("item", use.fact.id, original),
            base=-side.base,
            funded=-side.funded,
            reverses=original,
        )
        yield replace(negative, kind="refund") if rate.reconciled else negative


def _item(use: _Use, side: _Side, rate: Rating, amount: int) -> ItemAccrued:
    return ItemAccrued(
        item=item_id(use.fact.subject, use.capture, side.line, side.location, side.entity),
        source=side.location,
        to=use.where.location,
        source_entity=side.entity,
        to_entity=use.where.entity,
        account=use.fact.subject,
        capture=use.capture,
        line=side.line,
        category=side.category,
        base=side.base,
        funded=side.funded,
        rate_bp=rate.rate_bp,
        amount=amount,
        currency=use.currency,
        kind="use" if rate.reconciled else "unreconciled",
        programme=side.parts[0].programme,
        cohort=side.parts[0].cohort,
        ticket=use.fact.body.where.receipt,
        occurred_at=use.fact.time,
        unexpected=rate.unexpected,
    )


def _sides(parts: Iterable[Part], where: Where, policy: Policy) -> list[_Side]:
    """The parts by line and source, in their order, without those that make no item."""
    grouped: dict[tuple[int, str, str], list[Part]] = {}
    between_entities_only = policy.document.settlement.same_entity == "none"
    for part in parts:
        within = part.entity == where.entity
        if within and (between_entities_only or part.location == where.location):
            continue
        grouped.setdefault((part.line, part.location, part.entity), []).append(part)
    return [
        _Side(line, found[0].category, location, entity, tuple(found))
        for (line, location, entity), found in grouped.items()
    ]


def _as_cash(parts: Iterable[Part]) -> list[Part]:
    return [replace(part, category=CASH) for part in parts]


def _paid(parts: Sequence[Part], price_minor: int) -> list[Part]:
    """The parts with what is paid back for each as `minor`: a card is returned at its price."""
    weights = [part.funded for part in parts]
    if not sum(weights):
        weights = [part.minor for part in parts]
    shares = apportion(price_minor if sum(weights) else 0, weights)
    return [replace(part, minor=share) for part, share in zip(parts, shares, strict=True)]
