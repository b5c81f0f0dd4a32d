"""One fact at a time, purely: what a deriving service makes of it is a function of that fact."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.codec import read_fact
from schemas.decision import Derived
from schemas.identifiers import derived
from schemas.message import Fact, Published
from schemas.terms import Policy
from schemas.topics import Topic
from services.runtime.deadletters import bury
from services.runtime.deciding import PolicyMissingError
from services.runtime.records import Record
from services.runtime.staging import Staging

Derive = Callable[[Published, Callable[[int], Policy]], tuple[Derived, ...]]


@dataclass(frozen=True, slots=True)
class DerivingSpec:
    """A deriving service: what it reads, what it writes, and the function between."""

    service: str
    inputs: tuple[Topic, ...]
    output: Topic
    memory: Topic
    derive: Derive


class NoRows:
    """A deriving service keeps no rows."""

    def __init__(self, memory: Topic) -> None:
        self._memory = memory

    def read(self, key: str, value: bytes) -> Any:
        """There is nothing to read."""
        raise KeyError(key)

    def write(self, key: str, row: Any) -> bytes:
        """There is nothing to write."""
        raise KeyError(key)

    def topic(self, key: str) -> Topic:
        """The service's memory."""
        return self._memory


class Deriving:
    """Handles the records of one deriving service."""

    def __init__(
        self,
        spec: DerivingSpec,
        policy_of: Callable[[int], Policy | None],
        partitions: int,
    ) -> None:
        self.spec = spec
        self.rows = NoRows(spec.memory)
        self.source = f"service/{spec.service}"
        self._policy_of = policy_of
        self._partitions = partitions
        self._topics: Mapping[str, Topic] = {topic.name: topic for topic in spec.inputs}

    def handle(self, staging: Staging, record: Record) -> None:
        """Derive from one record; PolicyMissingError leaves the staging as it was."""
        try:
            published = read_fact(self._topics[record.topic], record.value or b"")
        except ValueError as error:
            staging.begin(record)
            bury(staging, record, f"unreadable: {error}", self._partitions)
            return
        made = self.spec.derive(published, self._policy)
        staging.begin(record)
        for number, item in enumerate(made):
            fact = Fact(
                id=derived(self.spec.output.name, item.subject, published.id, str(number)),
                type=item.type,
                subject=item.subject,
                time=published.time,
                body=item.body,
                policy=published.policy,
                causationid=published.id,
                dates=item.dates,
            )
            staging.fact(self.spec.output, fact)

    def _policy(self, version: int) -> Policy:
        policy = self._policy_of(version)
        if policy is None:
            raise PolicyMissingError
        return policy
