"""Policy documents by version, read from their topic and kept for good."""

import orjson

from schemas.policy_checks import content_hash, read_policy
from schemas.terms import Policy
from schemas.topics import POLICY
from services.runtime.ports import StateReader

READ_MAX = 1_000


class PolicyTornError(Exception):
    """A policy document does not have the hash it was published under; restore the topic."""


class Policies:
    """Every version published so far. `of` answers from memory; `refresh` reads what is new."""

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
        """Read what has been published since."""
        end = self._reader.end_in_doubt(POLICY.name, 0)
        while self._position < end:
            records, after = self._reader.read(POLICY.name, 0, self._position, READ_MAX)
            for record in records:
                if record.value is not None:
                    policy = read_published_policy(record.value)
                    self._known[policy.version] = policy
            if after == self._position:
                return
            self._position = after


def read_published_policy(value: bytes) -> Policy:
    """The policy a record of the policy topic stands for; PolicyTornError if it was changed."""
    row = orjson.loads(value)
    if content_hash(row["document"]) != row["sha256"]:
        raise PolicyTornError(f"policy version {row['version']}")
    return Policy(
        version=row["version"],
        effective=row["effective"],
        document=read_policy(row["document"]),
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
