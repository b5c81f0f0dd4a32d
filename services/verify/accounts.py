"""Accounts and cards are the fold of their facts: in the log's state, and in PostgreSQL."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from schemas.message import Published
from services.issuance.worker import SPEC as ISSUANCE
from services.ledger.statement import reserved_by
from services.redemption.worker import SPEC as REDEMPTION
from services.runtime.advance import PROGRESS
from services.runtime.deciding import DecidingSpec
from services.runtime.rowcodec import ANSWER, CoreRows, kind_of
from services.verify.evidence import Evidence
from services.verify.verdicts import Break, Verdict

_STATED: Final = ("kind", "programme", "currency", "life", "state", "frozen")


def fold(evidence: Evidence) -> None:
    """Fold the facts before the cut with the cores' own `evolve`, partition by partition."""
    for spec in (ISSUANCE, REDEMPTION):
        numbers = evidence.tail.numbers(spec.events)
        evidence.folded[spec.service] = {n: _folded(evidence, spec, n) for n in numbers}


def _folded(evidence: Evidence, spec: DecidingSpec, number: int) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    core = spec.core
    for seen in evidence.facts_anew(spec.events, number):
        if not evidence.within(seen.record):
            break
        if _is_refusal(seen.fact):
            continue
        loaded = {}
        for key in core.touched(seen.fact):
            row = rows.get(key)
            until = None if row is None else core.forgotten_at(key, row)
            if row is not None and (until is None or until > seen.fact.time):
                loaded[key] = row
        rows.update(core.evolve(loaded, seen.fact))
    return {key: row for key, row in rows.items() if row is not None}


def _is_refusal(fact: Published) -> bool:
    return fact.type.endswith("_refused.v1")


def states(evidence: Evidence) -> Verdict:
    """The rows of both services on their topics, byte for byte the fold of their facts."""
    verdict = Verdict("accounts_equal_fold_of_events")
    for spec in (ISSUANCE, REDEMPTION):
        codec = CoreRows(spec.core.ROWS, spec.memory, spec.public)
        for number, folded in evidence.folded[spec.service].items():
            there = _there(evidence, spec, number)
            moving = _moved_on(evidence, spec, number)
            for key in sorted({*folded, *there}):
                subject = key.partition("/")[0]
                if subject in moving:
                    continue
                verdict.checked += 1
                row = folded.get(key)
                wanted = None if row is None else codec.write(key, row)
                if wanted != there.get(key) and not _forgotten(evidence, spec, number, key, row):
                    verdict.add([_differs(key, wanted, there.get(key), codec)])
    return verdict


def _there(evidence: Evidence, spec: DecidingSpec, number: int) -> dict[str, bytes]:
    topics = [topic for topic in (spec.memory, spec.public) if topic is not None]
    return {
        key: value
        for topic in topics
        for key, value in evidence.tail.latest(topic, number).items()
        if not key.startswith(PROGRESS) and kind_of(key) != ANSWER
    }


def _moved_on(evidence: Evidence, spec: DecidingSpec, number: int) -> set[str]:
    """Subjects with facts beyond the cut: their rows are newer than what is judged."""
    later = [
        seen.fact
        for seen in evidence.facts(spec.events, number)
        if not evidence.within(seen.record) and not _is_refusal(seen.fact)
    ]
    return {key.partition("/")[0] for fact in later for key in spec.core.touched(fact)}


def _forgotten(evidence: Evidence, spec: DecidingSpec, number: int, key: str, row: Any) -> bool:
    """May the row be gone from its topic by now?"""
    until = None if row is None else spec.core.forgotten_at(key, row)
    progress = evidence.progress[spec.service].get((spec.commands.name, number))
    return until is not None and progress is not None and until <= progress.now


