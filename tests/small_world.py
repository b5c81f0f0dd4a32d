"""A small world for tests of the runner: the log in memory, real workers, a policy, commands."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from schemas.message import encode_command
from schemas.policy_checks import content_hash
from schemas.topics import (
    DEADLETTERS,
    ISSUANCE_COMMANDS,
    ISSUANCE_REPLIES,
    POLICY,
    REDEMPTION_COMMANDS,
    REDEMPTION_REPLIES,
    Topic,
)
from services.issuance.worker import SPEC as ISSUANCE
from services.redemption.worker import SPEC as REDEMPTION
from services.runtime.batch import Identity
from services.runtime.clocks import SetClock
from services.runtime.crash import CrashPoints, NoCrash
from services.runtime.deciding import DecidingSpec
from services.runtime.job import deciding_job
from services.runtime.memory_log import MemoryLog
from services.runtime.policies import Policies, write_published_policy
from services.runtime.ports import Log, Store
from services.runtime.records import Record, Staged
from services.runtime.seals import Seals, SealsOff
from services.runtime.store import MemoryStore
from services.runtime.telling import broadcast
from services.runtime.worker import Worker

PARTITIONS = 4
START = 1_767_225_600_000  # 2026-01-01T00:00:00Z
ROUNDS_MAX = 10_000
POLICY_DOCUMENT: dict[str, Any] = {
    "network": {"currency": "USD", "parent": "HQ"},
    "entities": {"HQ": {}, "E1": {}, "E2": {}},
    "locations": {
        "F1": {"entity": "E1", "franchise": "A", "jurisdiction": "US-NY"},
        "F2": {"entity": "E2", "franchise": "B", "jurisdiction": "US-CA"},
    },
    "programmes": {
        "gift": {"kind": "card", "currency": "USD"},
        "credit": {"kind": "credit", "currency": "USD"},
    },
    "settlement": {"enabled": True, "cross_franchise": True},
}
SPECS: tuple[DecidingSpec, ...] = (ISSUANCE, REDEMPTION)


class SmallWorld:
    """A log, and what it takes to run workers on it."""

    def __init__(
        self,
        log: Log | None = None,
        seals: Seals | None = None,
        store: Callable[[str, int], Store] | None = None,
    ) -> None:
        self.memory = MemoryLog(PARTITIONS)
        self.store = store or (lambda _topic, _partition: MemoryStore())
        self.log: Log = log or self.memory
        self.clock = SetClock(START)
        self.seals = seals or SealsOff()
        self.workers: list[Worker] = []

    def publish_policy(self, document: dict[str, Any] = POLICY_DOCUMENT, version: int = 1) -> None:
        """The policy and its news, as `scrip policy apply` writes them."""
        effective = START - 60_000
        value = write_published_policy(version, effective, document)
        self.memory.append(Staged(POLICY.name, 0, self.clock.now(), b"policy", value))
        body = {"version": version, "sha256": content_hash(document), "effective": effective}
        self.tell("policy_changed", "service/policy", body)

    def tell(self, type: str, source: str, body: dict[str, Any]) -> None:
        """A broadcast."""
        for staged in broadcast(
            type,
            source,
            body,
            time=self.clock.now(),
            partitions=PARTITIONS,
            seals=self.seals,
        ):
            self.memory.append(staged)

    def send(self, type: str, subject: str, id: str, /, **body: Any) -> Record:
        """A command of the channel `pos`; it asks for a reply."""
        topic = ISSUANCE_COMMANDS if _is_issuance(type) else REDEMPTION_COMMANDS
        value = encode_command(
            id=id,
            type=type,
            source="channel/pos",
            subject=subject,
            time=self.clock.now(),
            body=body,
            replyto="test",
        )
        key = subject.encode()
        headers = self.seals.seal(topic.name, key, value)
        return self.memory.append(Staged(topic.name, None, self.clock.now(), key, value, headers))

    def worker(
        self, spec: DecidingSpec, slot: str = "0", crash: CrashPoints | None = None
    ) -> Worker:
        """A worker of a deciding service, joined to the group."""
        job = deciding_job(spec, Policies(self.log.reader()), self.seals, PARTITIONS)
        return Worker(
            job,
            self.log,
            Identity(f"scrip-{spec.service}", f"scrip-{spec.service}-{slot}"),
            clock=self.clock,
            crash=crash or NoCrash(),
            store=self.store,
        )

    def start(self) -> None:
        """One worker of each deciding service."""
        self.workers = [self.worker(spec) for spec in SPECS]

    def settle(self, workers: Sequence[Worker] | None = None) -> None:
        """Run until nothing moves."""
        for _ in range(ROUNDS_MAX):
            if not [True for worker in workers or self.workers if worker.tick()]:
                return
        raise AssertionError("the world does not come to rest")

    def read(self, topic: Topic) -> list[Record]:
        """Everything committed on a topic, by partition."""
        return [
            record
            for number in range(self.memory.partitions(topic.name))
            for record in self.memory.read(topic.name, number, 0, 1_000_000)[0]
        ]

    def replies(self) -> list[dict[str, Any]]:
        """The data of every reply, oldest first within its partition."""
        records = self.read(ISSUANCE_REPLIES) + self.read(REDEMPTION_REPLIES)
        return [orjson.loads(record.value or b"")["data"] for record in records]

    def reply(self, id: str) -> dict[str, Any]:
        """The first reply to a command."""
        return next(reply for reply in self.replies() if reply["command"] == id)

    def deadletters(self) -> list[Record]:
        """Every dead letter."""
        return self.read(DEADLETTERS)


_OF_ISSUANCE = (
    " prepare_cards sell_card reserve_sale confirm_sale cancel_sale import_cards undo_import "
)


def _is_issuance(type: str) -> bool:
    return f" {type} " in _OF_ISSUANCE


def prepared(world: SmallWorld, *cards: str) -> None:
    """Put cards of programme gift into stock."""
    for card in cards:
        world.send(
            "prepare_cards",
            card,
            f"prepare-{card}",
            programme="gift",
            batch="b1",
            cards=[{"card": card, "last4": "0001"}],
        )


def money(minor: int, currency: str = "USD") -> dict[str, Any]:
    """Money as it travels."""
    return {"minor": minor, "currency": currency}


Act = Callable[[SmallWorld], None]
