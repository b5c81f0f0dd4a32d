"""What must hold, written once: for property, simulation and crash tests alike.

`Auditor` checks every committed fact as it comes, `at_rest` the whole once nothing moves any more.
Both recompute from the facts what the services claim; a violation is raised with where it is seen.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from schemas.message import Published
from schemas.topics import (
    ISSUANCE_EVENTS,
    LEDGER_JOURNALS,
    REDEMPTION_EVENTS,
    SETTLEMENT_ITEMS,
)
from services.runtime.staging import AFTER_HEADER, CHAIN_HEADER
from tests.observed import Observed, Seen

GENESIS: Final = "0" * 64
REFUSALS: Final = ("redemption_refused.v1", "issuance_refused.v1")
# Facts that reserve until another service has spoken: the answer comes with what follows.
RESERVING: Final = ("undo_reserved.v1",)
# Facts of what only passed through: there may be no account.
PASSING: Final = ("value_forwarded.v1", "charge_back_passed.v1")
SOON_FORGOTTEN: Final = ("unknown_account", "unknown_card", "too_old", "too_early")
# By how much a fact changes what its account holds: value that comes in, goes out, or moves.
COMES: Final = ("value_loaded.v1", "credit_issued.v1")
GOES: Final = (
    "hold_captured.v1",
    "card_returned.v1",
    "cashed_out.v1",
    "lots_expired.v1",
    "value_escheated.v1",
    "sale_charged_back.v1",
    "import_taken_back.v1",
)


class ViolatedError(AssertionError):
    """An invariant does not hold."""


def require(holds: bool, invariant: str, detail: object) -> None:
    """Raise a ViolatedError unless it holds."""
    if not holds:
        raise ViolatedError(f"{invariant}: {detail}")


class Auditor:
    """Follows the facts of every topic in the order they are committed.

    `hidden`: may another's open transaction hide facts that are committed? What arrives on one
    partition may then be seen before what was sent on another.
    """

    def __init__(self, observed: Observed, hidden: Callable[[], bool] = lambda: False) -> None:
        self.observed = observed
        self.hidden = hidden
        self.ledger: dict[str, int] = {}
        self.currency: dict[str, str] = {}
        self.moved: Counter[str] = Counter()
        self.in_transit: Counter[str] = Counter()
        self._last: dict[tuple[str, int, str], tuple[int, str, int, int]] = {}
        self._ids: dict[tuple[str, str], str] = {}
        self._reserved: Counter[tuple[str, str]] = Counter()
        self._captured: Counter[tuple[str, str]] = Counter()
        self._posted: set[tuple[str, str]] = set()

    def look(self, places: Iterable[tuple[str, int]] | None = None) -> int:
        """Check what is new (`places`: only there may something be); how many facts that was."""
        facts = [seen for seen in self.observed.more(places) if seen.fact is not None]
        received: list[Published] = []
        for seen in facts:
            assert seen.fact is not None
            self._follow(seen, seen.fact)
            if seen.record.topic == LEDGER_JOURNALS.name:
                self._journal(seen.fact)
            elif seen.record.topic == REDEMPTION_EVENTS.name and seen.fact.type not in REFUSALS:
                self._account(seen.fact)
                received.append(seen.fact)
        if received:
            self._conserved()
        return len(facts)

    def _follow(self, seen: Seen, fact: Published) -> None:
        """Sequences are dense, chains and batches right, ids unique; time does not go back."""
        record = seen.record
        place = (record.topic, record.partition, fact.input)
        sequence, chain, time, end = self._last.get(place, (0, GENESIS, 0, 0))
        require(fact.time >= time, "time does not go back", seen.at)
        require(
            fact.sequence == sequence + 1,
            "sequence",
            f"{seen.at}: {fact.sequence} of {fact.input} after {sequence}",
        )
        chain = hashlib.sha256(bytes.fromhex(chain) + (record.value or b"")).hexdigest()
        told = record.header(CHAIN_HEADER)
        require(told is None or told.decode() == chain, "chain", seen.at)
        if told is not None:
            after = record.header(AFTER_HEADER)
            require(after == str(end).encode(), "a batch begins at the end of the last", seen.at)
            end = fact.sequence
        self._last[place] = (fact.sequence, chain, fact.time, end)
        before = self._ids.setdefault((record.topic, fact.id), seen.at)
        require(before == seen.at, "one fact per id", f"{fact.type} {fact.id}: {before}, {seen.at}")

    def _journal(self, fact: Published) -> None:
        journal: Any = fact.body
        sides = [line.debit - line.credit for line in journal.lines]
        require(sum(sides) == 0, "journals balance", f"{journal.fact}: {sides}")
        one_sided = all(min(x.debit, x.credit) == 0 < max(x.debit, x.credit) for x in journal.lines)
        require(one_sided, "a line has one side", journal)
        key = (journal.fact, journal.entity)
        require(key not in self._posted, "one journal of a fact and entity", key)
        self._posted.add(key)

    def _account(self, fact: Published) -> None:
        body: Any = fact.body
        if fact.type in PASSING:
            return
        account, balance = fact.subject, body.balance
        where = f"{fact.type} {fact.id} of {account}"
        change = self._change(fact, body)
        self.ledger[account] = self.ledger.get(account, 0) + change
        self.currency[account] = body.currency
        self._use(fact, body)
        require(
            balance.available == balance.ledger - balance.held >= 0 <= balance.held,
            "available is never negative",
            f"{where}: {balance}",
        )
        require(
            balance.ledger == self.ledger[account],
            "a balance is the sum of its facts",
            f"{where}: says {balance.ledger}, facts add up to {self.ledger[account]}",
        )

    def _change(self, fact: Published, body: Any) -> int:
        """How the account's ledger changes; what comes from and goes to outside is counted."""
        moved = 0
        if fact.type in COMES or fact.type == "balance_adjusted.v1":
            moved = body.minor
        elif fact.type in GOES:
            moved = -body.minor
        elif fact.type == "validity_extended.v1":
            moved = sum(part.minor for part in body.parts)
        elif fact.type == "capture_refunded.v1":
            moved = body.minor
            if not body.to_same:
                self.moved[body.currency] += moved
                self.in_transit[body.currency] += moved
                return 0
        elif fact.type == "value_sent.v1":
            self.in_transit[body.currency] += body.minor
            return -int(body.minor)
        elif fact.type == "value_received.v1":
            self.in_transit[body.currency] -= body.minor
            return int(body.minor)
        self.moved[body.currency] += moved
        return int(moved)

    def _use(self, fact: Published, body: Any) -> None:
        """Captured ≤ reserved, unless late; refunded ≤ captured."""
        account = fact.subject
        if fact.type in ("hold_placed.v1", "hold_increased.v1"):
            minor = body.minor if fact.type == "hold_increased.v1" else body.hold.minor
            self._reserved[account, body.hold.hold] += minor
        elif fact.type == "value_received.v1":
            for hold in body.holds:
                self._reserved[account, hold.hold] += sum(draw.minor for draw in hold.draws)
        elif fact.type == "hold_captured.v1":
            self._captured[account, body.capture] += body.minor
            if not body.late:
                self._reserved[account, body.hold_id] -= body.minor
                left = self._reserved[account, body.hold_id]
                require(left >= 0, "captured ≤ held", f"{body.hold_id} of {account}: {left}")
        elif fact.type == "capture_refunded.v1":
            self._captured[account, body.capture] -= body.minor
            left = self._captured[account, body.capture]
            require(left >= 0, "refunded ≤ captured", f"{body.capture} of {account}: {left}")

    def _conserved(self) -> None:
        """Per currency: what came in less what went out is what accounts hold, or is on its way."""
        held: Counter[str] = Counter()
        for account, minor in self.ledger.items():
            held[self.currency[account]] += minor
        for currency in {*held, *self.moved}:
            transit = self.in_transit[currency]
            seen = transit >= 0 or self.hidden()
            require(seen, "nothing arrives that was not sent", f"{currency}: {transit}")
            require(
                held[currency] + transit == self.moved[currency],
                "money is conserved",
                f"{currency}: {held[currency]} + {transit} on its way, {self.moved[currency]} came",
            )


