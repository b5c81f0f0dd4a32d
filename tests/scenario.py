"""Given, when, then for a deciding core: the runner's rules about rows and facts, without a log.

Rows are turned to bytes and back after every command, facts are read back from their bytes, and
commands that leave for the same service are delivered, as the runner does it.
"""

import copy
from dataclasses import dataclass, field
from random import Random
from types import ModuleType
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter

from schemas import redemption
from schemas.codec import read_fact
from schemas.decision import Accepted, Decision, Refused
from schemas.identifiers import fact_id, first_number
from schemas.instants import parse_instant
from schemas.message import Command, Fact, Outgoing, Published, encode_fact
from schemas.policy_checks import read_policy
from schemas.terms import Policy, Terms
from schemas.topics import REDEMPTION_COMMANDS, REDEMPTION_EVENTS, Topic
from services.redemption import balance
from services.runtime.agenda import due_command

DELIVERIES_MAX = 1_000
SWEPT_AGAIN_MAX = 20


@dataclass
class Outcome:
    """What one command led to: the decision, its facts as published."""

    decision: Decision
    facts: list[Published]

    @property
    def types(self) -> list[str]:
        """The facts' types, without version."""
        return [fact.type.removesuffix(".v1") for fact in self.facts]

    @property
    def reason(self) -> str | None:
        """The reason of a refusal."""
        return self.decision.reason.value if isinstance(self.decision, Refused) else None

    @property
    def body(self) -> Any:
        """The last fact's body."""
        return self.facts[-1].body


