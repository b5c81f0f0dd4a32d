"""What must hold once nothing moves any more: answers, folds, books, items, and how far all are."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from schemas.codec import Broadcast, Unreadable, read_command
from schemas.message import Command, Published
from schemas.reply import read_reply
from schemas.topics import (
    DEADLETTERS,
    ISSUANCE_COMMANDS,
    ISSUANCE_EVENTS,
    ISSUANCE_MEMORY,
    ISSUANCE_REPLIES,
    LEDGER_JOURNALS,
    LEDGER_MEMORY,
    LEDGER_OPERATIONS,
    POLICY,
    REDEMPTION_BALANCES,
    REDEMPTION_COMMANDS,
    REDEMPTION_EVENTS,
    REDEMPTION_MEMORY,
    REDEMPTION_REPLIES,
    SETTLEMENT_BATCHES,
    SETTLEMENT_ITEMS,
    SETTLEMENT_MEMORY,
    Topic,
)
from services.issuance import card
from services.ledger import trial
from services.ledger.journal import derive as journals_of
from services.redemption import balance
from services.runtime.admission import is_answered
from services.runtime.advance import PROGRESS, progress_key, read_progress
from services.runtime.deadletters import read_dead_letter
from services.runtime.policies import read_published_policy
from services.settlement.items import derive as items_of
from tests.invariants import (
    REFUSALS,
    derived_once,
    items_are_rated,
    items_once,
    require,
    same,
)
from tests.observed import Observed

HOUR: Final = 3_600_000
FORGETTING_MIN: Final = 24 * HOUR
SERVICES: Final[tuple[tuple[Any, Topic, Topic, Topic], ...]] = (
    ("issuance", ISSUANCE_COMMANDS, ISSUANCE_REPLIES, ISSUANCE_EVENTS),
    ("redemption", REDEMPTION_COMMANDS, REDEMPTION_REPLIES, REDEMPTION_EVENTS),
)
INPUTS: Final = (
    (ISSUANCE_COMMANDS, ISSUANCE_MEMORY),
    (REDEMPTION_COMMANDS, REDEMPTION_MEMORY),
    (REDEMPTION_EVENTS, SETTLEMENT_MEMORY),
    (REDEMPTION_EVENTS, LEDGER_MEMORY),
    (SETTLEMENT_ITEMS, LEDGER_MEMORY),
    (SETTLEMENT_BATCHES, LEDGER_MEMORY),
    (LEDGER_OPERATIONS, LEDGER_MEMORY),
)
NEVER_REFUSED: Final = ("activate", "receive_value", "follow_charge_back")
Answer = tuple[str, str]


def everything_read(observed: Observed, inputs: Iterable[tuple[Topic, Topic]] = INPUTS) -> None:
    """Every input partition has been worked to its last record."""
    for topic, memory in inputs:
        rows = observed.rows(memory)
        for (name, number), seen in observed.records.items():
            if name != topic.name:
                continue
            row = rows.get((number, progress_key(name)))
            reached = read_progress(row).next if row is not None else 0
            last = seen[-1].record.offset + 1
            require(reached == last, "lag is 0", f"{memory.name} on {name}/{number}: {reached}")


def everything_answered(observed: Observed) -> None:
    """Every input has its answer or is a dead letter; nothing else is answered."""
    letters = [read_dead_letter(seen.record) for seen in observed.all(DEADLETTERS)]
    places = [(str(one["topic"]), one["partition"], one["offset"]) for one in letters]
    causes = dict(zip(places, (str(one["cause"]) for one in letters), strict=True))
    buried = Counter(places)
    twice = [place for place, count in buried.items() if count > 1]
    require(not twice, "one dead letter for what is dead", twice)
    for service, commands, replies, events in SERVICES:
        expected: Counter[Answer] = Counter()
        for seen in observed.all(commands):
            record = seen.record
            message = read_command(service, record.value)
            cause = causes.get((record.topic, record.partition, record.offset))
            if isinstance(message, Unreadable):
                require(cause is not None, "what cannot be read is a dead letter", seen.at)
            if isinstance(message, Broadcast):
                continue
            count = observed.log.partitions(commands.name)
            told = cause is None or is_answered(record, message, cause, count)
            if told and message.id and message.subject and message.replyto:
                expected[message.subject, message.id] += 1
        given = Counter(key for key, _, _ in _answers(observed, replies))
        require(not expected - given, f"{service}: everything is answered", expected - given)
        require(not given - expected, f"{service}: answered once each", given - expected)
        _one_answer(observed, service, replies, events)
        _never_refused(observed, service, commands, events, buried)


def _answers(observed: Observed, replies: Topic) -> Iterator[tuple[Answer, int, dict[str, Any]]]:
    for seen in observed.all(replies):
        envelope = orjson.loads(seen.record.value or b"")
        data = envelope["data"]
        yield (envelope["subject"], data["command"]), seen.record.timestamp, data


def _one_answer(observed: Observed, service: str, replies: Topic, events: Topic) -> None:
    """A command has one answer, and it names the facts that were made, all of them."""
    made: defaultdict[Answer, Counter[str]] = defaultdict(Counter)
    for fact in observed.facts(events):
        made[fact.subject, fact.causationid][fact.type] += 1
    firsts: dict[Answer, tuple[int, dict[str, Any]]] = {}
    told: defaultdict[Answer, Counter[str]] = defaultdict(Counter)
    for key, time, data in _answers(observed, replies):
        if key[1].startswith(("enquire", "bad-", "fake-")) or data.get("reason") in (
            "id_reused",
            "unreadable",
        ):
            continue
        content = {name: value for name, value in data.items() if name != "repeated"}
        since, first = firsts.setdefault(key, (time, content))
        if "repeated" in data:
            require(content == first, "the same answer again", f"{key}: {first}, then {content}")
            continue
        told[key].update(data["facts"])
        if content is not first:
            waited = time - since
            require(waited >= FORGETTING_MIN, "one answer", f"{key}: {first}, then {content}")
            firsts[key] = (time, content)
    for key, types in told.items():
        require(made[key] == types, f"{service}: one fact set", f"{key}: {made[key]}, told {types}")


def _never_refused(
    observed: Observed, service: Any, commands: Topic, events: Topic, buried: Counter[Any]
) -> None:
    made: defaultdict[Answer, list[str]] = defaultdict(list)
    for fact in observed.facts(events):
        made[fact.subject, fact.causationid].append(fact.type)
    for seen in observed.all(commands):
        message = read_command(service, seen.record.value)
        record = seen.record
        if (record.topic, record.partition, record.offset) in buried:
            continue
        if isinstance(message, Command) and message.type in NEVER_REFUSED:
            types = made[message.subject, message.id]
            fine = types and not set(types) & set(REFUSALS)
            require(bool(fine), "between services nothing is refused", f"{seen.at}: {types}")


def accounts_are_their_facts(observed: Observed) -> dict[str, Any]:
    """The rows on the topics are the fold of the facts; what redemption's accounts are."""
    _fold(observed, card, ISSUANCE_EVENTS, (ISSUANCE_MEMORY,))
    rows = _fold(observed, balance, REDEMPTION_EVENTS, (REDEMPTION_BALANCES, REDEMPTION_MEMORY))
    return {key: row for (_, key), row in rows.items() if "/" not in key}