def settled(auditor: Auditor) -> None:
    """At rest nothing is on its way."""
    for currency, minor in auditor.in_transit.items():
        require(minor == 0, "nothing stays on its way", f"{currency}: {minor}")


def fact_sets(observed: Observed) -> None:
    """A command id is accepted once or refused once; what is soon forgotten may be told again."""
    made: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for topic in (ISSUANCE_EVENTS, REDEMPTION_EVENTS):
        for fact in observed.facts(topic):
            body: Any = fact.body
            forgotten = fact.type in REFUSALS and body.reason in SOON_FORGOTTEN
            if not forgotten and fact.type not in RESERVING:
                made[topic.name, fact.subject, fact.causationid].append(fact.type)
    for key, types in made.items():
        refused = [type for type in types if type in REFUSALS]
        require(not refused or len(types) == 1, "accepted once or refused once", f"{key}: {types}")


def derived_once(
    sources: Iterable[Published],
    derive: Callable[[Published], Iterable[Any]],
    found: Iterable[Published],
    name: str,
) -> None:
    """What follows from facts is there once, with the content that follows, and nothing else is."""
    wanted: Counter[tuple[str, str, bytes]] = Counter()
    for fact in sources:
        for made in derive(fact):
            wanted[fact.id, made.subject, _content(made.body)] += 1
    present = Counter((fact.causationid, fact.subject, _content(fact.body)) for fact in found)
    missing, surplus = wanted - present, present - wanted
    require(not missing, f"every fact has its {name}", list(missing)[:2])
    require(not surplus, f"{name} follow from facts", list(surplus)[:2])


