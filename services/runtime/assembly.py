"""Puts a service together from its settings: log, policies, seals, job, worker."""

from collections.abc import Callable
from typing import Final

import structlog
from confluent_kafka import KafkaException
from sqlalchemy import Engine

from schemas.terms import Policy
from schemas.topics import COMMAND_TOPICS, POLICY, TOPICS
from services.runtime import rocks_settings
from services.runtime.batch import Identity
from services.runtime.clocks import LogClock, SystemClock
from services.runtime.crash import crash_points
from services.runtime.crashing_log import CrashingLog
from services.runtime.deciding import DecidingSpec
from services.runtime.deriving import DerivingSpec
from services.runtime.job import Job, deciding_job, deriving_job
from services.runtime.kafka_log import KafkaLog
from services.runtime.policies import Policies
from services.runtime.ports import Log, Store
from services.runtime.rocks_store import RocksStore
from services.runtime.settings import Settings, SettingsRefusedError, seals_of
from services.runtime.store import MemoryStore
from services.runtime.tables import open_tables
from services.runtime.topic_admin import TopicAdmin
from services.runtime.waits import rest
from services.runtime.worker import Worker

POLICY_LOOK_SECONDS: Final = 0.2
# Longer than any step of ours between two statements, shorter than max.poll.interval.ms (30 s): a
# successor that waits for a frozen predecessor's lock is still in its group when it has it.
IDLE_TRANSACTION_SECONDS_MAX: Final = 12

_log = structlog.get_logger()


def open_log(settings: Settings) -> Log:
    """The log, once it answers and has its topics; waiting is said aloud."""
    if not settings.kafka:
        raise SettingsRefusedError("SCRIP_KAFKA is missing: give host:port, or run `scrip up`")
    while True:
        log = KafkaLog(settings.kafka, settings.namespace, crash_points(settings.crash_at))
        try:
            missing = [topic.name for topic in TOPICS if log.partitions(topic.name) == 0]
        except KafkaException as cause:
            _log.warning("waiting_for_kafka", cause=str(cause))
            continue
        if missing:
            raise SettingsRefusedError(
                f"topics are missing ({missing[0]}, …): run `scrip topics apply`"
            )
        story = settings.clock == "story"
        TopicAdmin(settings.kafka, settings.namespace, story=story).check_clock(COMMAND_TOPICS)
        return CrashingLog(log, log.crash) if settings.crash_at else log


def open_database(settings: Settings) -> Engine:
    """The engine of the database in the settings (it connects when first used)."""
    url = settings.postgres.get_secret_value()
    if not url:
        raise SettingsRefusedError("SCRIP_POSTGRES is missing: give a URL, or run `scrip up`")
    return open_tables(url, idle_seconds_max=IDLE_TRANSACTION_SECONDS_MAX)


def deciding_worker(spec: DecidingSpec, settings: Settings) -> Worker:
    """The worker of a deciding service."""
    log = open_log(settings)
    partitions = log.partitions(spec.commands.name)
    job = deciding_job(spec, Policies(log.reader()), seals_of(settings), partitions)
    return _worker(job, log, settings)


def deriving_worker(spec: DerivingSpec, settings: Settings) -> Worker:
    """The worker of a deriving service."""
    log = open_log(settings)
    job = deriving_job(spec, Policies(log.reader()), log.partitions(spec.output.name))
    return _worker(job, log, settings)


def _worker(job: Job, log: Log, settings: Settings) -> Worker:
    return Worker(
        job,
        log,
        Identity(f"scrip-{job.service}", f"scrip-{job.service}-{settings.slot}"),
        clock=LogClock() if settings.clock == "story" else SystemClock(),
        crash=crash_points(settings.crash_at),
        store=_stores(job, settings),
    )


def _stores(job: Job, settings: Settings) -> Callable[[str, int], Store]:
    """What makes the store of a partition; a service without rows needs no disk for them."""
    if settings.store == "memory" or job.bounds is None:
        return lambda _topic, _partition: MemoryStore()
    admin = TopicAdmin(settings.kafka, settings.namespace)
    identity = admin.identity((*job.inputs, *job.state_topics))
    budget = rocks_settings.budget(settings.store_cache_mib)
    owner = ".".join(part for part in (settings.namespace, job.service, settings.slot) if part)
    folder = settings.store_folder / owner

    def store(topic: str, partition: int) -> Store:
        return RocksStore(folder / f"{topic}-{partition}", identity, budget)

    return store


def wait_for_policy(policies: Policies) -> Policy:
    """The newest policy; waits, said aloud, until there is one."""
    policies.refresh()
    if policies.newest() is None:
        _log.warning("waiting_for_policy", topic=POLICY.name)
    while (policy := policies.newest()) is None:
        rest(POLICY_LOOK_SECONDS)
        policies.look()
    return policy
