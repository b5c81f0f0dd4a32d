"""Who decides the same commands: our worker, Kafka Streams, aiokafka and faust-streaming."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from deploy.embedded.guarded import GuardedServer, ServerPlan
from schemas.topics import (
    REDEMPTION_BALANCES,
    REDEMPTION_COMMANDS,
    REDEMPTION_EVENTS,
    REDEMPTION_MEMORY,
    REDEMPTION_REPLIES,
)
from services.local.machine import Machine
from services.runtime.topic_admin import TopicAdmin
from tests.benchmarks.feeding import WAIT, make_topics, policy
from tests.benchmarks.measuring import PARTITIONS

OURS = (REDEMPTION_EVENTS, REDEMPTION_REPLIES, REDEMPTION_BALANCES, REDEMPTION_MEMORY)
STREAMS = Path(__file__).parent / "streams"
BUILD_SECONDS_MAX = 300
AGAIN_SECONDS = 0.2
# Two runtimes on two cores with the broker: heap for a million answers, all in memory.
HEAP = "-Xmx6g"


@dataclass(frozen=True, slots=True)
class Contender:
    """One way of running the job. `part`: of how many commands it gets one; slow ones get fewer.

    `argv` and topics may hold {app}: topics, group and transactional ids of its own. `beside`: the
    environments of further processes of it, one each.
    """

    name: str
    kind: str
    argv: tuple[str, ...]
    group: str
    events: str
    replies: str
    balances: str
    part: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    beside: tuple[dict[str, str], ...] = ()


def redemption(machine: Machine, *, workers: int = 1) -> Contender:
    """The redemption worker as it is deployed, or two of them that share the partitions."""
    named = machine.namespace
    first, *more = (machine.environment(f"bench-{number}") for number in range(workers))
    return Contender(
        name="scrip, one worker" if workers == 1 else f"scrip, {workers} workers",
        kind="scrip",
        argv=(sys.executable, "-m", "services.redemption"),
        group=f"{named}.scrip-redemption",
        events=REDEMPTION_EVENTS.named(named),
        replies=REDEMPTION_REPLIES.named(named),
        balances=REDEMPTION_BALANCES.named(named),
        environment=first,
        beside=tuple(more),
    )


def streams(machine: Machine, libraries: str, tuning: str, threads: int) -> Contender:
    """The Java app of tests/benchmarks/streams."""
    app = f"{machine.namespace}.streams-{tuning}-{threads}"
    policy_file = machine.folder / "policy.json"
    policy_file.write_bytes(orjson.dumps(policy()))
    state = machine.folder / f"streams-{tuning}-{threads}"
    collector = ("-XX:+UseParallelGC",) if tuning == "tuned" else ()
    return Contender(
        name=f"Kafka Streams exactly_once_v2, {tuning}, {threads} thread{'s' * (threads > 1)}",
        kind="streams",
        argv=(
            "java",
            HEAP,
            *collector,
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            *("-cp", libraries, "scrip.streams.Main", machine.infra.bootstrap, app),
            *(REDEMPTION_COMMANDS.named(machine.namespace), tuning, str(threads)),
            *(str(state), str(policy_file), str(machine.seal_keys)),
        ),
        group=app,
        events=f"{app}.events",
        replies=f"{app}.replies",
        balances=f"{app}-balances-changelog",
        part=1 if tuning == "tuned" else 4,
    )


def aiokafka(machine: Machine) -> Contender:
    """The same core in a loop of aiokafka's transactions."""
    app = f"{machine.namespace}.aiokafka"
    return Contender(
        name="aiokafka transactions",
        kind="aiokafka",
        argv=(sys.executable, "-m", "tests.benchmarks.by_aiokafka", app),
        group=app,
        events=f"{app}.events",
        replies=f"{app}.replies",
        balances=f"{app}.balances",
        part=4,
        environment=machine.environment("aiokafka"),
    )


