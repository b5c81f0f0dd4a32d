"""Who decides the same commands: our worker, Kafka Streams, aiokafka and faust-streaming."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from deploy.embedded.guarded import GuardedServer, ServerPlan
from schemas.topics import (
    REDEMPTION_BALANCES,
    REDEMPTION_COMMANDS,
    REDEMPTION_EVENTS,
    REDEMPTION_REPLIES,
)
from services.local.machine import Machine
from tests.benchmarks.feeding import make_topics, policy

STREAMS = Path(__file__).parent / "streams"
BUILD_SECONDS_MAX = 300
# Two runtimes on two cores with the broker: heap for a million answers, all in memory.
HEAP = "-Xmx6g"


@dataclass(frozen=True, slots=True)
class Contender:
    """One way of running the job. `part`: of how many commands it gets one; slow ones get fewer.

    `argv` and topics may hold {app}: topics, group and transactional ids of its own.
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


def redemption(machine: Machine, slot: str = "bench") -> Contender:
    """The redemption worker as it is deployed."""
    named = machine.namespace
    return Contender(
        name="scrip, one worker",
        kind="scrip",
        argv=(sys.executable, "-m", "services.redemption"),
        group=f"{named}.scrip-redemption",
        events=REDEMPTION_EVENTS.named(named),
        replies=REDEMPTION_REPLIES.named(named),
        balances=REDEMPTION_BALANCES.named(named),
        environment=machine.environment(slot),
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
    """Topics for what it writes; our worker's are there, and changelogs are made by their owners.

    They are as ours are: facts and replies with the decision's time, uncompacted.
    """
    if contender.kind == "scrip":
        return
    config = {"message.timestamp.before.max.ms": str(2**63 - 1)}
    make_topics(bootstrap, [contender.events, contender.replies], config)
    if contender.kind == "aiokafka":
        compacted = {**config, "cleanup.policy": "compact"}
        names = [contender.balances, contender.balances.replace(".balances", ".memory")]
        make_topics(bootstrap, names, compacted)


def start(contender: Contender, folder: Path) -> GuardedServer:
    """Start it; it ends with this process at the latest."""
    name = "".join(c if c.isalnum() else "-" for c in contender.name)
    path = str(STREAMS.parents[2])
    environment = {**os.environ, **contender.environment, "PYTHONPATH": path}
    process = GuardedServer(
        ServerPlan(contender.argv, folder / f"{name}.log", environment=environment)
    )
    process.start()
    return process


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
