"""Plays a story on a stage: each step at its time, and what falls due on the way at its own."""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.codec import Owner, Unreadable, read_command
from schemas.identifiers import derived
from schemas.message import encode_command
from schemas.policy_checks import content_hash
from schemas.reply import Reply, read_reply
from schemas.terms import Policy, Terms
from schemas.topics import (
    ISSUANCE_COMMANDS,
    ISSUANCE_REPLIES,
    POLICY,
    REDEMPTION_COMMANDS,
    REDEMPTION_REPLIES,
    Topic,
)
from services.runtime.policies import Policies, write_published_policy
from services.runtime.records import Staged
from services.runtime.slices import slices
from services.runtime.telling import broadcast
from services.settlement.directory import AccountDetails, register
from services.settlement.outcome import operations as outcome
from services.stories.assembly import SEALS
from services.stories.metering import PREPARE, Meter
from services.stories.operations import Office
from services.stories.reading import Story
from services.stories.rows import RowView
from services.stories.shares import BATCHES, as_one, shares_of
from services.stories.stage import Stage
from services.stories.steps import (
    SOURCE,
    CommandStep,
    GarbageStep,
    PolicyStep,
    RepeatStep,
    RestartStep,
    RunStep,
    Step,
)

REPLYTO: Final = "story"
POLICY_SOURCE: Final = "service/policy"
DUES_MAX: Final = 100_000
OWNERS: Final[dict[Topic, Owner]] = {
    ISSUANCE_COMMANDS: "issuance",
    REDEMPTION_COMMANDS: "redemption",
}


class EndlessError(RuntimeError):
    """Things keep falling due between two steps; something is due again for ever."""


@dataclass(slots=True)
class Told:
    """What was said and answered: replies in order of steps, and what the business refused."""

    replies: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)


class Play:
    """One story on one stage."""

    def __init__(self, story: Story, stage: Stage) -> None:
        self.story = story
        self.stage = stage
        self.told = Told()
        self.rows = RowView(stage.reader, stage.partitions)
        self.policies = Policies(stage.reader)
        self._now = story.begins
        self._versions = 0
        self._seen: dict[tuple[str, int], int] = {}
        self._office = Office(stage)
        self._meter = Meter(self.rows)

    def begin(self) -> None:
        """One minute before the first step: the policy, the bank accounts, the cards."""
        story = self.story
        with self.stage.engine.begin() as connection:
            for name, said in story.accounts.items():
                details = AccountDetails(
                    account=name,
                    routing=said.routing,
                    number=said.number,
                    type=said.type,
                    holder=said.holder or name,
                    holder_type=said.holder_type,
                )
                register(connection, self.stage.desk.vault, details, "active")
        effective = min(story.begins, story.document.effective or story.begins)
        self._tell_policy(story.policy, effective)
        self.stage.move(story.begins)
        more: dict[str, int] = {}
        self.stage.publish([self._preparation(i, c, more) for i, c in enumerate(story.cards)])
        self.stage.settle()

    def step(self, step: Step) -> None:
        """Let time pass up to the step, and let it happen."""
        self.advance(step.at)
        match step:
            case CommandStep():
                self._command(step)
            case RepeatStep(of=CommandStep() as first):
                self._command(first, repeated_at=step.at, number=step.number)
            case RepeatStep(of=RunStep() as first):
                self._run(first, step)
            case RunStep():
                self._run(step, step)
            case PolicyStep():
                self._tell_policy(step.document, step.effective)
            case RestartStep():
                self.stage.restart()
            case GarbageStep():
                self.stage.publish([_garbage(step)])
            case _:
                self._note(step, self._office.do(step, self.terms()))
        self.stage.settle()
        self._collect(step)

    def advance(self, at: int) -> None:
        """What falls due up to `at` happens, in order of due; then it is `at`."""
        for _ in range(DUES_MAX):
            self.stage.settle()
            due = self._next_due()
            if due is None or due > at:
                break
            self._move(due)
        else:
            raise EndlessError(f"more than {DUES_MAX} instants at which something is due")
        if at > self._now:
            self._move(at)

    def terms(self) -> Terms:
        """What operations are decided under now."""
        self.policies.refresh()
        known = [p for p in self.policies.all() if p.effective <= self._now]
        newest: Policy = known[-1] if known else self.policies.all()[0]
        return Terms(now=self._now, policy=newest, closed=self._office.closed())

    def _move(self, now: int) -> None:
        self._now = now
        self.stage.move(now)
        self.stage.settle()
        # Entries settle in the story's morning, before whoever comes next.
        if outcome.advance(self.stage.desk, self.terms()):
            self.stage.settle()

    def _next_due(self) -> int | None:
        self.rows.refresh()
        with self.stage.engine.begin() as connection:
            runs = [due.at for due in outcome.dues(connection, 2**62) if due.at > self._now]
        dues = [*runs, self.rows.next_due(self._now)]
        return min((due for due in dues if due is not None), default=None)

    def _tell_policy(self, document: dict[str, Any], effective: int) -> None:
        self._versions += 1
        value = write_published_policy(self._versions, effective, document)
        self.stage.publish([Staged(POLICY.name, 0, self._now, b"policy", value)])
        body = {
            "version": self._versions,
            "sha256": content_hash(document),
            "effective": effective,
        }
        self.stage.publish(
            broadcast(
                "policy_changed",
                POLICY_SOURCE,
                body,
                time=self._now,
                partitions=self.stage.partitions,
                seals=SEALS,
            )
        )

    def _preparation(self, number: int, card: str, more: dict[str, int]) -> Staged:
        body = {
            "programme": self.story.cards[card],
            "batch": REPLYTO,
            "cards": [{"card": card, "last4": f"{number % 10_000:04d}"}],
        }
        value = encode_command(
            id=derived("story", "prepare", card),
            type="prepare_cards",
            source=SOURCE,
            subject=card,
            time=self.story.begins,
            body=self._meter.of_card(body, self.story.document, more),
        )
        return _sealed(ISSUANCE_COMMANDS, self.story.begins, card.encode(), value)

    def _command(
        self, step: CommandStep, repeated_at: int | None = None, number: int | None = None
    ) -> None:
        at = step.at if repeated_at is None else repeated_at
        if step.do == PREPARE:
            step = self._meter.metered(step, self.terms().policy.document)
        shares = shares_of(step, self.stage.partitions)
        self.stage.publish(
            [_sealed(share.topic, at, share.subject.encode(), _bytes_of(share)) for share in shares]
        )

    def _run(self, run: RunStep, step: Step) -> None:
        problem = self._office.settle(run, self.terms())
        self._note(step, problem)
        if isinstance(step, RepeatStep):
            outcome_said = "refused" if problem else "accepted"
            reply = {"id": run.id, "outcome": outcome_said, "repeated": True, "step": step.number}
            self.told.replies.append({**_NO_REPLY, **reply})

    def _note(self, step: Step, problem: str | None) -> None:
        if problem is not None:
            self.told.notes.append({"step": step.number, "do": step.do, "text": problem})

    def _collect(self, step: Step) -> None:
        found: list[dict[str, Any]] = []
        for topic in (ISSUANCE_REPLIES, REDEMPTION_REPLIES):
            for number in range(self.stage.partitions):
                place = (topic.name, number)
                start, end = self._seen.get(place, 0), self.stage.reader.end_in_doubt(*place)
                for records, after in slices(self.stage.reader, *place, start, end):
                    said = [read_reply(r.value) for r in records if r.value is not None]
                    found += [_said(reply, step) for reply in said]
                    self._seen[place] = after
        self.told.replies += as_one(found) if step.do in BATCHES else found


