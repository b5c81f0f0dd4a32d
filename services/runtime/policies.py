"""Policy documents by version, read from their topic and kept for good."""

from collections.abc import Sequence
from functools import lru_cache

import orjson

from schemas.policy_checks import content_hash, read_policy
from schemas.terms import Policy
from schemas.topics import POLICY
from services.runtime.ports import StateReader
from services.runtime.records import Record
from services.runtime.slices import slices

READ_MAX = 1_000
DOCUMENTS_MAX = 32


class PolicyTornError(Exception):
    """A policy document does not have the hash it was published under; restore the topic."""


class Policies:
    """Every version published so far. `of` answers from memory; `refresh` reads on."""

    def __init__(self, reader: StateReader) -> None:
        self._reader = reader
        self._known: dict[int, Policy] = {}
        self._position = 0

    def of(self, version: int) -> Policy | None:
        """The policy of that version, or None as long as it has not been read."""
        return self._known.get(version)

    def newest(self) -> Policy | None:
        """The latest version published, or None."""
        return max(self._known.values(), key=lambda policy: policy.version, default=None)

    def in_force(self, now: int) -> Policy | None:
        """The latest version in force at `now` (ms UTC), or None."""
        due = [policy for policy in self._known.values() if policy.effective <= now]
        return max(due, key=lambda policy: policy.version, default=None)

    def all(self) -> list[Policy]:
        """Every version, oldest first."""
        return sorted(self._known.values(), key=lambda policy: policy.version)

    def refresh(self) -> None:
        """Read all that has been published until now. Raises SilentLogError."""
        end = self._reader.end_in_doubt(POLICY.name, 0)
        for records, after in slices(self._reader, POLICY.name, 0, self._position, end, READ_MAX):
            self._take(records, after)

    def look(self) -> None:
        """Read what comes at once, for a loop that looks again: there may be more."""
        end = self._reader.end_in_doubt(POLICY.name, 0)
        while self._position < end:
            before = self._position
            self._take(*self._reader.read(POLICY.name, 0, before, READ_MAX))
            if self._position == before:
                return

    def _take(self, records: Sequence[Record], after: int) -> None:
        for record in records:
            if record.value is not None:
                policy = read_published_policy(record.value)
                self._known[policy.version] = policy
        self._position = after


@lru_cache(maxsize=DOCUMENTS_MAX)  # every loop of a process reads the same few documents
def read_published_policy(value: bytes) -> Policy:
    """The policy a record of the policy topic stands for; PolicyTornError if it was changed."""
    row = orjson.loads(value)
    if content_hash(row["document"]) != row["sha256"]:
        raise PolicyTornError(f"policy version {row['version']}")
    return Policy(
        version=row["version"],
        effective=row["effective"],
        document=read_policy(row["document"], published=True),
        sha256=row["sha256"],
    )


def write_published_policy(version: int, effective: int, document: object) -> bytes:
    """The record of a policy version; `document` is plain JSON (as read from its YAML)."""
    return orjson.dumps(
        {
            "version": version,
            "sha256": content_hash(document),
            "effective": effective,
            "document": document,
        }
    )