def _differs(key: str, wanted: bytes | None, there: bytes | None, codec: CoreRows) -> Break:
    subject = key.partition("/")[0]
    what = f"row {key}" if "/" in key else "the account's row"
    if there is None:
        return Break(f"{what} follows from its facts and is not there", "", subject)
    if wanted is None:
        return Break(f"{what} is there and follows from no fact", "", subject)
    mine, theirs = asdict(codec.read(key, wanted)), asdict(codec.read(key, there))
    fields = [f"{n}: {theirs[n]!r}, by its facts {mine[n]!r}" for n in mine if mine[n] != theirs[n]]
    return Break(f"{what} has {'; '.join(fields) or 'other bytes'}"[:400], "", subject)


def stored(evidence: Evidence) -> Verdict:
    """PostgreSQL's accounts and cards are the same, as of the sink's own position."""
    verdict = Verdict("accounts_equal_postgres")
    accounts = _by_subject(evidence, REDEMPTION)
    cards = _by_subject(evidence, ISSUANCE)
    for subject in sorted({*accounts, *evidence.stored.accounts}):
        verdict.checked += 1
        verdict.add(_account(subject, accounts.get(subject), evidence.stored.accounts.get(subject)))
    for card in sorted({*cards, *evidence.stored.cards}):
        verdict.checked += 1
        verdict.add(_card(card, cards.get(card), evidence.stored.cards.get(card)))
    return verdict


def _by_subject(evidence: Evidence, spec: DecidingSpec) -> dict[str, Any]:
    kind = spec.core.ROWS[""]
    return {
        key: row
        for rows in evidence.folded[spec.service].values()
        for key, row in rows.items()
        if isinstance(row, kind)
    }


def _account(subject: str, row: Any, stated: dict[str, Any] | None) -> Iterator[Break]:
    if row is None or stated is None:
        where = "in PostgreSQL only" if row is None else "not in PostgreSQL"
        yield Break(f"the account is {where}", "", subject)
        return
    mine = {name: getattr(row, name) for name in _STATED}
    mine |= {"ledger_minor": row.ledger, "held_minor": row.held}
    mine |= {"stated_ledger_minor": row.ledger, "stated_held_minor": row.held}
    mine["holds"] = {hold.hold: reserved_by(hold) for hold in row.holds}
    entity = row.lots[0].entity if row.lots else ""
    for name, value in mine.items():
        if stated[name] != value:
            detail = f"{name} is {stated[name]!r} in PostgreSQL, {value!r} by its facts"
            yield Break(detail, entity, subject)


def _card(card: str, row: Any, stated: dict[str, Any] | None) -> Iterator[Break]:
    if row is None or stated is None:
        where = "in PostgreSQL only" if row is None else "not in PostgreSQL"
        yield Break(f"the card is {where}", "", card)
        return
    for name in ("programme", "life", "state"):
        if stated[name] != getattr(row, name):
            detail = f"{name} is {stated[name]!r} in PostgreSQL, {getattr(row, name)!r} by facts"
            yield Break(detail, "", card)


def available(evidence: Evidence) -> Verdict:
    """0 ≤ held ≤ ledger; lots add up to the ledger, holds and lots' held to what is held."""
    verdict = Verdict("available_is_never_negative")
    for subject, row in _by_subject(evidence, REDEMPTION).items():
        verdict.checked += 1
        in_lots, held = sum(lot.minor for lot in row.lots), sum(lot.held for lot in row.lots)
        reserved = sum(reserved_by(hold) for hold in row.holds)
        if not 0 <= row.held <= row.ledger or (in_lots, held, reserved) != (
            row.ledger,
            row.held,
            row.held,
        ):
            detail = f"ledger {row.ledger}, held {row.held}; lots {in_lots}, of them held {held}"
            verdict.add([Break(f"{detail}; holds reserve {reserved}", "", subject)])
    return verdict


def accounts_of(evidence: Evidence) -> dict[str, Any]:
    """Every account by subject, as its facts before the cut leave it."""
    return _by_subject(evidence, REDEMPTION)
