"""What a record must prove before anybody decides on it: seal, home partition, source, time."""

from collections.abc import Callable
from typing import Literal

from schemas.broadcasts import BROADCAST_SOURCES, PeriodClosed, PolicyChanged
from schemas.codec import Broadcast, Unreadable, internal, read_command
from schemas.message import Command
from schemas.refusals import Reason
from schemas.sweeps import SWEEP
from services.runtime.advance import KnownPolicy, Progress
from services.runtime.answers import TOO_EARLY_BEFORE, TOO_OLD_AFTER
from services.runtime.murmur2 import partition_of
from services.runtime.records import Record
from services.runtime.seals import Seals, proves

UNSEALED = "unsealed: the seal is missing, wrong, or of another source"


Message = Command | Broadcast | Unreadable


def is_answered(record: Record, message: Message, cause: str, partitions: int) -> bool:
    """Is the sender of what was turned away told so, if it can be reached?

    Not when the subject lives elsewhere: there the very same command may have been accepted.
    """
    if cause == UNSEALED or isinstance(message, Broadcast):
        return False
    if isinstance(message, Command):
        key = message.subject.encode()
        if record.key != key or partition_of(key, partitions) != record.partition:
            return False
    return bool(message.id and message.subject and message.replyto)


class Admission:
    """The gate of one deciding service; what it turns away becomes a dead letter.

    `subjects` names every card or account a command is about (all must live on its partition);
    None: a command is about its own subject.
    """

    def __init__(
        self,
        service: Literal["issuance", "redemption"],
        seals: Seals,
        partitions: int,
        subjects: Callable[[Command], tuple[str, ...]] | None,
    ) -> None:
        self._service = service
        self._seals = seals
        self._partitions = partitions
        self._subjects = subjects

    def turned_away(self, record: Record, message: Message) -> str | None:
        """Why this record may not come in; None: it may."""
        prefix = self._seals.prefix_proven(record)
        if prefix is None or (message.source is not None and not proves(prefix, message.source)):
            return UNSEALED
        match message:
            case Command():
                return self._misrouted(record, message) or self._from_outside(message)
            case Unreadable():
                return f"unreadable: {message.cause}"
            case Broadcast():
                if message.source not in BROADCAST_SOURCES:
                    allowed = ", ".join(sorted(BROADCAST_SOURCES))
                    return f"not_permitted: {message.type} comes from {allowed} only"
        return None

    def _misrouted(self, record: Record, command: Command) -> str | None:
        key = record.key
        if key is None or key != command.subject.encode():
            return f"misrouted: the key is not the subject {command.subject}"
        for subject in self._named(command):
            home = partition_of(subject.encode(), self._partitions)
            if home != record.partition:
                wanted = f"misrouted: {subject} belongs on partition {home} (murmur2)"
                many = "; what a command names lies on one partition: send one for each"
                return wanted if subject == command.subject else wanted + many
        return None

    def _named(self, command: Command) -> tuple[str, ...]:
        if command.type == SWEEP:
            return (command.subject, *(due.subject for due in command.body.due))
        return (command.subject,) if self._subjects is None else self._subjects(command)

    def _from_outside(self, command: Command) -> str | None:
        if internal(self._service, command.type) and command.channel is not None:
            return f"not_permitted: {command.type} comes from services only"
        return None

    def policy_told(self, record: Record) -> KnownPolicy | None:
        """The policy a record tells of, if it is a proven `policy_changed`."""
        message = read_command(self._service, record.value)
        if not isinstance(message, Broadcast) or self.turned_away(record, message):
            return None
        match message.body:
            case PolicyChanged(version=version, sha256=sha256, effective=effective):
                return KnownPolicy(version, sha256, effective)
            case _:
                return None


def take_broadcast(progress: Progress, message: Broadcast) -> None:
    """What the log tells everybody: policies known, periods closed (the clock is in `now`)."""
    match message.body:
        case PolicyChanged(version=version, sha256=sha256, effective=effective):
            if all(known.version != version for known in progress.policies):
                progress.policies.append(KnownPolicy(version, sha256, effective))
        case PeriodClosed(entity=entity, until=until):
            progress.closed[entity] = max(until, progress.closed.get(entity, until))
        case _:
            pass


def out_of_time(
    service: Literal["issuance", "redemption"], record: Record, command: Command
) -> tuple[Reason, str] | None:
    """Does the sender claim a time too far from the record's arrival?

    Whoever it is: an answer is forgotten after 37 days, and the command would count once more.
    Only what services tell one another can never be refused.
    """
    if internal(service, command.type):
        return None
    if command.time < record.timestamp - TOO_OLD_AFTER:
        return Reason.TOO_OLD, "time is more than 35 days before its arrival"
    if command.time > record.timestamp + TOO_EARLY_BEFORE:
        return Reason.TOO_EARLY, "time is more than 1 day after its arrival"
    return None
