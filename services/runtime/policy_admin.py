"""Applies a policy: the document and its news to every partition, in one transaction."""

from dataclasses import dataclass
from typing import Any

from schemas.findings import Finding
from schemas.policy_checks import PolicyRefusedError, content_hash, read_policy
from schemas.terms import Policy
from schemas.topics import POLICY, REDEMPTION_COMMANDS
from services.runtime.policies import Policies, write_published_policy
from services.runtime.ports import Log
from services.runtime.records import Staged
from services.runtime.seals import Seals
from services.runtime.telling import broadcast

IDENTITY = "scrip-policy"


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of it; `new` False: the newest version has this very content already."""

    version: int
    effective: int
    sha256: str
    new: bool


def apply_policy(log: Log, document: dict[str, Any], seals: Seals, *, now: int) -> Applied:
    """Publish a checked document (plain JSON) and tell every partition; `now` in ms UTC.

    PolicyRefusedError for a bad one, and for a first one that is not in force yet.
    """
    checked = read_policy(document)
    # The transactional identity makes appliers queue: the version read here is the last one.
    producer = log.producer(IDENTITY)
    policies = Policies(log.reader())
    policies.refresh()
    newest = policies.newest()
    sha256 = content_hash(document)
    if newest is not None and newest.sha256 == sha256:
        producer.abandon()
        return Applied(newest.version, newest.effective, sha256, new=False)
    effective = now if checked.effective is None else checked.effective
    _check_order(newest, effective, now)
    version = 1 if newest is None else newest.version + 1
    value = write_published_policy(version, effective, document)
    producer.begin()
    producer.produce(Staged(POLICY.name, 0, now, b"policy", value))
    body = {"version": version, "sha256": sha256, "effective": effective}
    partitions = log.partitions(REDEMPTION_COMMANDS.name)
    for staged in broadcast(
        "policy_changed", "service/policy", body, time=now, partitions=partitions, seals=seals
    ):
        producer.produce(staged)
    producer.commit({}, None)
    producer.abandon()
    return Applied(version, effective, sha256, new=True)


def _check_order(newest: Policy | None, effective: int, now: int) -> None:
    if newest is None and effective > now:
        allowed = "the first policy is in force at once: leave `effective` out, or name the past"
        raise PolicyRefusedError([Finding("effective", str(effective), allowed)])
