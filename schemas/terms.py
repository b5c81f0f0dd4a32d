"""What a decision is taken under: the instant, the policy in force, what is closed."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from schemas.instants import (
    day_after,
    days_after,
    end_of_day,
    local_date,
    start_of_day,
    years_after,
)
from schemas.message import Place
from schemas.policy import Channel, Fixed, Law, Pair, PolicyDocument, Programme, Range, Right
from schemas.value import Where


@dataclass(frozen=True, slots=True)
class ResolvedPlace:
    """A place with what follows from it; the parent is a place named as its entity."""

    location: str
    entity: str
    franchise: str
    jurisdiction: str
    timezone: str
    bank_account: str | None
    is_parent: bool


@dataclass(frozen=True)
class Policy:
    """One version of the policy, with look-ups. `effective` is ms UTC."""

    version: int
    effective: int
    document: PolicyDocument
    sha256: str = ""
    _places: dict[str, ResolvedPlace | None] = field(default_factory=dict, compare=False)
    _laws: dict[tuple[str, int], list[Law]] = field(default_factory=dict, compare=False)

    @cached_property
    def parent(self) -> str:
        """The entity (and place) that runs settlement."""
        return self.document.network.parent

    def place(self, location: str | None) -> ResolvedPlace | None:
        """The named place; the parent for None; None for an unknown name."""
        name = location or self.parent
        if name not in self._places:
            self._places[name] = self._resolve(name)
        return self._places[name]

    def _resolve(self, name: str) -> ResolvedPlace | None:
        network = self.document.network
        location = self.document.locations.get(name)
        if location is None:
            if name != self.parent:
                return None
            return ResolvedPlace(
                name, name, name, "US", network.timezone, network.bank_account, True
            )
        return ResolvedPlace(
            location=name,
            entity=location.entity,
            franchise=location.franchise or location.entity,
            jurisdiction=location.jurisdiction,
            timezone=location.timezone or network.timezone,
            bank_account=location.bank_account
            or (network.bank_account if name == self.parent else None),
            is_parent=name == self.parent,
        )

    def programme(self, name: str) -> Programme | None:
        """The programme of that name, or None."""
        return self.document.programmes.get(name)

    def channel(self, name: str | None) -> Channel | None:
        """The channel of that name; None for a service, or where the policy has no channels."""
        return (self.document.channels or {}).get(name) if name is not None else None

    def permits(self, channel: str | None, right: Right) -> bool:
        """May this channel do that? Services may; so may all where the policy has no channels."""
        if channel is None or self.document.channels is None:
            return True
        known = self.document.channels.get(channel)
        return known is not None and right in known.may

    def chart(self, account: str) -> str:
        """The ledger account number in use for a standard one."""
        return self.document.chart.get(account, account)

    def expiry(self, programme: Programme, sold_at: int) -> int | None:
        """When value sold at `sold_at` expires by the programme alone (ms UTC); None: never."""
        validity = programme.validity
        if validity is None:
            return None
        if validity.days is not None:
            return days_after(sold_at, validity.days)
        assert validity.until is not None
        return end_of_day(validity.until, self.document.network.timezone)

    def laws(self, jurisdiction: str, at: int) -> list[Law]:
        """Rows in force at an instant for a jurisdiction; those of `US` hold for every `US-…`.

        Of rows of one jurisdiction about one rule only the newest counts. A row counts from the
        beginning of its day in network time.
        """
        # The answer changes only when a row begins to count: asked of every load and refund.
        key = (jurisdiction, bisect_right(self._law_starts, at))
        if key not in self._laws:
            self._laws[key] = self._laws_at(jurisdiction, at)
        return self._laws[key]

    @cached_property
    def _law_starts(self) -> list[int]:
        timezone = self.document.network.timezone
        return sorted(start_of_day(row.from_, timezone) for row in self.document.law if row.from_)

    def _laws_at(self, jurisdiction: str, at: int) -> list[Law]:
        newest: dict[tuple[str, str], Law] = {}
        for row in self.document.law:
            if row.jurisdiction != jurisdiction and not jurisdiction.startswith(
                row.jurisdiction + "-"
            ):
                continue
            if row.from_ and start_of_day(row.from_, self.document.network.timezone) > at:
                continue
            for rule in _rules(row):
                known = newest.get((row.jurisdiction, rule))
                if known is None or (known.from_ or "") <= (row.from_ or ""):
                    newest[row.jurisdiction, rule] = row
        return [
            row.model_copy(
                update={name: unsaid for name, unsaid in _UNSAID.items() if name != rule}
            )
            for (_, rule), row in newest.items()
        ]

    def expiry_floor(self, jurisdiction: str, at: int, counted_from: int) -> int | None:
        """The earliest instant the law lets value expire; None where it says nothing."""
        years = [
            row.expiry_floor_years
            for row in self.laws(jurisdiction, at)
            if row.expiry_floor_years is not None
        ]
        return years_after(counted_from, max(years)) if years else None

    def offers(self, programme: Programme, minor: int) -> bool:
        """Is this value among those the programme sells?"""
        match programme.value:
            case None:
                return True
            case Fixed(fixed=fixed):
                return minor in fixed
            case Range(range=(lowest, highest)):
                return lowest <= minor <= highest

    def rate(self, source: str, to: str, category: str) -> int | None:
        """The rate in basis points; None: nothing is owed. Ask `rated` whether it is known."""
        settlement = self.document.settlement
        if settlement.mode == "full":
            return 10_000
        for pair in settlement.pairs:
            if (pair.from_, pair.to) == (source, to) and category in pair.rates_bp:
                return pair.rates_bp[category]
        for pair in settlement.pairs:
            if (pair.from_, pair.to) == (source, to) and _says_rate(pair):
                return pair.rate_bp
        return settlement.rates_bp.get(category)

    def rated(self, source: str, to: str, category: str) -> bool:
        """Does policy know this category (at this pair)?"""
        settlement = self.document.settlement
        if settlement.mode == "full" or category in settlement.rates_bp:
            return True
        return any(
            (pair.from_, pair.to) == (source, to)
            and (category in pair.rates_bp or _says_rate(pair))
            for pair in settlement.pairs
        )


def _says_rate(pair: Pair) -> bool:
    """Has the pair a rate of its own? One of null owes nothing; a missing one says nothing."""
    return "rate_bp" in pair.model_fields_set


_RULES = ("cash_out_below", "cash_out_up_to", "expiry_floor_years", "dormancy_years", "no_expiry")
_UNSAID = {name: Law.model_fields[name].default for name in _RULES}


def _rules(row: Law) -> Iterable[str]:
    return (name for name in _RULES if getattr(row, name) not in (None, False))


@dataclass(slots=True)
class Terms:
    """The terms of one decision: `now` in ms UTC, policy in force, {entity: closed until day}.

    Nobody changes it; freezing it would cost 1 µs a command.
    """

    now: int
    policy: Policy
    closed: Mapping[str, str] = field(default_factory=dict)

    def where(self, place: Place | None) -> Where | None:
        """The decided place of a command's `place`; None for an unknown location."""
        resolved = self.policy.place(None if place is None else place.location)
        if resolved is None:
            return None
        if place is None:
            return Where(location=resolved.location, entity=resolved.entity)
        return Where(
            location=resolved.location,
            entity=resolved.entity,
            channel=place.channel,
            register=place.register,
            staff=place.staff,
            receipt=place.receipt,
        )

    def dates(
        self, entities: Iterable[str], location: str | None, claimed: int
    ) -> dict[str, dict[str, str]]:
        """Posting and business day for each entity, both local to the place.

        `claimed` is the command's `time`; the business day is never after now's. It posts on its
        business day, or where that is closed for an entity, on the day after what is closed.
        """
        place = self.policy.place(location)
        timezone = place.timezone if place else self.policy.document.network.timezone
        business = local_date(claimed if claimed < self.now else self.now, timezone)
        if not self.closed:
            return _open_dates(tuple(entities), business)
        return {
            entity: {"date": self._open_day(entity, business), "business_date": business}
            for entity in sorted(set(entities))
        }

    def _open_day(self, entity: str, day: str) -> str:
        until = self.closed.get(entity)
        return day if until is None or day > until else day_after(until)


@lru_cache(maxsize=8192)
def _open_dates(entities: tuple[str, ...], business: str) -> dict[str, dict[str, str]]:
    """Where nothing is closed; facts of one day and place share it, for nobody changes a fact."""
    return {
        entity: {"date": business, "business_date": business} for entity in sorted(set(entities))
    }
