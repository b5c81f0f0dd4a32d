"""`scrip policy` and `scrip topics`: what the runtime answers to a person.

Every answer is `Said`: an object for `--json`, lines for a terminal, and the exit status.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson
from confluent_kafka import KafkaException
from sqlalchemy import Engine

from schemas.errors import ScripError
from schemas.instants import format_instant
from schemas.lined import as_yaml
from schemas.policy_checks import PolicyRefusedError, content_hash, read_policy
from schemas.terms import Policy
from schemas.topics import POLICY, TOPICS
from services.runtime.clocks import SystemClock
from services.runtime.kafka_log import KafkaLog
from services.runtime.policies import Policies
from services.runtime.policy_admin import apply_policy
from services.runtime.ports import Log
from services.runtime.settings import Settings, seals_of
from services.runtime.slices import records_now
from services.runtime.tables import open_tables
from services.runtime.topic_admin import TopicAdmin

DONE: Final = 0
NO: Final = 1


class KafkaMissingError(ScripError):
    """No Kafka, or not its topics, where the settings say; the message says what to do."""


class DatabaseMissingError(ScripError):
    """No PostgreSQL is named in the settings; the message says what to do."""


class PersonMissingError(ScripError):
    """What is asked for goes on the record of a person: set SCRIP_USER to who you are."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: `found` is plain JSON, `text` what a terminal shows, `status` the exit status."""

    found: Any
    text: str
    status: int = DONE


def require_log(settings: Settings) -> KafkaLog:
    """The installation's log, if it answers and has its topics. Raises KafkaMissingError."""
    log = _answering(settings)
    missing = [topic for topic in TOPICS if log.partitions(topic.name) == 0]
    if missing:
        raise KafkaMissingError(
            f"Kafka on {settings.kafka} has no topic {log.named(missing[0].name)}: "
            "run `scrip topics apply`"
        )
    return log


def require_database(settings: Settings) -> Engine:
    """The installation's database. Raises DatabaseMissingError."""
    url = settings.postgres.get_secret_value()
    if not url:
        raise DatabaseMissingError(
            "SCRIP_POSTGRES is missing: postgresql+psycopg://user@host/database, or run `scrip up`"
        )
    return open_tables(url)


def as_json(found: Any) -> bytes:
    """An answer's object as it is printed."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(found, option=options, default=str)


def check_policy(read: Callable[[], Any]) -> Said:
    """Whether the document that `read` gives could be applied; else every finding against it."""
    try:
        document = read()
        read_policy(document)
    except PolicyRefusedError as refused:
        return _refused(refused)
    sha256 = content_hash(document)
    return Said({"fit": True, "sha256": sha256}, f"fit to be applied ({sha256[:12]})")


def apply(settings: Settings, read: Callable[[], Any]) -> Said:
    """Publish the document that `read` gives, and tell every partition."""
    try:
        document = read()
        log = require_log(settings)
        done = apply_policy(log, document, seals_of(settings), now=SystemClock().now())
    except PolicyRefusedError as refused:
        return _refused(refused)
    what = "applied" if done.new else "in force already"
    text = f"version {done.version} {what}, effective {format_instant(done.effective)}"
    return Said(asdict(done) | {"effective": format_instant(done.effective)}, text)


def show(settings: Settings) -> Said:
    """Every version, and the newest document."""
    log = require_log(settings)
    policies = Policies(log.reader())
    policies.refresh()
    versions = policies.all()
    if not versions:
        return Said(
            {"versions": [], "document": None}, "no policy yet: scrip policy apply FILE", NO
        )
    document = _documents(log)[versions[-1].version]
    listed = [_version(policy) for policy in versions]
    lines = [f"version {v['version']}  effective {v['effective']}  {v['sha256']}" for v in listed]
    return Said(
        {"versions": listed, "document": document}, "\n".join([*lines, "", as_yaml(document)])
    )


def apply_topics(settings: Settings) -> Said:
    """Make the topics that are missing."""
    made = _topics(settings).apply(settings.partitions)
    text = "\n".join([f"made {name}" for name in made] or ["every topic is there"])
    return Said({"made": made}, text)


def diff_topics(settings: Settings) -> Said:
    """Where the cluster differs from the catalogue."""
    found = _topics(settings).differences()
    lines = [f"{d.topic}: {d.setting} is {d.found}, wanted {d.wanted}" for d in found]
    status = NO if found else DONE
    text = "\n".join(lines or ["as in the catalogue"])
    return Said({"differences": [asdict(d) for d in found]}, text, status)


def _refused(refused: PolicyRefusedError) -> Said:
    findings = [
        {"path": one.path, "value": one.value, "allowed": one.allowed} for one in refused.findings
    ]
    return Said({"fit": False, "findings": findings}, "\n".join(map(str, refused.findings)), NO)


def _version(policy: Policy) -> dict[str, Any]:
    return {
        "version": policy.version,
        "effective": format_instant(policy.effective),
        "sha256": policy.sha256,
    }


def _documents(log: Log) -> dict[int, Any]:
    found = {}
    for record in records_now(log.reader(), POLICY.name, 0):
        row = orjson.loads(record.value or b"{}")
        found[row["version"]] = row["document"]
    return found


def _topics(settings: Settings) -> TopicAdmin:
    _answering(settings)
    return TopicAdmin(settings.kafka, settings.namespace, story=settings.clock == "story")


def _answering(settings: Settings) -> KafkaLog:
    if not settings.kafka:
        raise KafkaMissingError("SCRIP_KAFKA is missing: host:port of Kafka, or run `scrip up`")
    log = KafkaLog(settings.kafka, settings.namespace)
    try:
        log.partitions(POLICY.name)
    except KafkaException as cause:
        raise KafkaMissingError(
            f"nobody answers as Kafka on {settings.kafka}: start it, or run `scrip up` "
            f"({cause.args[0].str()})"
        ) from cause
    return log