def faust(machine: Machine, guarantee: str) -> Contender:
    """The same core in a faust-streaming agent with a table."""
    app = f"{machine.namespace}.faust-{guarantee.replace('_', '-')}"
    return Contender(
        name=f"faust-streaming {guarantee}",
        kind="faust",
        argv=(
            *(sys.executable, "-m", "tests.benchmarks.by_faust", app),
            *(guarantee, str(machine.folder / app)),
        ),
        group=app,
        events=f"{app}.events",
        replies=f"{app}.replies",
        balances=f"{app}-balances-changelog",
        part=40,
        environment=machine.environment("faust"),
    )


def make_outputs(contender: Contender, bootstrap: str) -> None:
    """Topics for what it writes; our worker's are there, and Kafka Streams makes its changelogs.

    They are as ours are: facts and replies with the decision's time, uncompacted. Faust would make
    its changelogs too, but loses an event after the other until it sees them.
    """
    if contender.kind == "scrip":
        _emptied(bootstrap, contender)
        return
    config = {"message.timestamp.before.max.ms": str(2**63 - 1)}
    make_topics(bootstrap, [contender.events, contender.replies], config)
    if contender.kind in ("aiokafka", "faust"):
        compacted = {**config, "cleanup.policy": "compact"}
        names = [contender.balances, contender.balances.replace("balances", "memory")]
        make_topics(bootstrap, names, compacted)


def _emptied(bootstrap: str, contender: Contender) -> None:
    """Our own topics and offsets as new, where an earlier run of ours has written to them."""
    namespace = contender.group.partition(".")[0]
    names = [topic.named(namespace) for topic in OURS]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    groups = admin.list_consumer_groups().result(WAIT).valid
    if contender.group not in {found.group_id for found in groups}:
        return
    _require(lambda: _group_deleted(admin, contender.group), "its members do not leave the group")
    for gone in admin.delete_topics(names).values():
        gone.result(WAIT)
    _require(
        lambda: not admin.list_topics(timeout=WAIT).topics.keys() & set(names),
        "its topics do not go away",
    )
    TopicAdmin(bootstrap, namespace).apply(PARTITIONS)


def _group_deleted(admin: AdminClient, group: str) -> bool:
    """Static members stay for a session after they have ended."""
    (deleted,) = admin.delete_consumer_groups([group]).values()
    try:
        deleted.result(WAIT)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.NON_EMPTY_GROUP:
            raise
        return False
    return True


def _require(done: Callable[[], bool], otherwise: str) -> None:
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < WAIT, otherwise
        time.sleep(AGAIN_SECONDS)


def start(contender: Contender, folder: Path) -> list[GuardedServer]:
    """Start its processes; they end with this one at the latest."""
    name = "".join(c if c.isalnum() else "-" for c in contender.name)
    path = str(STREAMS.parents[2])
    processes = []
    for number, own in enumerate((contender.environment, *contender.beside)):
        environment = {**os.environ, **own, "PYTHONPATH": path}
        log = folder / f"{name}-{number}.log"
        process = GuardedServer(ServerPlan(contender.argv, log, environment=environment))
        process.start()
        processes.append(process)
    return processes


def build_streams(say: Callable[[str], None]) -> str | None:
    """The class path of the Java app, built if it is older than its source; None, said aloud."""
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    if missing:
        say(f"Kafka Streams: SKIPPED, there is no {' and no '.join(missing)} on this machine")
        return None
    jar = STREAMS / "target" / "streams-1.jar"
    sources = [STREAMS / "pom.xml", *STREAMS.glob("src/**/*.java")]
    if not jar.exists() or jar.stat().st_mtime < max(one.stat().st_mtime for one in sources):
        say("Kafka Streams: building tests/benchmarks/streams with Maven …")
        built = subprocess.run(
            ["mvn", "-q", "-B", "package"],
            cwd=STREAMS,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS_MAX,
            check=False,
        )
        if built.returncode != 0:
            tail = "\n".join((built.stdout + built.stderr).splitlines()[-6:])
            say(f"Kafka Streams: SKIPPED, Maven could not build it:\n{tail}")
            return None
    return f"{jar}:{STREAMS / 'target' / 'libraries'}/*"
