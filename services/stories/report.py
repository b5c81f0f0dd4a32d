"""What a story has led to, as one object (contract: `scrip story --json`)."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection, select

from schemas.identifiers import SUFFIX_CREDIT, card_credit
from schemas.instants import format_instant
from schemas.ledger import Journal
from services.ledger import tables as ledger
from services.ledger.credit import transactions
from services.ledger.trial import trial_balance
from services.ledger.views import history
from services.settlement import tables as settlement
from services.settlement.views import list_exceptions, list_files, list_items, list_runs
from services.stories.facts import Topics
from services.stories.invariants import CHECKS, Known, by_currency, findings
from services.stories.playing import Play

NOTHING: Final = {"ledger": 0, "held": 0, "available": 0, "lots": [], "holds": []}


def report(play: Play) -> dict[str, Any]:
    """The whole object: what was answered, what stands in accounts and books, what was paid."""
    play.rows.refresh()
    topics = Topics(play.stage.reader, play.stage.partitions)
    policy = play.terms().policy
    with play.stage.engine.begin() as connection:
        known = _known(play, topics, connection, policy.parent)
        broken = list(findings(known))
        books = {
            currency: trial_balance(journals)
            for currency, journals in sorted(by_currency(known).items())
        }
        # Books of one currency are the network's, or the only ones: no sum is over currencies.
        own = policy.document.network.currency if len(books) > 1 else next(iter(books), "")
        found = {
            "replies": play.told.replies,
            "accounts": _accounts(play),
            "credit": _credit(play, connection),
            "journals": [_journal(journal) for journal in known.journals],
            "trial_balance": books.get(own, {}),
            "trial_balance_by_currency": books,
            "items": known.items,
            "runs": list_runs(connection),
            "files": list_files(connection, play.stage.desk.vault),
            "deadletters": known.dead,
            "exceptions": list_exceptions(connection),
            "notes": play.told.notes,
        }
    failing: dict[str, list[str]] = {finding.name: [] for finding in broken}
    for finding in broken:
        failing[finding.name].append(finding.detail)
    found["invariants"] = [
        {"name": name, "holds": name not in failing, "detail": failing.get(name, [])}
        for name in CHECKS
    ]
    return found


def _known(play: Play, topics: Topics, connection: Connection, parent: str) -> Known:
    states = connection.execute(select(ledger.account_state)).mappings()
    booked = select(ledger.journal.c.fact, ledger.journal.c.entity, ledger.journal.c.event)
    entries = select(settlement.run_entry).join(
        settlement.run, settlement.run.c.run == settlement.run_entry.c.run
    )
    filed = settlement.run.c.state.in_(("filed", "transmitted", "settled", "closed"))
    return Known(
        journals=[journal for _, journal in topics.journals()],
        events=topics.events(),
        rows=play.rows.accounts(),
        stated={row["account"]: dict(row) for row in states},
        booked=[tuple(row) for row in connection.execute(booked)],
        entries=[dict(row) for row in connection.execute(entries.where(filed)).mappings()],
        items=list_items(connection),
        parent=parent,
        asked=topics.asked(),
        answered=topics.answered(),
        dead=topics.dead_letters(),
    )


def _accounts(play: Play) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name in play.story.stock:
        card, account = play.rows.card(name), play.rows.account(name)
        stock = card is not None and card.state != "Activated"
        found[name] = _account(account, card.state if card is not None and stock else None)
        credit = play.rows.account(card_credit(name))
        if credit is not None:
            found[name + SUFFIX_CREDIT] = _account(credit, None)
    for name in play.story.credits:
        subject = play.story.subjects[name]
        found[name] = _account(play.rows.account(subject), None)
        unclaimed = play.rows.account(card_credit(subject))
        if unclaimed is not None:
            found[name + SUFFIX_CREDIT] = _account(unclaimed, None)
    return found


def _credit(play: Play, connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """The history of each owner's store credit."""
    return {
        name: [
            {**one, "at": format_instant(one["at"])}
            for one in transactions(history(connection, play.story.subjects[name]))
        ]
        for name in play.story.credits
    }


def _account(row: Any | None, state: str | None) -> dict[str, Any]:
    """`state` where issuance has the word (stock); else redemption's row says everything."""
    if row is None:
        return {"state": state, "frozen": False, **NOTHING}
    return {
        "state": state or row.state,
        "frozen": row.frozen,
        "ledger": row.ledger,
        "held": row.held,
        "available": row.ledger - row.held,
        "lots": [asdict(lot) for lot in row.lots],
        "holds": [asdict(hold) for hold in row.holds],
        "programme": row.programme,
        "currency": row.currency,
    }


def _journal(journal: Journal) -> dict[str, Any]:
    lines = [{**asdict(line)} for line in journal.lines]
    head: Mapping[str, Any] = {
        "entity": journal.entity,
        "date": journal.date,
        "business_date": journal.business_date,
        "event": journal.event,
        "currency": journal.currency,
    }
    return {**head, "lines": lines}