@dataclass
class Scenario:
    """One core over its rows; `at` is the clock (RFC 3339 or ms), moved by hand.

    Commands that leave for the same service arrive at once; with a `chance` in any order but that
    of one subject, as `arrive` and `rest` say.
    """

    policy: dict[str, Any]
    at: str | int = "2026-05-01T14:00:00Z"
    core: ModuleType = balance
    commands: dict[str, type[BaseModel]] = field(default_factory=lambda: dict(redemption.COMMANDS))
    topics: tuple[Topic, Topic] = (REDEMPTION_COMMANDS, REDEMPTION_EVENTS)
    rows: dict[str, Any] = field(default_factory=dict)
    facts: list[Published] = field(default_factory=list)
    left: list[Outgoing] = field(default_factory=list)
    swept: list[Command] = field(default_factory=list)
    on_their_way: list[Command] = field(default_factory=list)
    waiting: dict[str, list[Command]] = field(default_factory=dict)
    chance: Random | None = None
    versions: int = 1
    count: int = 0

    def __post_init__(self) -> None:
        self.now = self.at if isinstance(self.at, int) else parse_instant(self.at)
        self._adapters = {kind: TypeAdapter(row) for kind, row in self.core.ROWS.items()}
        self.set_policy(self.policy)

    def set_policy(self, document: dict[str, Any], *, published: bool = False) -> None:
        """Another policy, in force at once; `published`: it was so before checks were added."""
        self.document = document
        self._policy = Policy(self.versions, 0, read_policy(document, published=published))
        self.versions += 1

    @property
    def terms(self) -> Terms:
        """The terms of a decision now."""
        return Terms(now=self.now, policy=self._policy)

    def later(self, *, days: float = 0, seconds: int = 0) -> None:
        """The clock moves on, and no sweep comes."""
        self.now += int(days * 86_400_000) + seconds * 1000

    def do(self, type: str, subject: str, id: str | None = None, **data: Any) -> Outcome:
        """A command by `source` (default a service), as its sender would write it."""
        self.count += 1
        source = data.pop("source", "service/test")
        body = self.commands[type].model_validate(data)
        name = id or f"{type}-{self.count}"
        return self.run(Command(name, type, source, subject, self.now, body))

    def run(self, command: Command) -> Outcome:
        """Decide (twice: a core has no memory of its own), change the rows, deliver."""
        rows = self._load(self.core.keys(command))
        untouched = copy.deepcopy(rows)
        decision = self.core.decide(rows, command, self.terms)
        assert rows == untouched, "deciding changes nothing"
        assert self.core.decide(rows, command, self.terms) == decision
        decided = decision.facts if isinstance(decision, Accepted) else ()
        refusal = decision.fact if isinstance(decision, Refused) else None
        outcome = Outcome(decision, [])
        outgoing: list[Outgoing] = []
        for number, one in enumerate(decided or ((refusal,) if refusal else ())):
            fact = self._fact(command, one, number)
            outcome.facts.append(self._published(fact))
            changed = self.core.evolve(self._load(self.core.touched(fact)), fact)
            self._keep(changed)
            outgoing.extend(self.core.forward(fact))
        self.facts.extend(outcome.facts)
        for message in outgoing:
            self._deliver(message)
        return outcome

    def sweep(self) -> list[str]:
        """Send what is due until nothing is; the types sent. What was swept before comes again.

        Nothing of a sweep is remembered, so whenever it comes again it must find nothing to do.
        """
        for command in self.swept[-SWEPT_AGAIN_MAX:]:
            again = self.core.decide(self._load(self.core.keys(command)), command, self.terms)
            assert isinstance(again, Accepted), again
            assert again.facts == (), (command, again)
        sent: list[str] = []
        while due := self._due():
            assert len(sent) < DELIVERIES_MAX, "something stays due for ever"
            self.swept.append(self._sweep_of(due))
            self.run(self.swept[-1])
            sent.append(due.type)
        return sent

    def send_sweeps(self, ahead: int) -> None:
        """What is due is on its way, by a clock that is `ahead` (ms): who knows when it comes."""
        self.on_their_way += [self._sweep_of(due) for due in self._ripe(ahead)]

    def sweep_comes(self, chance: Random) -> None:
        """One of those on their way comes, whatever has happened meanwhile."""
        if self.on_their_way:
            come = self.on_their_way.pop(chance.randrange(len(self.on_their_way)))
            if self.run(come).facts:
                self.swept.append(come)

    def arrive(self) -> None:
        """The first of those that wait for somebody comes."""
        if self.waiting and self.chance is not None:
            subject = self.chance.choice(list(self.waiting))
            first, *more = self.waiting.pop(subject)
            if more:
                self.waiting[subject] = more
            self.run(first)

    def rest(self) -> None:
        """All that waits comes, and what follows from it."""
        for _ in range(DELIVERIES_MAX):
            if not self.waiting:
                return
            self.arrive()
        raise AssertionError("commands follow from commands for ever")

    def account(self, subject: str) -> Any:
        """The account as reports show it; an AssertionError if there is none."""
        view = self.core.account_view(self.rows, subject)
        assert view is not None, f"no account {subject}"
        return view

    def folded(self) -> dict[str, Any]:
        """The rows as the facts alone tell them, read back from their bytes."""
        rows: dict[str, Any] = {}
        for fact in self.facts:
            found = {key: rows[key] for key in self.core.touched(fact) if key in rows}
            for key, row in self.core.evolve(found, copy.deepcopy(fact)).items():
                rows.pop(key, None)
                if row is not None:
                    rows[key] = row
        return rows

    def _ripe(self, ahead: int = 0) -> list[Any]:
        found = [due for key, row in self.rows.items() for due in self.core.dues(key, row)]
        return [due for due in found if due.at <= self.now + ahead]

    def _due(self) -> Any:
        return min(self._ripe(), key=lambda due: (due.at, due.type, due.subject), default=None)

    def _sweep_of(self, due: Any) -> Command:
        id = due_command(due)["id"]
        model = self.commands[due.type].model_validate(due.body)
        return Command(id, due.type, "service/sweeper", due.subject, self.now, model)

    def _load(self, keys: tuple[str, ...]) -> dict[str, Any]:
        found = {}
        for key in keys:
            row = self.rows.get(key)
            if row is not None:
                until = self.core.forgotten_at(key, row)
                if until is None or until > self.now:
                    found[key] = row
        return found

    def _keep(self, changed: dict[str, Any]) -> None:
        for key, row in changed.items():
            if row is None:
                self.rows.pop(key, None)
                continue
            kind = key.split("/", 2)[1] if "/" in key else ""
            again = self._adapters[kind].validate_python(orjson.loads(orjson.dumps(row)))
            assert again == row, "a row survives its bytes"
            self.rows[key] = again

    def _fact(self, command: Command, decided: Any, number: int) -> Fact:
        return Fact(
            id=fact_id(
                self.topics[1].name,
                command.subject,
                command.id,
                first_number(command.time) + number,
            ),
            type=decided.type,
            subject=decided.subject or command.subject,
            time=self.now,
            body=decided.body,
            policy=self._policy.version,
            causationid=command.id,
            dates=self.terms.dates(decided.entities, decided.location, command.time),
        )

    def _published(self, fact: Fact) -> Published:
        value = encode_fact(fact, "service/test", len(self.facts) + 1, self.topics[0].name)
        return read_fact(self.topics[1], value)

    def _deliver(self, message: Outgoing) -> None:
        if message.topic != self.topics[0].name:
            self.left.append(message)
            return
        body = self.commands[message.type].model_validate(orjson.loads(orjson.dumps(message.body)))
        command = Command(
            message.id, message.type, "service/redemption", message.subject, self.now, body
        )
        if self.chance is None:
            self.run(command)
        else:
            self.waiting.setdefault(command.subject, []).append(command)