def items_once(observed: Observed) -> None:
    """Each item comes from exactly one fact."""
    seen: Counter[str] = Counter()
    for fact in observed.facts(SETTLEMENT_ITEMS):
        body: Any = fact.body
        seen[body.item] += 1
    require(all(count == 1 for count in seen.values()), "each item from one fact", seen)


def items_are_rated(observed: Observed) -> None:
    """An item owes its base times its rate, halves up; what refunds take back is the same sum."""
    back: dict[str, list[Any]] = defaultdict(list)
    for fact in observed.facts(SETTLEMENT_ITEMS):
        body: Any = fact.body
        if body.kind == "unreconciled":
            require(body.amount == 0, "what is not reconciled owes nothing", body)
        elif body.reverses is not None:
            back[body.reverses].append(body)
        else:
            owed = _rated(body.base, body.rate_bp)
            require(body.amount == owed, "items are rated", f"{body}: {owed}")
    for use, bodies in back.items():
        base, amount = (-sum(getattr(b, name) for b in bodies) for name in ("base", "amount"))
        owed = _rated(base, bodies[0].rate_bp)
        require(amount == owed, "refunds reverse what they undo", f"{use}: {amount}, not {owed}")


def sold_once(observed: Observed) -> None:
    """A card is sold once in each of its lives."""
    sold: Counter[tuple[str, int]] = Counter()
    for fact in observed.facts(ISSUANCE_EVENTS):
        body: Any = fact.body
        if fact.type == "card_sold.v1":
            sold[fact.subject, body.life] += 1
    twice = [card for card, count in sold.items() if count > 1]
    require(not twice, "a card is sold once in a life", twice)


def _rated(base: int, rate_bp: int) -> int:
    return (2 * base * rate_bp + 10_000) // 20_000


def same(name: str, one: Mapping[Any, Any], other: Mapping[Any, Any]) -> None:
    """Two views of the same are equal."""
    for key in sorted({*one, *other}, key=str):
        require(one.get(key) == other.get(key), name, f"{key}: {one.get(key)} ≠ {other.get(key)}")


def differences(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> Iterator[Any]:
    """The keys in which two views differ."""
    return (key for key in {*one, *other} if one.get(key) != other.get(key))


def _content(body: Any) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
