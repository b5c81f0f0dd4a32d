"""The same commands through every contender on one broker, one after the other, checked equal."""

import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from deploy.embedded.guarded import GuardedServer
from deploy.embedded.kafka import EmbeddedKafka
from schemas.topics import REDEMPTION_COMMANDS
from services.local.machine import Machine
from tests.benchmarks import contenders, feeding, outputs
from tests.benchmarks.contenders import Contender
from tests.benchmarks.measuring import Marginal, Progress, marginal, resident_mib, sampled

Say = Callable[[str], None]
STOP_SECONDS_MAX = 30.0
# It is known to lose and to double (decision 0001), also when it is stopped in order.
SHOWN_NOT_JUDGED = ("faust",)


@dataclass(slots=True)
class Raced:
    """A contender's figures; `equal` says what of its outputs was compared with ours.

    `disk` is what each topic of ours took on the broker's disk, in bytes a command, compressed as
    it is written; `resident_mib` what the process held at the end.
    """

    name: str
    kind: str
    marginal: Marginal
    load: float
    equal: str
    bytes_out: dict[str, int] = field(default_factory=dict)
    disk: dict[str, int] = field(default_factory=dict)
    resident_mib: int = 0

    def told(self) -> dict[str, Any]:
        """For --json."""
        return {**asdict(self), **asdict(self.marginal)}


def broker_of(machine: Machine) -> int | None:
    """The broker's process, where it is ours to look at."""
    kafka = machine.infra.kafka
    return kafka.pid if isinstance(kafka, EmbeddedKafka) else None


def race(
    machine: Machine, accounts: int, commands: int, entrants: list[Contender], say: Say
) -> list[Raced]:
    """Every contender in turn; ours is the first, for the others are compared with it."""
    raced: list[Raced] = []
    ours: outputs.Outputs | None = None
    for contender in entrants:
        say(f"{contender.name} …")
        result, found = _run(machine, contender, accounts, commands, say)
        if ours is None:
            ours = found
            outputs.require_rows(found, contender.name)
            result.equal = "the measure"
        else:
            result.equal = _compared(machine, entrants[0], contender, ours, found, say)
        raced.append(result)
        m = result.marginal
        say(f"  {m.per_second:,}/s, {m.app_us} µs app, {m.broker_us} µs broker; {result.equal}")
        if contender.kind != "scrip":
            feeding.drop_topics(machine.infra.bootstrap, contender.group)
    return raced


def _compared(
    machine: Machine,
    first: Contender,
    contender: Contender,
    ours: outputs.Outputs,
    found: outputs.Outputs,
    say: Say,
) -> str:
    try:
        return outputs.require_equal(ours, found, contender.name)
    except outputs.NotEqualError as different:
        if different.fact is not None:
            for one in (first, contender):
                fact = outputs.fact_at(machine.infra.bootstrap, one.events, different.fact)
                say(f"  {one.name}: {fact.decode()}")
        if contender.kind not in SHOWN_NOT_JUDGED:
            raise
        return f"NOT EQUAL after it was asked to end: {different}"


def _run(
    machine: Machine, contender: Contender, accounts: int, commands: int, say: Say
) -> tuple[Raced, outputs.Outputs]:
    """From n to 2n of the commands it gets; the accounts are opened before."""
    bootstrap = machine.infra.bootstrap
    contenders.make_outputs(contender, bootstrap)
    topic = REDEMPTION_COMMANDS.named(machine.namespace)
    progress = Progress(bootstrap, contender.group, topic)
    opened = progress.end() - commands
    n = commands // contender.part // 2
    load = feeding.load_average()
    processes = contenders.start(contender, machine.folder)
    try:
        samples = sampled(processes, broker_of(machine), progress, opened + 2 * n, say)
        resident = sum(resident_mib(one.pid) for one in processes)
    finally:
        for one in processes:
            stop(one)
        progress.close()
    found = outputs.read_outputs(bootstrap, contender.events, contender.replies, contender.balances)
    sizes = {"facts": found.fact_bytes, "replies": found.reply_bytes}
    figures = marginal(samples, opened, n)
    raced = Raced(contender.name, contender.kind, figures, load, "", sizes, resident_mib=resident)
    if contender.kind == "scrip":
        raced.disk = disk_of(machine, samples[-1].done)
    return raced, found


def disk_of(machine: Machine, records: int) -> dict[str, int]:
    """Bytes on the broker's disk by topic, for each of so many records that were decided."""
    kafka = machine.infra.kafka
    if not isinstance(kafka, EmbeddedKafka):
        return {}
    sizes: dict[str, int] = {}
    prefix = f"{machine.namespace}."
    for file in (kafka.place.folder / "log").glob(f"{prefix}*/*.log"):
        topic = file.parent.name.removeprefix(prefix).rpartition("-")[0]
        sizes[topic] = sizes.get(topic, 0) + file.stat().st_size
    return {topic: round(size / records) for topic, size in sizes.items() if size > records}


def stop(process: GuardedServer) -> None:
    """Ask it to end, so that what it has decided is committed; then insist."""
    if not process.ended():
        process.send(signal.SIGTERM)
        if not process.wait(STOP_SECONDS_MAX):
            process.stop(signal.SIGKILL, STOP_SECONDS_MAX)
    process.close()
