"""What deriving services made is what their functions make of the facts: nothing less or more."""

from collections.abc import Iterator

import orjson

from schemas.decision import Derived
from schemas.identifiers import derived
from schemas.ledger import JournalAdjusted
from schemas.message import Published
from schemas.topics import LEDGER_OPERATIONS
from services.ledger.adjusting import difference, legs
from services.ledger.worker import SPEC as LEDGER
from services.runtime.deriving import DerivingSpec
from services.settlement.worker import SPEC as SETTLEMENT
from services.verify.evidence import Evidence, PolicyUnknownError
from services.verify.verdicts import Break, Verdict


def journals(evidence: Evidence) -> Verdict:
    """Every accepted fact has exactly its journals, and no journal lacks its fact."""
    return _derived(evidence, LEDGER, "every_fact_has_its_journals")


def items(evidence: Evidence) -> Verdict:
    """Every redemption fact has exactly its items, and no item lacks its fact."""
    return _derived(evidence, SETTLEMENT, "every_fact_has_its_items")


def _derived(evidence: Evidence, spec: DerivingSpec, name: str) -> Verdict:
    verdict = Verdict(name)
    made = {seen.fact.id: seen.fact for seen in evidence.all_facts(spec.output)}
    mended = _mended(evidence, spec)
    by_cause = _by_cause(made) if mended else {}
    facts: set[str] = set()
    ahead: set[str] = set()
    for topic in spec.inputs:
        for seen in evidence.all_facts(topic):
            facts.add(seen.fact.id)
            if evidence.passed(spec.service, seen.record):
                verdict.checked += 1
                if seen.fact.id in mended:
                    adjustments = mended[seen.fact.id]
                    verdict.add(_of_mended(evidence, seen.fact, by_cause, adjustments))
                else:
                    verdict.add(_of_fact(evidence, spec, seen.fact, made))
            else:
                ahead.add(seen.fact.id)
    for left in made.values():
        if left.causationid not in ahead and left.causationid not in mended:
            what = "does not follow from it" if left.causationid in facts else "lacks it"
            detail = f"{left.type} of fact {left.causationid} {what}"
            verdict.add([Break(detail, _entity(left), left.subject, left.id)])
    return verdict


def _mended(evidence: Evidence, spec: DerivingSpec) -> dict[str, list[str]]:
    """{fact: the adjustments that set its journals right}; their own journals follow as ever."""
    mended: dict[str, list[str]] = {}
    if spec is LEDGER:
        for seen in evidence.all_facts(LEDGER_OPERATIONS):
            if isinstance(seen.fact.body, JournalAdjusted):
                mended.setdefault(seen.fact.body.adjusted, []).append(seen.fact.id)
    return mended


def _by_cause(made: dict[str, Published]) -> dict[str, list[Published]]:
    found: dict[str, list[Published]] = {}
    for one in made.values():
        found.setdefault(one.causationid, []).append(one)
    return found


def _of_mended(
    evidence: Evidence,
    fact: Published,
    by_cause: dict[str, list[Published]],
    adjustments: list[str],
) -> Iterator[Break]:
    """Wrong journals stand for ever: with their adjustments they must come to what is right."""
    posted = [one.body for id in (fact.id, *adjustments) for one in by_cause.get(id, [])]
    try:
        wanted = [one.body for one in LEDGER.derive(fact, evidence.policy_of)]
    except PolicyUnknownError as error:
        yield Break(str(error), "", fact.subject, fact.id)
        return
    for leg, minor in difference(legs(wanted), legs(posted)).items():
        detail = f"{fact.type} adjusted still lacks {minor} on {leg.account}"
        yield Break(detail, leg.entity, fact.subject, fact.id)


def _of_fact(
    evidence: Evidence, spec: DerivingSpec, fact: Published, made: dict[str, Published]
) -> Iterator[Break]:
    """Take what was made of one fact out of `made`, comparing."""
    try:
        wanted = spec.derive(fact, evidence.policy_of)
    except PolicyUnknownError as error:
        yield Break(str(error), "", fact.subject, fact.id)
        return
    for number, one in enumerate(wanted):
        id = derived(spec.output.name, one.subject, fact.id, str(number))
        there = made.pop(id, None)
        entity = _entity(one)
        if there is None:
            detail = f"{fact.type} has no {one.type} {id} on {spec.output.name}"
            yield Break(detail, entity, fact.subject, fact.id)
        elif orjson.dumps(there.body) != orjson.dumps(one.body) or there.dates != one.dates:
            detail = f"{one.type} {id} says other than follows from {fact.type}"
            yield Break(detail, entity, fact.subject, fact.id)


def _entity(one: Published | Derived) -> str:
    return str(getattr(one.body, "entity", None) or getattr(one.body, "to_entity", ""))
