"""What journals should be for facts, what they are in PostgreSQL, and what would set them right."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import orjson
from sqlalchemy import Connection, select

from schemas.errors import ScripError
from schemas.message import Published
from services.ledger import tables as ledger
from services.ledger.adjusting import JOURNAL_ADJUSTED, Leg, Legs, difference, legs
from services.ledger.chart import CARDS, CREDITS
from services.ledger.worker import SPEC as LEDGER
from services.runtime.policies import Policies

ADJUSTED_MAX: Final = 10_000
CHUNK: Final = 500
_LEG: Final = tuple(name for name in Leg._fields if name not in ("currency", "entity"))


class PolicyUnknownError(ScripError):
    """A fact names a policy that is not on its topic. Restore that topic first."""


class TooManyAdjustmentsError(ScripError):
    """More facts differ than one plan adjusts: choose by time, partition, account or type."""


def wanted(policies: Policies, fact: Published) -> Legs:
    """The lines that follow from a fact, by the rules of this version. Raises PolicyUnknownError.

    An adjustment is left out: what it posts counts for the fact it sets right.
    """
    if fact.type == JOURNAL_ADJUSTED:
        return {}

    def policy_of(version: int) -> Any:
        policy = policies.of(version)
        if policy is None:
            raise PolicyUnknownError(f"no policy of version {version}")
        return policy

    return legs(made.body for made in LEDGER.derive(fact, policy_of))


def posted(
    connection: Connection, facts: Sequence[str], adjusted: Mapping[str, str]
) -> dict[str, Legs]:
    """{fact: its lines in PostgreSQL, those of its adjustments included}."""
    among = set(facts)
    of = {id: id for id in facts} | {a: f for a, f in adjusted.items() if f in among}
    columns = [ledger.journal_line.c[name] for name in _LEG]
    found: dict[str, dict[Leg, int]] = {}
    ids = sorted(of)
    for start in range(0, len(ids), CHUNK):
        query = (
            select(
                ledger.journal.c.fact,
                ledger.journal.c.currency,
                ledger.journal.c.entity,
                *columns,
                ledger.journal_line.c.debit,
                ledger.journal_line.c.credit,
            )
            .join_from(
                ledger.journal,
                ledger.journal_line,
                ledger.journal_line.c.journal_id == ledger.journal.c.id,
            )
            .where(ledger.journal.c.fact.in_(ids[start : start + CHUNK]))
        )
        for fact, currency, entity, *rest in connection.execute(query):
            *said, debit, credit = rest
            leg = Leg(currency, entity, *said)
            mine = found.setdefault(of[fact], {})
            mine[leg] = mine.get(leg, 0) + debit - credit
    return {fact: {leg: m for leg, m in mine.items() if m} for fact, mine in found.items()}


@dataclass(slots=True)
class Comparison:
    """What a replay's facts should have moved, what they have, and what is missing by fact."""

    money: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    accounts: dict[str, dict[str, dict[str, dict[str, int]]]] = field(default_factory=dict)
    missing: dict[str, Legs] = field(default_factory=dict)

    def add(self, fact: str, mine: Legs, theirs: Legs) -> None:
        """Take a fact in: what it should have posted, what it has. Raises TooManyAdjustments."""
        for side, said in (("should", mine), ("posted", theirs)):
            for leg, minor in said.items():
                self._add(leg, side, minor)
        differing = difference(mine, theirs)
        if differing:
            self.missing[fact] = differing
            if len(self.missing) > ADJUSTED_MAX:
                raise TooManyAdjustmentsError(f"more than {ADJUSTED_MAX} facts differ")
        for leg, minor in differing.items():
            self._sum(leg)["adjust"] += max(minor, 0)

    def _sum(self, leg: Leg) -> dict[str, int]:
        names = ("moved", "posted", "adjust", "liability", "liability_posted")
        return self.money.setdefault(leg.currency, {}).setdefault(
            leg.entity, dict.fromkeys(names, 0)
        )

    def _add(self, leg: Leg, side: str, minor: int) -> None:
        sums = self._sum(leg)
        sums["moved" if side == "should" else "posted"] += max(minor, 0)
        if (leg.standard or leg.account) in (CARDS, CREDITS):
            sums["liability" if side == "should" else "liability_posted"] -= minor
        accounts = self.accounts.setdefault(leg.currency, {}).setdefault(leg.entity, {})
        accounts.setdefault(leg.account, {"should": 0, "posted": 0})[side] += minor

    def digest(self) -> str:
        """SHA-256 (hex) of everything that would be posted."""
        return digest(self.missing)

    def gl_differences(self) -> list[dict[str, Any]]:
        """Every account whose sum differs, debit positive."""
        return [
            {"currency": currency, "entity": entity, "account": account}
            | {**sides, "difference": sides["should"] - sides["posted"]}
            for currency, entities in sorted(self.accounts.items())
            for entity, accounts in sorted(entities.items())
            for account, sides in sorted(accounts.items())
            if sides["should"] != sides["posted"]
        ]


def digest(missing: Mapping[str, Legs]) -> str:
    """SHA-256 (hex) of what is missing, by fact and leg."""
    said = [
        [fact, [[*leg, minor] for leg, minor in missing[fact].items()]] for fact in _by(missing)
    ]
    return sha256(orjson.dumps(said)).hexdigest()


def _by(missing: Iterable[str]) -> list[str]:
    return sorted(missing)