def lots_add_up(accounts: dict[str, Any]) -> None:
    """An account holds what its lots hold, and reserves what its open holds have drawn."""
    for name, row in accounts.items():
        in_lots, held = sum(lot.minor for lot in row.lots), sum(lot.held for lot in row.lots)
        drawn = sum(draw.minor for hold in row.holds for draw in hold.draws)
        fine = (in_lots, held, drawn) == (row.ledger, row.held, row.held)
        require(fine, "lots add up", f"{name}: {in_lots}/{held}/{drawn}, {row.ledger}/{row.held}")


def _fold(
    observed: Observed, core: Any, events: Topic, topics: Iterable[Topic]
) -> dict[tuple[int, str], Any]:
    adapters = _adapters(core)
    folded: dict[tuple[int, str], Any] = {}
    for seen in observed.all(events):
        fact: Any = seen.fact
        number = seen.record.partition
        if fact.type in REFUSALS:
            continue
        keys = core.touched(fact)
        found = {key: folded[number, key] for key in keys if (number, key) in folded}
        for key, row in core.evolve(found, fact).items():
            folded[number, key] = row
    stored = {
        (number, key): adapters[key.split("/", 2)[1] if "/" in key else ""].validate_json(value)
        for topic in topics
        for (number, key), value in observed.rows(topic).items()
        if not key.startswith(PROGRESS) and "/answer/" not in key
    }
    now = _now(observed, core)
    for place in [p for p, row in folded.items() if _forgotten(core, p[1], row, now)]:
        del folded[place]
        stored.pop(place, None)
    same(f"rows are the fold of {events.name}", folded, stored)
    return stored


@cache
def _adapters(core: Any) -> dict[str, TypeAdapter[Any]]:
    return {kind: TypeAdapter(row) for kind, row in core.ROWS.items()}


def _now(observed: Observed, core: Any) -> int:
    topic = ISSUANCE_MEMORY if core is card else REDEMPTION_MEMORY
    rows = observed.rows(topic).items()
    return max((read_progress(v).now for (_, k), v in rows if k.startswith(PROGRESS)), default=0)


def _forgotten(core: Any, key: str, row: Any, now: int) -> bool:
    until = None if row is None else core.forgotten_at(key, row)
    return row is None or (until is not None and until <= now)


def books_are_right(observed: Observed, accounts: dict[str, Any]) -> None:
    """Journals and items follow from facts, once; pairs agree; Σ funded = 2100 + 2110."""
    policies = {}
    for seen in observed.all(POLICY):
        policy = read_published_policy(seen.record.value or b"")
        policies[policy.version] = policy
    facts = list(observed.facts(REDEMPTION_EVENTS))
    items = list(observed.facts(SETTLEMENT_ITEMS))
    journals = list(observed.facts(LEDGER_JOURNALS))
    items_once(observed)
    items_are_rated(observed)
    derived_once(facts, lambda fact: items_of(fact, policies.__getitem__), items, "items")

    def posted(fact: Published) -> Iterable[Any]:
        return journals_of(fact, policies[fact.policy])

    told = [*observed.facts(SETTLEMENT_BATCHES), *observed.facts(LEDGER_OPERATIONS)]
    derived_once([*facts, *items, *told], posted, journals, "journals")
    bodies: list[Any] = [fact.body for fact in journals]
    for currency in {body.currency for body in bodies}:
        own = [body for body in bodies if body.currency == currency]
        lots = [lot for row in accounts.values() if row.currency == currency for lot in row.lots]
        for check in (trial.unbalanced(own), trial.unmatched(own), trial.undrained(own)):
            _nothing(check)
        _nothing(trial.uncovered(own, lots))


def _nothing(found: Iterator[trial.Finding]) -> None:
    for finding in found:
        require(False, finding.invariant, f"{finding.entity} {finding.account} {finding.detail}")


def replies_are_readable(observed: Observed) -> None:
    """Every reply is a reply."""
    for topic in (ISSUANCE_REPLIES, REDEMPTION_REPLIES):
        for seen in observed.all(topic):
            read_reply(seen.record.value or b"")
