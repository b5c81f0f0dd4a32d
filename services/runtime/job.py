"""A job: what a worker does with its records, deciding or deriving."""

from collections.abc import Callable
from dataclasses import dataclass

from schemas.decision import Due
from schemas.message import encode_command
from schemas.topics import Topic
from services.runtime.advance import KnownPolicy
from services.runtime.agenda import due_id
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
    sweep: Callable[[Due, int, int], Staged]
    bounds: Bounds | None = None
    policy_told: Callable[[Record], KnownPolicy | None] | None = None


def deciding_job(spec: DecidingSpec, policies: Policies, seals: Seals, partitions: int) -> Job:
    """The job of a deciding service."""
    deciding = Deciding(spec, policies.of, seals, partitions)

    def sweep(due: Due, now: int, partition: int) -> Staged:
        value = encode_command(
            id=due_id(due),
            type=due.type,
            source=deciding.source,
            subject=due.subject,
            time=now,
            body=due.body,
        )
        key = due.subject.encode()
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
        sweep=sweep,
        bounds=Bounds(spec.core, deciding.rows),
        policy_told=deciding.admission.policy_told,
    )


def deriving_job(spec: DerivingSpec, policies: Policies, partitions: int) -> Job:
    """The job of a deriving service; nothing falls due there."""
    deriving = Deriving(spec, policies.of, partitions)

    def sweep(due: Due, now: int, partition: int) -> Staged:
        raise AssertionError(f"{spec.service} keeps no rows, so nothing is due: {due}")

    return Job(
        service=spec.service,
        inputs=spec.inputs,
        memory=spec.memory,
        state_topics=(spec.memory,),
        rows=deriving.rows,
        source=deriving.source,
        policies=policies,
        handle=deriving.handle,
        sweep=sweep,
    )
