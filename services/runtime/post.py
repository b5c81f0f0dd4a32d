"""Commands sent in one transaction, and their answers waited for: how our own tools ask a service.

A command that is sent again under its id is answered as the first time, so that whoever was
interrupted asks once more and knows.
"""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final
from uuid import uuid4

from schemas.errors import ScripError
from schemas.message import Outgoing, encode_command
from schemas.reply import Reply, read_reply
from schemas.topics import (
    ISSUANCE_COMMANDS,
    ISSUANCE_REPLIES,
    REDEMPTION_COMMANDS,
    REDEMPTION_REPLIES,
)
from services.runtime.murmur2 import partition_of
from services.runtime.ports import (
    BatchDroppedError,
    Clock,
    FencedError,
    Log,
    OutcomeUnknownError,
    Producer,
)
from services.runtime.records import Staged
from services.runtime.seals import Seals
from services.runtime.waits import rest

SILENCE_SECONDS_MAX: Final = 60.0
LOOK_SECONDS: Final = 0.02
READ_MAX: Final = 10_000
SENDS_MAX: Final = 5
REPLIES: Final = {
    ISSUANCE_COMMANDS.name: ISSUANCE_REPLIES.name,
    REDEMPTION_COMMANDS.name: REDEMPTION_REPLIES.name,
}


class NoAnswerError(ScripError, TimeoutError):
    """Nobody answered in time: is the service running? Then the same command again goes on."""


class AskedElsewhereError(ScripError):
    """Another process carries the same thing on; wait until it has ended, then look."""


def _look_again() -> None:
    rest(LOOK_SECONDS)


class Post:
    """Asks as `source` (a seal of `seals` proves it). Two of one `identity` fence one another.

    `wait` is what is done between two looks for answers.
    """

    def __init__(
        self,
        log: Log,
        seals: Seals,
        source: str,
        clock: Clock,
        identity: str,
        wait: Callable[[], None] = _look_again,
    ) -> None:
        self.source = source
        self._log = log
        self._seals = seals
        self._clock = clock
        self._identity = identity
        self._wait = wait
        self._replyto = f"{source.replace('/', '-')}-{uuid4()}"
        self._reader = log.reader()
        self._producer: Producer | None = None
        self._positions: dict[str, int] = {}

    def ask(self, asked: Sequence[Outgoing]) -> dict[str, Reply]:
        """Send commands (their ids all different) and wait; the answers by command id.

        Raises NoAnswerError.
        """
        topics = {outgoing.topic for outgoing in asked}
        for topic in topics:
            name, number = self._place(topic)
            self._positions.setdefault(name, self._reader.end_in_doubt(name, number))
        self._send(asked)
        waiting = {outgoing.id for outgoing in asked}
        assert len(waiting) == len(asked), "ids are different"
        found: dict[str, Reply] = {}
        deadline = monotonic() + SILENCE_SECONDS_MAX
        while waiting:
            before = len(waiting)
            for topic in topics:
                self._look(topic, waiting, found)
            if len(waiting) < before:
                deadline = monotonic() + SILENCE_SECONDS_MAX
            elif monotonic() > deadline:
                raise NoAnswerError(f"no answer to {len(waiting)} of {len(asked)} commands")
            else:
                self._wait()
        return found

    def close(self) -> None:
        """Give the producer up."""
        if self._producer is not None:
            self._producer.abandon()
            self._producer = None

    def _place(self, topic: str) -> tuple[str, int]:
        name = REPLIES[topic]
        return name, partition_of(self._replyto.encode(), self._log.partitions(name))

    def _look(self, topic: str, waiting: set[str], found: dict[str, Reply]) -> None:
        name, number = self._place(topic)
        records, self._positions[name] = self._reader.read(
            name, number, self._positions[name], READ_MAX
        )
        for record in records:
            if record.key == self._replyto.encode() and record.value is not None:
                reply = read_reply(record.value)
                if reply.command in waiting:
                    waiting.discard(reply.command)
                    found[reply.command] = reply

    def _send(self, asked: Sequence[Outgoing]) -> None:
        for _ in range(SENDS_MAX):
            if self._producer is None:
                self._producer = self._log.producer(self._identity)
            try:
                self._producer.begin()
                for outgoing in asked:
                    self._producer.produce(self._staged(outgoing))
                self._producer.commit({}, None)
            except (BatchDroppedError, OutcomeUnknownError):
                # Whether they are in does not matter: twice is once.
                self.close()
                continue
            except FencedError as fenced:
                text = f"another process goes on as {self._identity}"
                raise AskedElsewhereError(text) from fenced
            return
        raise NoAnswerError(f"Kafka did not take {len(asked)} commands in {SENDS_MAX} tries")

    def _staged(self, outgoing: Outgoing) -> Staged:
        now = self._clock.now()
        value = encode_command(
            id=outgoing.id,
            type=outgoing.type,
            source=self.source,
            subject=outgoing.subject,
            time=now,
            body=outgoing.body,
            replyto=self._replyto,
        )
        key = outgoing.subject.encode()
        seal = self._seals.seal(outgoing.topic, key, value)
        return Staged(outgoing.topic, None, now, key, value, seal)
