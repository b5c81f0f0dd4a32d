"""Makes a plan: what a replay would read, and the money it would move, before anything is written.

A plan is kept as an operation, under its hash, with who made it; that is all it writes.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, select

from schemas.codec import FACTS_BY_TOPIC
from schemas.errors import ScripError
from schemas.message import Published
from schemas.topics import REDEMPTION_EVENTS
from services.ledger.adjusting import JOURNAL_ADJUSTED
from services.replay.books import Comparison, posted, wanted
from services.replay.choice import Choice, chosen, require_accounts, require_fit
from services.replay.reading import TOPICS, Bounds, adjustments, batches
from services.runtime.outbox_table import insert_new, operation
from services.runtime.policies import Policies
from services.runtime.ports import Log

KIND: Final = "replay"
PLANNED: Final = "planned"
SHADOWED: Final = "shadowed"
APPLIED: Final = "applied"
PREFIX_MIN: Final = 8
TYPES: Final = frozenset(
    type.partition(".")[0] for topic in TOPICS.values() for type in FACTS_BY_TOPIC[topic]
)


class PlanUnknownError(ScripError):
    """No plan has this hash (or several begin with it): `scrip replay plan` prints it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`content` is what the hash is of; `made_by` and `state` are not part of it."""

    hash: str
    content: dict[str, Any]
    made_by: str
    approved_by: str | None
    state: str

    @property
    def operation(self) -> str:
        """The operation it is kept as, and by which it is applied."""
        return f"replay-{self.hash[:32]}"

    @property
    def choice(self) -> Choice:
        """What it is about."""
        return chosen(self.content["choice"])

    @property
    def bounds(self) -> Bounds:
        """{(topic, partition): offset up to which it reads}."""
        found: Bounds = {}
        for place, end in self.content["as_of"].items():
            topic, _, number = place.rpartition("/")
            found[topic, int(number)] = end
        return found


def make_plan(
    log: Log,
    engine: Engine,
    choice: Choice,
    bounds: Bounds,
    *,
    made_by: str,
    now: int,
    say: Callable[[str], None],
) -> Plan:
    """Read everything chosen and compare it; `now` in ms UTC. The same content has one plan.

    Raises ChoiceRefusedError for what cannot be there, and for accounts without any fact.
    """
    require_fit(choice, log.partitions(REDEMPTION_EVENTS.name), TYPES)
    content = _content(log, engine, choice, bounds, say)
    hashed = sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
    plan = Plan(hashed, content, made_by, None, PLANNED)
    row = {
        "id": plan.operation,
        "kind": KIND,
        "arguments": {"hash": hashed, "content": content},
        "made_by": made_by,
        "as_of": content["as_of"],
        "state": PLANNED,
        "created_at": now,
    }
    with engine.begin() as connection:
        insert_new(connection, operation, row)
        return find_plan(connection, hashed)


def _content(
    log: Log, engine: Engine, choice: Choice, bounds: Bounds, say: Callable[[str], None]
) -> dict[str, Any]:
    """What a plan says, as plain JSON."""
    adjusted = adjustments(log.reader(), bounds)
    bounds = {place: end for place, end in bounds.items() if choice.reads(place[1])}
    passing = _Pass(log, engine, choice, adjusted)
    comparison, types, read = passing.over(bounds, say)
    require_accounts(choice, passing.seen)
    content: dict[str, Any] = {
        "choice": choice.as_json(),
        "as_of": {f"{topic}/{number}": end for (topic, number), end in sorted(bounds.items())},
        "reads": dict(sorted(read.items())),
        "facts": dict(sorted(types.items())),
        "money": comparison.money,
        "gl": comparison.gl_differences(),
        "adjustments": {"facts": len(comparison.missing), "sha256": comparison.digest()},
    }
    plain: dict[str, Any] = orjson.loads(orjson.dumps(content, option=orjson.OPT_SORT_KEYS))
    return plain


def find_plan(connection: Connection, hashed: str) -> Plan:
    """The plan of a hash, or of a beginning of one that only it has. Raises PlanUnknownError."""
    rows = connection.execute(select(operation).where(operation.c.kind == KIND)).mappings()
    found = [
        Plan(
            row["arguments"]["hash"],
            row["arguments"]["content"],
            row["made_by"],
            row["approved_by"],
            row["state"],
        )
        for row in rows
        if len(hashed) >= PREFIX_MIN and row["arguments"]["hash"].startswith(hashed)
    ]
    if len(found) != 1:
        raise PlanUnknownError(f"{len(found)} plans have the hash {hashed}")
    return found[0]


@dataclass(frozen=True, slots=True)
class _Pass:
    """One pass over everything chosen; `seen`: which accounts that are named have facts."""

    log: Log
    engine: Engine
    choice: Choice
    adjusted: Mapping[str, str]
    seen: set[str] = field(default_factory=set)

    def over(
        self, bounds: Bounds, say: Callable[[str], None]
    ) -> tuple[Comparison, Counter[str], Counter[str]]:
        """The comparison, the chosen facts by type, and the facts read by topic."""
        reader, policies = self.log.reader(), Policies(self.log.reader())
        policies.refresh()
        comparison, types, read = Comparison(), Counter[str](), Counter[str]()
        for place, end in sorted(bounds.items()):
            say(f"reading {place[0]}/{place[1]} up to {end}")
            for facts, _ in batches(reader, place, 0, end):
                read[place[0]] += len(facts)
                self._take(facts, policies, comparison, types)
        return comparison, types, read

    def _take(
        self,
        facts: list[Published],
        policies: Policies,
        comparison: Comparison,
        types: Counter[str],
    ) -> None:
        self.seen.update(f.subject for f in facts if f.subject in self.choice.accounts)
        mine = [f for f in facts if self.choice.includes(f) and f.type != JOURNAL_ADJUSTED]
        types.update(fact.type.partition(".")[0] for fact in mine)
        with self.engine.connect() as connection:
            theirs = posted(connection, [fact.id for fact in mine], self.adjusted)
        for fact in mine:
            comparison.add(fact.id, wanted(policies, fact), theirs.get(fact.id, {}))
