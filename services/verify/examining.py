"""Runs every check on one body of evidence."""

from collections.abc import Callable
from time import monotonic
from typing import Final

from sqlalchemy import Engine

from services.runtime.policies import Policies
from services.runtime.ports import Log
from services.verify import accounts, books, derivations, settling
from services.verify.catching import CatchingUp, Lag
from services.verify.evidence import Evidence, gather
from services.verify.numbering import numbered
from services.verify.outcomes import outcomes
from services.verify.stored import read_stored, snapshot
from services.verify.tail import Tail
from services.verify.verdicts import Break, Examination, Verdict

WAIT_SECONDS_MAX: Final = 60.0


def examine(
    log: Log,
    engine: Engine,
    say: Callable[[str], None],
    *,
    seconds_max: float = WAIT_SECONDS_MAX,
    tail: Tail | None = None,
) -> Examination:
    """Wait until what is there now has gone through, then check everything; it changes nothing.

    Facts are judged up to where PostgreSQL's sinks were in one snapshot; `seconds_max` bounds the
    wait, and who is late by then is a break of its own. `tail` may have read the topics before.
    """
    started = monotonic()
    tail = tail or Tail(log)
    catching = CatchingUp(tail, engine, seconds_max, say)
    late = catching.all()
    with snapshot(engine) as connection:
        stored = read_stored(connection)
    late += catching.workers()
    waited = monotonic() - started
    policies = Policies(log.reader())
    policies.refresh()
    evidence = gather(tail, stored, policies)
    verdicts = [_caught_up(late, evidence), *_verdicts(evidence)]
    said = f"{waited:.1f} s until every reader had passed what was there at the start"
    if late:
        said = f"{waited:.1f} s, and {len(late)} partitions are still behind"
    vector = {f"{topic}/{number}": at for (topic, number), at in sorted(evidence.cut.items())}
    return Examination(verdicts, vector, said, monotonic() - started)


def _caught_up(late: list[Lag], evidence: Evidence) -> Verdict:
    verdict = Verdict("every_reader_has_caught_up", checked=len(evidence.cut))
    verdict.add(Break(str(lag)) for lag in late)
    return verdict


def _verdicts(evidence: Evidence) -> list[Verdict]:
    accounts.fold(evidence)
    journals = books.booked(evidence)
    return [
        outcomes(evidence),
        numbered(evidence),
        derivations.journals(evidence),
        derivations.items(evidence),
        accounts.states(evidence),
        accounts.stored(evidence),
        accounts.available(evidence),
        books.balanced(journals),
        books.paired(journals),
        books.drained(journals),
        books.covered(evidence, journals),
        books.in_transit(evidence, journals),
        books.stored(evidence),
        settling.stored(evidence),
        settling.claims(evidence),
        settling.files(evidence),
    ]
