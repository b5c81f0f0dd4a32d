"""Redemption facts as settlement reads them, for tests of items, the sink and runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.message import Published
from schemas.policy import PolicyDocument
from schemas.redemption_facts import CaptureRefunded, CardReturned, HoldCaptured, ValueTaken
from schemas.terms import Policy
from schemas.value import Balance, Part, Where

NOW = 1_780_000_000_000  # 2026-05-28T20:26:40Z
ENTITIES = {"F1": "E1", "F2": "E2", "F3": "E1", "HQ": "HQ"}
# Another network, of three entities, for whole runs.
NETWORK = {"A": "EA", "B": "EB", "C": "EC", "A2": "EA"}
ENTITY_OF = ENTITIES | NETWORK
SETTLEMENT: dict[str, Any] = {"enabled": True, "cross_franchise": True}


def document(**settlement: Any) -> PolicyDocument:
    """Two entities and the parent's; F1 and F3 are one entity's, F2 the other's."""
    return PolicyDocument.model_validate(
        {
            "network": {"currency": "USD", "parent": "HQ", "bank_account": "acct-hq"},
            "entities": {"HQ": {}, "E1": {}, "E2": {}},
            "locations": {
                name: {"entity": entity, "bank_account": f"acct-{name.lower()}"}
                for name, entity in ENTITIES.items()
                if name != "HQ"
            },
            "programmes": {"gift": {"kind": "card", "currency": "USD"}},
            "settlement": SETTLEMENT | settlement,
        }
    )


def policy(version: int = 1, **settlement: Any) -> Policy:
    """A version of that policy."""
    return Policy(version, 0, document(**settlement))


@dataclass(frozen=True)
class Drawn:
    """So much of a lot went to a line."""

    line: int
    category: str
    source: str
    minor: int
    lot: str = "lot1"
    funded: int | None = None


def part(row: Drawn, /, **refund: Any) -> Part:
    """The part of a fact that says so; `refund` is what only refunds carry."""
    return Part(
        line=row.line,
        category=row.category,
        lot=row.lot,
        origin="paid",
        entity=ENTITY_OF[row.source],
        location=row.source,
        programme="gift",
        jurisdiction="US",
        cohort="2026-05",
        minor=row.minor,
        funded=row.minor if row.funded is None else row.funded,
        **refund,
    )


def where(location: str) -> Where:
    """A till at a location."""
    return Where(location=location, entity=ENTITY_OF[location], channel="pos", receipt="t-1")


def published(type: str, body: Any, *, id: str = "fact-1", version: int = 1) -> Published:
    """A fact about card c1 as a reader finds it."""
    dates = {name: {"date": "2026-05-28", "business_date": "2026-05-28"} for name in ("E1", "E2")}
    return Published(
        id=id,
        type=type,
        source="service/redemption",
        subject="c1",
        time=NOW,
        body=body,
        policy=version,
        sequence=1,
        input="commands",
        causationid="command-1",
        dates=dates,
    )


def _account(location: str) -> dict[str, Any]:
    return {
        "kind": "card",
        "programme": "gift",
        "currency": "USD",
        "life": 1,
        "state": "Activated",
        "frozen": False,
        "where": where(location),
        "balance": Balance(ledger=0, held=0, available=0),
    }


def captured(
    to: str, drawn: Sequence[Drawn], *, capture: str = "r1", version: int = 1
) -> Published:
    """Card c1 was used at `to`."""
    minor = sum(row.minor for row in drawn)
    body = HoldCaptured(
        **_account(to),
        hold_id=capture,
        capture=capture,
        minor=minor,
        requested_minor=minor,
        exception_minor=0,
        late=False,
        final=True,
        parts=[part(row) for row in drawn],
        lines=[],
        draws=[],
        hold=None,
        released_minor=0,
    )
    return published("hold_captured.v1", body, id=f"captured-{capture}", version=version)


@dataclass(frozen=True)
class Returning:
    """So much of what a line drew from a lot comes back, after `before`."""

    drawn: Drawn
    minor: int
    before: int = 0


def refunded(
    rows: Sequence[Returning],
    *,
    id: str = "refund-1",
    capture: str = "r1",
    at: str = "F2",
    used_at: str = "F2",
    to_same: bool = True,
    capture_version: int = 1,
    version: int = 1,
) -> Published:
    """Some of a capture of card c1 at `used_at` came back at `at`."""
    parts = [
        part(
            Drawn(r.drawn.line, r.drawn.category, r.drawn.source, r.minor, r.drawn.lot),
            capture=capture,
            capture_policy=capture_version,
            drawn=r.drawn.minor,
            refunded_before=r.before,
        )
        for r in rows
    ]
    body = CaptureRefunded(
        **_account(at),
        capture=capture,
        to="c1" if to_same else "credit-1",
        to_same=to_same,
        minor=sum(r.minor for r in rows),
        parts=parts,
        lines=[],
        restored=[],
        lots=[],
        capture_where=where(used_at),
        fully=False,
    )
    return published("capture_refunded.v1", body, id=id, version=version)


def cashed_out(at: str, drawn: Sequence[Drawn]) -> Published:
    """What was left on card c1 was paid out at `at`."""
    body = ValueTaken(
        **_account(at),
        minor=sum(row.minor for row in drawn),
        parts=[part(row) for row in drawn],
        cause="cash_out",
    )
    return published("cashed_out.v1", body)


def returned(at: str, drawn: Sequence[Drawn], price_minor: int) -> Published:
    """Card c1, unused, was taken back at `at` and its price paid back."""
    body = CardReturned(
        **_account(at),
        return_id="return-1",
        minor=sum(row.minor for row in drawn),
        price_minor=price_minor,
        tender="cash",
        parts=[part(row) for row in drawn],
    )
    return published("card_returned.v1", body)
