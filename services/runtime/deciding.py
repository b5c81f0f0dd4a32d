"""One command at a time, purely: check, decide once, answer the same for ever after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Literal

from schemas.codec import Broadcast, read_command
from schemas.decision import Accepted, Decided, Decision, Refused
from schemas.identifiers import fact_id, first_number
from schemas.message import Command, Fact, Outgoing, encode_command
from schemas.refusals import Reason
from schemas.sweeps import SWEEP, commands_of
from schemas.terms import Policy, Terms
from schemas.topics import Topic
from services.runtime.admission import Admission, is_answered, out_of_time, take_broadcast
from services.runtime.answering import UNKNOWN, Answering
from services.runtime.deadletters import bury
from services.runtime.records import Record
from services.runtime.rowcodec import CoreRows
from services.runtime.seals import Seals
from services.runtime.staging import Staging

FORGETTABLE = UNKNOWN | {Reason.TOO_OLD, Reason.TOO_EARLY}


class PolicyMissingError(Exception):
    """This partition knows no policy yet, or not the document of a version it was told of."""


@dataclass(frozen=True, slots=True)
class DecidingSpec:
    """A deciding service: its topics and its core (a module as schemas/decision.py says).

    `refusal` makes the body of a recorded refusal: (command, reason, detail) → Decided.
    """

    service: Literal["issuance", "redemption"]
    commands: Topic
    events: Topic
    replies: Topic
    memory: Topic
    public: Topic | None
    core: ModuleType
    refusal: Callable[[Command, Reason, str | None], Decided]
    outgoing: Mapping[str, Topic]


class Deciding:
    """Handles the records of one deciding service."""

    def __init__(
        self,
        spec: DecidingSpec,
        policy_of: Callable[[int], Policy | None],
        seals: Seals,
        partitions: int,
    ) -> None:
        self.spec = spec
        self.rows = CoreRows(spec.core.ROWS, spec.memory, spec.public)
        self.source = f"service/{spec.service}"
        self._answering = Answering(spec.replies, self.source)
        self._policy_of = policy_of
        self._seals = seals
        self._partitions = partitions
        self._subjects_forgotten = "" in spec.core.FORGOTTEN_FROM
        subjects = getattr(spec.core, "subjects", None)
        self.admission = Admission(spec.service, seals, partitions, subjects)

    def handle(self, staging: Staging, record: Record) -> None:
        """Decide on one record; PolicyMissingError leaves the staging as it was."""
        message = read_command(self.spec.service, record.value)
        terms = self._terms(staging, record) if isinstance(message, Command) else None
        staging.begin(record)
        cause = self.admission.turned_away(record, message)
        if cause is not None:
            bury(staging, record, cause, self._partitions)
            if is_answered(record, message, cause, self._partitions):
                self._answering.turned_away(staging, message, cause)
            return
        if isinstance(message, Broadcast):
            take_broadcast(staging.progress, message)
        elif terms is not None:
            assert isinstance(message, Command)
            self._command(staging, record, message, terms)

    def _terms(self, staging: Staging, record: Record) -> Terms:
        """The terms of this record's decision; PolicyMissingError: not known yet."""
        progress = staging.progress
        now = max(progress.now, record.timestamp)
        known = staging.in_force(now)
        policy = None if known is None else self._policy_of(known.version)
        if policy is None:
            raise PolicyMissingError
        return Terms(now, policy, progress.closed)

    def _command(self, staging: Staging, record: Record, command: Command, terms: Terms) -> None:
        if command.type == SWEEP:
            for due in commands_of(command):
                self._sweep(staging, due, terms)
        elif not self._answering.repeated(staging, command):
            self._decide(staging, record, command, terms)

    def _sweep(self, staging: Staging, command: Command, terms: Terms) -> None:
        """Nobody asked and nothing is remembered: what is swept already is not due any more."""
        core = self.spec.core
        decision = core.decide(self._load(staging, core.keys(command)), command, terms)
        assert isinstance(decision, Accepted), (command, decision)
        self._facts(staging, command, decision, terms)

    def _decide(self, staging: Staging, record: Record, command: Command, terms: Terms) -> None:
        core = self.spec.core
        decision: Decision
        wrong_time = out_of_time(self.spec.service, record, command)
        if wrong_time is not None:
            decision = Refused(*wrong_time, self.spec.refusal(command, *wrong_time))
        else:
            decision = core.decide(self._load(staging, core.keys(command)), command, terms)
        belated = decision.belated if isinstance(decision, Accepted) else None
        if belated is None:
            types = self._facts(staging, command, decision, terms)
            self._answering.first(staging, command, decision, types)
        else:
            # What comes of a command later is its own: its ids follow from it, not from who tells.
            cause = replace(command, id=belated.command)
            types = self._facts(staging, cause, decision, terms)
            self._answering.first(staging, command, decision, ())
            self._answering.belated(staging, cause, belated, types)

    def _facts(
        self, staging: Staging, cause: Command, decision: Decision, terms: Terms
    ) -> tuple[str, ...]:
        """Write the facts of a decision, and what follows from them; their types."""
        core = self.spec.core
        facts: tuple[Decided, ...]
        match decision:
            case Accepted():
                facts = decision.facts
            case Refused():
                facts = () if decision.fact is None else (decision.fact,)
        types = []
        for number, decided in enumerate(facts, self._number(staging, cause, decision)):
            fact = self._fact(cause, decided, number, terms)
            types.append(fact.type)
            staging.fact(self.spec.events, fact)
            if isinstance(decision, Accepted):
                staging.change(core.evolve(self._load(staging, core.touched(fact)), fact))
                for outgoing in core.forward(fact):
                    self._send(staging, outgoing, fact)
        return tuple(types)

    def _number(self, staging: Staging, cause: Command, decision: Decision) -> int:
        """From which number the facts of a decision are counted (their ids follow from it).

        What comes of a command later, and a refusal that is forgotten while its command may still
        come again, count from their instant, so that no other decision on it has their id.
        """
        if isinstance(decision, Accepted):
            timed = decision.belated is not None
        else:
            timed = decision.reason in FORGETTABLE
        return staging.progress.now if timed else first_number(cause.time)

    def _load(self, staging: Staging, keys: tuple[str, ...]) -> dict[str, Any]:
        rows: dict[str, Any] = {}
        now = staging.progress.now
        for key in keys:
            row = staging.row(key, self.rows)
            if row is None:
                continue
            if "/" in key or self._subjects_forgotten:
                until = self.spec.core.forgotten_at(key, row)
                if until is not None and until <= now:
                    continue
            rows[key] = row
        return rows

    def _fact(self, command: Command, decided: Decided, number: int, terms: Terms) -> Fact:
        return Fact(
            id=fact_id(self.spec.events.name, command.subject, command.id, number),
            type=decided.type,
            subject=decided.subject or command.subject,
            time=terms.now,
            body=decided.body,
            policy=terms.policy.version,
            causationid=command.id,
            correlationid=command.correlationid,
            traceparent=command.traceparent,
            dates=terms.dates(
                decided.entities or (terms.policy.parent,), decided.location, command.time
            ),
        )

    def _send(self, staging: Staging, outgoing: Outgoing, fact: Fact) -> None:
        topic = self.spec.outgoing[outgoing.topic]
        value = encode_command(
            id=outgoing.id,
            type=outgoing.type,
            source=self.source,
            subject=outgoing.subject,
            time=staging.progress.now,
            body=outgoing.body,
            causationid=fact.id,
            correlationid=fact.correlationid,
            traceparent=fact.traceparent,
        )
        key = outgoing.subject.encode()
        staging.out(topic, key, value, self._seals.seal(topic.name, key, value))
