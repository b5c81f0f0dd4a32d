"""The broker's jars: fetched once for the user, told by name and sha256, never resolved again.

Each of the pinned coordinates is fetched by itself. Resolving the graph would take five times as
long and could bring other versions than those that were tried together.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from deploy.embedded.places import cache_folder, one_at_a_time

# Not the newest: later ones may leave transactions open for ever (docs/decisions, 0015).
KAFKA_VERSION = "4.2.2"
_PINNED = Path(__file__).with_name("kafka.sha256")
_FETCHED_AT_ONCE_MAX = 8
_JGO_TIMEOUT_SECONDS = 60
_MAVEN_SECONDS_MAX = 600


class JarsUnavailableError(RuntimeError):
    """The broker's jars could not be had; the message says why and what helps."""


@dataclass(frozen=True, slots=True)
class PinnedJar:
    """One line of kafka.sha256: where a Maven repository keeps the jar, and its hash."""

    path: str
    sha256: str

    @property
    def coordinate(self) -> tuple[str, str, str]:
        """Group, artifact and version, as the path spells them."""
        *group, artifact, version, _ = self.path.split("/")
        return ".".join(group), artifact, version


def pinned_jars() -> tuple[PinnedJar, ...]:
    """The jars of the broker, in the format of `sha256sum`."""
    lines = [line.split() for line in _PINNED.read_text().splitlines()]
    return tuple(PinnedJar(path, digest) for digest, path in lines)


def jars_folder() -> Path:
    """Where the jars are, or will be, for this user."""
    return cache_folder() / f"kafka-{KAFKA_VERSION}"


def jars_are_cached() -> bool:
    """Whether every jar is there and hashes to what is pinned."""
    return not _unsound(jars_folder())


def class_path() -> str:
    """The class path of the broker; fetches the jars first if this user has none.

    Raises JarsUnavailableError.
    """
    folder = jars_folder()
    if _unsound(folder):
        with one_at_a_time(folder.parent, folder.name):
            if _unsound(folder):
                _fetch_into(folder)
    return ":".join(str(folder / jar.path) for jar in pinned_jars())


def _fetch_into(folder: Path) -> None:
    partial = folder.with_name(f"{folder.name}.partial")
    partial.mkdir(exist_ok=True)
    failures: list[str] = []
    for fetch in (_fetch_with_jgo, _fetch_with_jgo, _fetch_with_maven):
        for jar in _unsound(partial):
            (partial / jar.path).unlink(missing_ok=True)
        failure = fetch(partial)
        missing = _unsound(partial)
        if not missing:
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
            return
        failures.append(f"{fetch.__name__.removeprefix('_')}: {failure or _unsound_text(missing)}")
    raise JarsUnavailableError(
        f"Kafka {KAFKA_VERSION} could not be fetched. Mend the network (SSL_CERT_FILE, "
        "HTTPS_PROXY), or install Maven, or give a broker by SCRIP_KAFKA=host:port.\n"
        + "\n".join(failures)
    )


def _unsound(folder: Path) -> tuple[PinnedJar, ...]:
    return tuple(jar for jar in pinned_jars() if not _is_sound(folder / jar.path, jar.sha256))


def _unsound_text(jars: tuple[PinnedJar, ...]) -> str:
    return "absent or another sha256: " + ", ".join(jar.path for jar in jars[:5])


def _is_sound(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as jar:
        return hashlib.file_digest(jar, "sha256").hexdigest() == sha256


def _fetch_with_jgo(folder: Path) -> str | None:
    """Fetch what is absent; a sentence if that did not work."""
    # Needed once for a user, and a fifth of a second to load.
    import requests  # noqa: PLC0415
    from jgo.maven import MavenContext  # noqa: PLC0415

    context = MavenContext(repo_cache=folder, timeout=_JGO_TIMEOUT_SECONDS)

    def fetch(jar: PinnedJar) -> str | None:
        group, artifact, version = jar.coordinate
        try:
            context.project(group, artifact).at_version(version).artifact().resolve()
        except (RuntimeError, OSError, requests.RequestException) as failure:
            return f"{jar.path}: {failure}"
        return None

    return _first_failure(fetch, _unsound(folder))


def _first_failure(
    fetch: Callable[[PinnedJar], str | None], jars: tuple[PinnedJar, ...]
) -> str | None:
    with ThreadPoolExecutor(_FETCHED_AT_ONCE_MAX) as pool:
        return next((failure for failure in pool.map(fetch, jars) if failure), None)


def _fetch_with_maven(folder: Path) -> str | None:
    """Copy the pinned jars with Maven, if this machine has it; a sentence if that did not work."""
    maven = shutil.which("mvn")
    if maven is None:
        return "mvn is not on PATH"
    project = folder / "pom.xml"
    project.write_text(_maven_project())
    command = [
        maven,
        *("-q", "-B", "-f", str(project), "dependency:copy-dependencies"),
        *("-Dmdep.useRepositoryLayout=true", f"-DoutputDirectory={folder}"),
    ]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=_MAVEN_SECONDS_MAX, check=False
        )
    except subprocess.TimeoutExpired:
        return f"Maven took more than {_MAVEN_SECONDS_MAX} s"
    finally:
        project.unlink()
    return None if ended.returncode == 0 else (ended.stdout + ended.stderr).strip()[-1000:]


def _maven_project() -> str:
    """A project that needs each pinned jar and, so that no other comes along, none of theirs."""
    exclude = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>"
    needs = "".join(
        f"<dependency><groupId>{escape(group)}</groupId><artifactId>{escape(artifact)}</artifactId>"
        f"<version>{escape(version)}</version>{exclude}</exclusions></dependency>"
        for group, artifact, version in (jar.coordinate for jar in pinned_jars())
    )
    return (
        "<project><modelVersion>4.0.0</modelVersion><groupId>scrip</groupId>"
        "<artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>"
        f"<dependencies>{needs}</dependencies></project>"
    )


if __name__ == "__main__":
    # Fetch them ahead of the first start, as `scrip doctor` advises.
    class_path()
