"""The audit: facts as they were chained, histories as the facts tell them, and heads kept outside.

Whoever changes a byte of a fact breaks the chain that its writer told with its batch, that the
writer remembers, that every sink remembers, and that was written down elsewhere (`heads`).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from operator import itemgetter
from time import monotonic
from typing import Any, Final

from sqlalchemy import Connection, Engine, select

from schemas.codec import read_fact
from schemas.issuance import CardFact
from schemas.topics import ISSUANCE_EVENTS, LEDGER_JOURNALS, REDEMPTION_EVENTS, Topic
from schemas.value import AccountFact
from services.ledger import tables as ledger
from services.ledger.history import LATER, card_event_row, event_row
from services.ledger.statement import Account, post
from services.runtime.advance import GENESIS
from services.runtime.policies import Policies
from services.runtime.ports import Log
from services.runtime.records import Record
from services.settlement import tables as settlement
from services.verify.catching import WORKERS
from services.verify.evidence import FACT_TOPICS, Evidence, gather, standings
from services.verify.numbering import numbered
from services.verify.stored import read_stored, snapshot
from services.verify.tail import Tail
from services.verify.verdicts import Break, Examination, Verdict

_MEMORIES: Final = tuple(memory for _, memory in WORKERS.values())
Heads = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a sink keeps beside its rows: how far it is, and the chain up to there, by input."""

    sink: str
    place: str
    next_offset: int
    sequences: Mapping[str, int]
    chains: Mapping[str, str]


def audit(log: Log, engine: Engine, kept: Heads | None = None) -> Examination:
    """Check everything that could be changed behind our back; it changes nothing itself.

    `kept` are heads of an earlier day. What sinks remember is read before the topics are.
    """
    started = monotonic()
    # Of one moment, or a line written after the histories were read would seem to be missing.
    with snapshot(engine) as connection:
        stored = read_stored(connection)
        remembered, events = _remembered(connection), _events(connection)
    tail = Tail(log)
    tail.read_on((*FACT_TOPICS, *_MEMORIES))
    evidence = gather(tail, stored, Policies(log.reader()))
    # Now that no fact is read any more: whatever was read, its writer's row knows of.
    tail.read_on(_MEMORIES)
    evidence.later = standings(tail)
    verdicts = [
        numbered(evidence),
        _as_remembered(tail, remembered),
        _as_booked(evidence),
        _histories(evidence, events),
        *([] if kept is None else [_as_kept(tail, kept)]),
    ]
    vector = {f"{t.name}/{n}": tail.next_offset(t, n) for t in FACT_TOPICS for n in tail.numbers(t)}
    return Examination(verdicts, vector, "nobody", monotonic() - started)


def heads(log: Log) -> Heads:
    """Where every chain ends now: to be kept where nobody of us can change it."""
    tail = Tail(log)
    tail.read_on(FACT_TOPICS)
    found: Heads = {}
    for topic in FACT_TOPICS:
        for number in tail.numbers(topic):
            for _, source, sequence, chain in _links(tail, topic, number):
                place = found.setdefault(f"{topic.name}/{number}", {})
                place[source] = {"sequence": sequence, "chain": chain}
    return found


def _links(tail: Tail, topic: Topic, number: int) -> Iterator[tuple[int, str, int, str]]:
    """(offset after it, input, sequence, chain up to it) of each fact that can be read."""
    chains: dict[str, str] = {}
    for record, fact in _facts(tail, topic, number):
        link = bytes.fromhex(chains.get(fact.input, GENESIS)) + (record.value or b"")
        chains[fact.input] = hashlib.sha256(link).hexdigest()
        yield record.offset + 1, fact.input, fact.sequence, chains[fact.input]


def _facts(tail: Tail, topic: Topic, number: int) -> Iterator[Any]:
    for record in tail.of(topic, number):
        try:
            yield record, read_fact(topic, record.value or b"")
        except ValueError:
            continue  # the check of numbers names it


def _remembered(connection: Connection) -> list[Remembered]:
    found = []
    for table in (ledger.progress, settlement.progress):
        for row in connection.execute(select(table)).mappings():
            place = f"{row['topic']}/{row['partition']}"
            found.append(
                Remembered(row["sink"], place, row["next_offset"], row["sequences"], row["chains"])
            )
    return found


def _events(connection: Connection) -> dict[str, dict[str, Any]]:
    rows = connection.execute(select(ledger.account_event)).mappings()
    return {row["fact"]: dict(row) for row in rows}


def _as_remembered(tail: Tail, remembered: list[Remembered]) -> Verdict:
    """Where a sink was, the chain is what it was then."""
    verdict = Verdict("sinks_remember_the_same_chain")
    links = _all_links(tail)
    for one in remembered:
        for source, sequence in one.sequences.items():
            verdict.checked += 1
            there = links.get((one.place, source, sequence))
            if there != one.chains.get(source):
                spot = f"{one.place} from {source}, fact {sequence}"
                said = f"{one.sink} remembers chain {one.chains.get(source)}"
                verdict.add([Break(f"{spot}: {said}, it is {there or 'not there'}")])
    return verdict


