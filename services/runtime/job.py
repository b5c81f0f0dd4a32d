"""A job: what a worker does with its records, deciding or deriving."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from schemas.decision import Due
from schemas.identifiers import derived
from schemas.message import encode_command
from schemas.sweeps import DUE_MAX, SWEEP
from schemas.topics import Topic
from services.runtime.advance import KnownPolicy
from services.runtime.agenda import due_command
from services.runtime.bounds import Bounds
from services.runtime.deciding import Deciding, DecidingSpec
from services.runtime.deriving import Deriving, DerivingSpec
from services.runtime.policies import Policies
from services.runtime.records import Record, Staged
from services.runtime.seals import Seals
from services.runtime.staging import RowCodec, Staging


@dataclass(frozen=True, slots=True)
class Job:
    """What the loop needs to know of a service."""

    service: str
    inputs: tuple[Topic, ...]
    memory: Topic
    state_topics: tuple[Topic, ...]
    rows: RowCodec
    source: str
    policies: Policies
    handle: Callable[[Staging, Record], None]
    sweeps: Callable[[Sequence[Due], int, int], Iterable[Staged]]
    bounds: Bounds | None = None
    policy_told: Callable[[Record], KnownPolicy | None] | None = None


def deciding_job(spec: DecidingSpec, policies: Policies, seals: Seals, partitions: int) -> Job:
    """The job of a deciding service."""
    deciding = Deciding(spec, policies.of, seals, partitions)

    def sweeps(dues: Sequence[Due], now: int, partition: int) -> Iterator[Staged]:
        for first in range(0, len(dues), DUE_MAX):
            yield sweep(dues[first : first + DUE_MAX], now, partition)

    def sweep(dues: Sequence[Due], now: int, partition: int) -> Staged:
        commands = [due_command(due) for due in dues]
        subject = dues[0].subject
        value = encode_command(
            id=derived(SWEEP, *(command["id"] for command in commands)),
            type=SWEEP,
            source=deciding.source,
            subject=subject,
            time=now,
            body={"due": commands},
        )
        key = subject.encode()
        headers = seals.seal(spec.commands.name, key, value)
        return Staged(spec.commands.name, partition, now, key, value, headers)

    return Job(
        service=spec.service,
        inputs=(spec.commands,),
        memory=spec.memory,
        state_topics=tuple(t for t in (spec.public, spec.memory) if t is not None),
        rows=deciding.rows,
        source=deciding.source,
        policies=policies,
        handle=deciding.handle,
        sweeps=sweeps,
        bounds=Bounds(spec.core, deciding.rows),
        policy_told=deciding.admission.policy_told,
    )


def deriving_job(spec: DerivingSpec, policies: Policies, partitions: int) -> Job:
    """The job of a deriving service; nothing falls due there."""
    deriving = Deriving(spec, policies.of, partitions)

    def sweeps(dues: Sequence[Due], now: int, partition: int) -> Iterator[Staged]:
        raise AssertionError(f"{spec.service} keeps no rows, so nothing is due: {dues}")

    return Job(
        service=spec.service,
        inputs=spec.inputs,
        memory=spec.memory,
        state_topics=(spec.memory,),
        rows=deriving.rows,
        source=deriving.source,
        policies=policies,
        handle=deriving.handle,
        sweeps=sweeps,
    )
