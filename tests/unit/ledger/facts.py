"""Facts to post, made short: accounts of the tests, their places and one policy."""

from typing import Any

from schemas.identifiers import derived
from schemas.ledger import Journal
from schemas.message import Published
from schemas.policy import PolicyDocument
from schemas.redemption_facts import CaptureRefunded, HoldCaptured, ValueLoaded
from schemas.terms import Policy
from schemas.value import AccountFact, Balance, Lot, Part, Where
from services.ledger.journal import derive

DAY = {"date": "2026-05-01", "business_date": "2026-04-30"}
ENTITIES = ("A", "B", "C", "HQ")


def policy(**changes: Any) -> Policy:
    """Three locations of three entities, and the parent's; `changes` to the document."""
    document = {
        "network": {"currency": "USD", "parent": "HQ"},
        "entities": {name: {} for name in ENTITIES},
        "locations": {f"F{name}": {"entity": name} for name in ("A", "B", "C")},
        "programmes": {"gift": {"kind": "card", "currency": "USD"}},
        **changes,
    }
    return Policy(1, 0, PolicyDocument.model_validate(document))


def at(entity: str, channel: str | None = "pos") -> Where:
    """A place of an entity; the parent's is named as the entity."""
    return Where(
        location=entity if entity == "HQ" else f"F{entity}", entity=entity, channel=channel
    )


def part(minor: int, **changes: Any) -> Part:
    """So much of a lot that came in at A's, spent on a service."""
    entity = changes.pop("entity", "A")
    return Part(
        **{
            "line": 1,
            "category": "service",
            "lot": "lot-1",
            "origin": "paid",
            "entity": entity,
            "location": at(entity).location,
            "programme": "gift",
            "jurisdiction": "US-NY",
            "cohort": "2026-05",
            "minor": minor,
            "funded": minor,
            **changes,
        }
    )


def lot(minor: int, **changes: Any) -> Lot:
    """A lot that came in at A's."""
    entity = changes.pop("entity", "A")
    funded = changes.get("funded", minor)
    return Lot(
        **{
            "lot": "lot-1",
            "origin": "paid",
            "entity": entity,
            "location": at(entity).location,
            "programme": "gift",
            "jurisdiction": "US-NY",
            "cohort": "2026-05",
            "minor": minor,
            "funded": funded,
            "face_start": minor,
            "funded_start": funded,
            "sold_at": 0,
            **changes,
        }
    )


def account_fact(made: type[AccountFact], where: Where, /, **fields: Any) -> Any:
    """A redemption fact of a card in USD; the balance after it is not looked at by postings."""
    said = {
        "kind": "card",
        "programme": "gift",
        "currency": "USD",
        "life": 1,
        "state": "Activated",
        "frozen": False,
        "where": where,
        "balance": Balance(ledger=0, held=0, available=0),
        **fields,
    }
    return made(**said)


def published(type: str, body: Any, **changes: Any) -> Published:
    """The fact as a reader finds it, dated for every entity."""
    return Published(
        **{
            "id": derived("test", type, repr(body)),
            "type": f"{type}.v1",
            "source": "service/redemption",
            "subject": "card-1",
            "time": 1_777_600_000_000,
            "body": body,
            "policy": 1,
            "sequence": 1,
            "input": "commands",
            "causationid": "command-1",
            "dates": {name: dict(DAY) for name in ENTITIES},
            **changes,
        }
    )


def journals(type: str, body: Any, under: Policy | None = None) -> dict[str, Journal]:
    """The journals of a fact by entity; each entity has at most one."""
    made = [derived.body for derived in derive(published(type, body), under or policy())]
    assert len({journal.entity for journal in made}) == len(made)
    return {journal.entity: journal for journal in made}


def legs(type: str, body: Any) -> dict[str, dict[str, int]]:
    """What a fact posts: {entity: {account or account(counterparty): minor, debit positive}}."""
    found: dict[str, dict[str, int]] = {}
    for entity, journal in journals(type, body).items():
        lines = found.setdefault(entity, {})
        for line in journal.lines:
            across = f"({line.counterparty})" if line.counterparty else ""
            name = line.account + across
            lines[name] = lines.get(name, 0) + line.debit - line.credit
    return {e: {a: m for a, m in lines.items() if m} for e, lines in found.items()}


def loaded(minor: int, **fields: Any) -> ValueLoaded:
    """Value that came onto a card at A's, sold for cash unless said."""
    funded = fields.pop("funded", minor)
    said = {"cause": "activation", "tender": "cash", "origin": "paid", **fields}
    lots = [lot(minor, funded=funded, origin=said["origin"])]
    made: ValueLoaded = account_fact(
        ValueLoaded, at("A"), lots=lots, minor=minor, price_minor=funded, **said
    )
    return made


def captured(place: str, *parts: Any, exception_minor: int = 0) -> HoldCaptured:
    """A use at an entity's place."""
    minor = sum(p.minor for p in parts)
    made: HoldCaptured = account_fact(
        HoldCaptured,
        at(place),
        hold_id="h1",
        capture="r1",
        minor=minor,
        requested_minor=minor,
        exception_minor=exception_minor,
        late=False,
        final=True,
        parts=list(parts),
        lines=[],
        draws=[],
        hold=None,
        released_minor=0,
    )
    return made


def refunded(place: str, spent_at: str, *parts: Any, to_same: bool = True) -> CaptureRefunded:
    """A refund at `place` of what was spent at `spent_at`'s."""
    made: CaptureRefunded = account_fact(
        CaptureRefunded,
        at(place),
        capture="r1",
        to="card-1" if to_same else "credit-1",
        to_same=to_same,
        minor=sum(p.minor for p in parts),
        parts=list(parts),
        lines=[],
        restored=[],
        lots=[],
        capture_where=at(spent_at, "web"),
        fully=True,
    )
    return made