def _all_links(tail: Tail) -> dict[tuple[str, str, int], str]:
    return {
        (f"{topic.name}/{number}", source, sequence): chain
        for topic in FACT_TOPICS
        for number in tail.numbers(topic)
        for _, source, sequence, chain in _links(tail, topic, number)
    }


def _as_kept(tail: Tail, kept: Heads) -> Verdict:
    """What was written down elsewhere is still part of every chain."""
    verdict = Verdict("heads_kept_outside_are_still_there")
    links = _all_links(tail)
    for place, sources in kept.items():
        for source, head in sources.items():
            verdict.checked += 1
            there = links.get((place, source, head["sequence"]))
            if there != head["chain"]:
                spot = f"{place} from {source}, fact {head['sequence']}"
                verdict.add([Break(f"{spot}: kept {head['chain']}, it is {there or 'not there'}")])
    return verdict


def _as_booked(evidence: Evidence) -> Verdict:
    """Journals stand on a partition in the order in which they came into the books.

    Those of one input are numbered; which of two inputs came first, nothing but the rows' numbers
    remembers: the sink reads a partition from its start, and numbers what it books.
    """
    verdict = Verdict("journals_stand_as_they_were_booked")
    for number in evidence.tail.numbers(LEDGER_JOURNALS):
        last, before = -1, ""
        for seen in evidence.facts(LEDGER_JOURNALS, number):
            row = evidence.stored.journals.get(seen.fact.id)
            if row is None:
                continue  # it is not booked yet, or `scrip verify` names it
            verdict.checked += 1
            spot = f"{LEDGER_JOURNALS.name}/{number} offset {seen.record.offset}"
            if row["id"] < last:
                journal = seen.fact.body
                detail = f"{spot} is behind {before}, and was booked before it"
                event = f"{journal.event} {journal.fact}"
                verdict.add([Break(detail, journal.entity, "", event)])
            else:
                last, before = row["id"], f"offset {seen.record.offset}"
    return verdict


def _histories(evidence: Evidence, events: dict[str, dict[str, Any]]) -> Verdict:
    """Every line of every account's statement says what its fact says, and no line is without.

    Those of one topic stand in its order: an account's facts there are in one partition.
    """
    verdict = Verdict("histories_equal_facts")
    left, last = dict(events), dict[tuple[str, str], dict[str, Any]]()
    for wanted, record in _wanted(evidence):
        verdict.checked += 1
        there = left.pop(wanted["fact"], None)
        if there is None and evidence.within(record):
            detail = f"{wanted['type']} is on its topic and not in the history"
            verdict.add([Break(detail, wanted["entity"], wanted["account"], wanted["fact"])])
        elif there is not None:
            verdict.add(_differing(wanted, there))
            place = (record.topic, wanted["account"])
            verdict.add(_misplaced(wanted, there, last.get(place, there)))
            last[place] = max(there, last.get(place, there), key=itemgetter("id"))
    for row in left.values():
        detail = f"{row['type']} is in the history and on no topic"
        verdict.add([Break(detail, row["entity"], row["account"], row["fact"])])
    return verdict


def _wanted(evidence: Evidence) -> Iterator[tuple[dict[str, Any], Record]]:
    """The line of each fact as the sink would write it now, and the record the fact stands in."""
    accounts: dict[str, Account] = {}
    for seen in evidence.all_facts(REDEMPTION_EVENTS):
        if isinstance(seen.fact.body, AccountFact):
            account = accounts.setdefault(seen.fact.subject, Account(seen.fact.subject))
            yield event_row(seen.fact, post(account, seen.fact)), seen.record
    for seen in evidence.all_facts(ISSUANCE_EVENTS):
        if isinstance(seen.fact.body, CardFact):
            yield card_event_row(seen.fact), seen.record


def _misplaced(
    wanted: dict[str, Any], there: dict[str, Any], last: dict[str, Any]
) -> Iterator[Break]:
    if there["id"] < last["id"]:
        detail = f"{wanted['type']} is in the history before {last['type']} {last['fact']}"
        said = f"{detail}, and on its topic behind it"
        yield Break(said, wanted["entity"], wanted["account"], wanted["fact"])


def _differing(wanted: dict[str, Any], there: dict[str, Any]) -> Iterator[Break]:
    # As a table gives it back: what is made of lines is plain JSON there. (A fact that was changed
    # may say numbers that are beyond orjson.)
    said = json.loads(json.dumps(wanted, default=asdict))
    fields = [
        f"{name} is {there.get(name)!r}, by its fact {value!r}"
        for name, value in said.items()
        if there.get(name) != value and not (name in LATER and there.get(name) == "")
    ]
    if fields:
        yield Break("; ".join(fields)[:400], wanted["entity"], wanted["account"], wanted["fact"])