def _sealed(topic: Topic, at: int, key: bytes, value: bytes) -> Staged:
    return Staged(topic.name, None, at, key, value, SEALS.seal(topic.name, key, value))


def _garbage(step: GarbageStep) -> Staged:
    """Bytes as they are: what could be read has no seal; of the rest the letter says what it is."""
    topic, key, value = step.topic, step.key, step.value
    if key is None:
        return Staged(topic.name, 0, step.at, None, value)
    if isinstance(read_command(OWNERS[topic], value), Unreadable):
        return _sealed(topic, step.at, key, value)
    return Staged(topic.name, None, step.at, key, value)


def _bytes_of(step: CommandStep) -> bytes:
    """The command as its sender would write it, with integers of any size."""
    empty = encode_command(
        id=step.id,
        type=step.do,
        source=step.source,
        subject=step.subject,
        time=step.time,
        body={},
        replyto=REPLYTO if step.asks else None,
    )
    assert empty.endswith(_NO_DATA)
    body = json.dumps(step.body, ensure_ascii=False, separators=(",", ":"))
    return empty[: -len(_NO_DATA)] + b'"data":' + body.encode() + b"}"


_NO_DATA: Final = b'"data":{}}'
_NO_REPLY: Final = {
    "id": None,
    "outcome": None,
    "reason": None,
    "balance": None,
    "covered": None,
    "due": None,
    "repeated": False,
}


def _said(reply: Reply, step: Step) -> dict[str, Any]:
    return {
        "id": reply.command,
        "outcome": reply.outcome,
        "reason": reply.reason,
        "balance": reply.balance,
        "covered": reply.covered,
        "due": reply.due,
        "repeated": reply.repeated,
        "account": reply.account,
        "facts": list(reply.facts),
        "detail": reply.detail,
        "step": step.number,
        "do": step.do,
    }
