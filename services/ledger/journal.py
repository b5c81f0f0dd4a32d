"""The balanced journals that follow from one fact: one per legal entity it concerns.

A journal is a function of one fact, its parts and the chart of the policy it was decided under.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from schemas.codec import FACTS_BY_TOPIC
from schemas.decision import Derived
from schemas.errors import ScripError
from schemas.ledger import Journal, JournalLine
from schemas.message import Published
from schemas.settlement import FileBuilt, ItemAccrued, RunClosed
from schemas.terms import Policy
from schemas.value import AccountFact
from services.ledger.adjusting import JOURNAL_ADJUSTED, adjusting
from services.ledger.chart import BETWEEN_ENTITIES, IN_TRANSIT
from services.ledger.posting import Book, Case
from services.ledger.rules import RULES

JOURNAL_POSTED: Final = "journal_posted.v1"
_TOPICS: Final = {
    type: topic.name for topic, types in FACTS_BY_TOPIC.items() for type in types if type in RULES
}


class UndatedEntityError(ScripError):
    """A fact posts in an entity's books but carries no date for it.

    Its writer named too few entities; mend the writer and replay from that fact.
    """


class _Key(NamedTuple):
    """A line is one account with all its dimensions; what falls on the same key adds up."""

    account: str
    location: str | None
    channel: str | None
    programme: str | None
    cohort: str | None
    counterparty: str | None
    subject: str | None
    origin: str | None


_Books = dict[str, dict[_Key, int]]


def derive(published: Published, policy: Policy) -> tuple[Derived, ...]:
    """The journals of a fact, by entity in alphabetical order; none if nothing moves.

    `policy` is the version the fact was decided under. Raises UndatedEntityError.
    """
    rule = RULES.get(published.type)
    if rule is None:
        return _adjusted(published) if published.type == JOURNAL_ADJUSTED else ()
    case = Case(published, published.body, rule.place(published.body))
    books: _Books = {}
    for entity, key, signed in _legs(case):
        lines = books.setdefault(entity, {})
        lines[key] = lines.get(key, 0) + signed
    if isinstance(published.body, FileBuilt | RunClosed):
        assert _in_transit(books) == 0, "what a run clears passes through 1290 and leaves nothing"
    return tuple(
        Derived(
            type=JOURNAL_POSTED,
            subject=published.subject,
            body=_journal(published, policy, entity, books[entity]),
            dates=published.dates,
        )
        for entity in sorted(books)
        if any(books[entity].values())
    )


def _adjusted(published: Published) -> tuple[Derived, ...]:
    return tuple(
        Derived(type=JOURNAL_POSTED, subject=published.subject, body=body, dates=published.dates)
        for body in adjusting(published)
    )


def _legs(case: Case) -> Iterator[tuple[str, _Key, int]]:
    body = case.body
    channel = case.place.channel if case.place is not None else None
    for row in RULES[case.fact.type].rows:
        for unit in row.over(body):
            minor = row.amount(case, unit)
            if minor == 0:
                continue
            book = row.book(case, unit)
            for account, signed in ((row.debit, minor), (row.credit, -minor)):
                number = account if isinstance(account, str) else account(case, unit)
                if number is not None:
                    yield book.entity, _key(case, unit, number, book, channel), signed


def _key(case: Case, unit: Any, account: str, book: Book, channel: str | None) -> _Key:
    """The dimensions of a line; 1290 has none, so that a run's net per entity is one line."""
    if account == IN_TRANSIT:
        return _Key(account, None, None, None, None, None, None, None)
    return _Key(
        account=account,
        location=book.location,
        channel=channel,
        programme=getattr(unit, "programme", None),
        cohort=getattr(unit, "cohort", None),
        counterparty=book.counterparty if account in BETWEEN_ENTITIES else None,
        subject=_account_id(case),
        origin=getattr(unit, "origin", None),
    )


def _account_id(case: Case) -> str | None:
    match case.body:
        case AccountFact() | ItemAccrued():
            return case.fact.subject
        case _:
            return None


def _in_transit(books: _Books) -> int:
    return sum(
        signed
        for lines in books.values()
        for key, signed in lines.items()
        if key.account == IN_TRANSIT
    )


def _journal(published: Published, policy: Policy, entity: str, lines: dict[_Key, int]) -> Journal:
    dates = published.dates.get(entity)
    if dates is None:
        raise UndatedEntityError(f"{published.type} {published.id} has no date for {entity}")
    journal = Journal(
        entity=entity,
        currency=published.body.currency,
        date=dates["date"],
        business_date=dates["business_date"],
        event=published.type.partition(".")[0],
        fact=published.id,
        fact_topic=_TOPICS[published.type],
        lines=[_line(key, signed, policy) for key, signed in lines.items() if signed],
    )
    assert sum(line.debit - line.credit for line in journal.lines) == 0, journal
    return journal


def _line(key: _Key, signed: int, policy: Policy) -> JournalLine:
    used = policy.chart(key.account)
    return JournalLine(
        account=used,
        debit=max(signed, 0),
        credit=max(-signed, 0),
        location=key.location,
        channel=key.channel,
        programme=key.programme,
        cohort=key.cohort,
        counterparty=key.counterparty,
        subject=key.subject,
        origin=key.origin,
        standard=None if used == key.account else key.account,
    )
