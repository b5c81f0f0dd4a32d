"""What is committed as text: portable, linked to what exists, and decided on the record."""

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

import pytest

from tests.architecture.source import ROOT, WRITTEN_BY_PROGRAMS, committed_paths

README_LINES_MAX = 150
HEADINGS = ("Date:", "Status:", "## Context", "## Decision", "## Consequences")
DECISION = re.compile(r"docs/decisions/(\d{4})-[a-z0-9-]+\.md")

# Put together here, so that this file does not itself name what it looks for.
REGISTRIES = tuple(
    ".".join(labels)
    for labels in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("repo", "maven", "apache", "org"),
        ("repo1", "maven", "org"),
        ("proxy", "golang", "org"),
        ("sum", "golang", "org"),
        ("crates", "io"),
        ("rubygems", "org"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("gcr", "io"),
        ("hub", "docker", "com"),
        ("registry-1", "docker", "io"),
        ("public", "ecr", "aws"),
        ("anaconda", "org"),
    )
)
MACHINE_PATH = re.compile(r"(?<![\w.>)}-])/(?:" + "|".join(("work", "root", "home")) + r")/[\w.]")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TARGET = re.compile(r"^([a-z][a-z0-9-]*)\s*:(?!=)", re.MULTILINE)
MAKE_SAID = re.compile(r"(?:`|^\s*(?:\$ )?)make ((?:[a-z][a-z0-9-]*)(?: [a-z][a-z0-9-]*)*)", re.M)

TextCheck = Callable[[str, str], Iterator[str]]


def texts() -> Iterator[tuple[str, str]]:
    """Every committed file that is text, with its content; what is not UTF-8 is no text."""
    for path in committed_paths():
        raw = (ROOT / path).read_bytes()
        if b"\0" in raw:
            continue
        try:
            yield path, raw.decode("utf-8")
        except UnicodeDecodeError:
            continue


def registry_named(path: str, text: str) -> Iterator[str]:
    lowered = text.lower()
    yield from (f"{path} names {host}" for host in REGISTRIES if host in lowered)


def machine_path_named(path: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield f"{path}:{number} holds a path of one machine"


def heading_missing(path: str, text: str) -> Iterator[str]:
    lines = text.splitlines()
    number = DECISION.fullmatch(path)
    if number is not None and not text.startswith(f"# {number.group(1)}. "):
        yield f"{path} does not start with its number and title"
    for heading in HEADINGS:
        if not any(line.startswith(heading) for line in lines):
            yield f"{path} lacks {heading!r}"


def link_broken(path: str, text: str) -> Iterator[str]:
    folder = PurePosixPath(path).parent
    for target in LINK.findall(text):
        name = target.split("#")[0]
        if "://" in target or target.startswith("mailto:") or not name:
            continue
        if not (ROOT / folder / name).exists():
            yield f"{path} links to {target}, which is not there"


def title_missing(path: str, text: str) -> Iterator[str]:
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = sum(line.startswith("# ") for line in outside.splitlines())
    if titles != 1:
        yield f"{path} has {titles} top-level titles"


def targets_missing(makefile: str, document: str) -> list[str]:
    """The make targets that a document speaks of and the Makefile does not have."""
    said = {word for words in MAKE_SAID.findall(document) for word in words.split()}
    return sorted(said - set(TARGET.findall(makefile)))


def found_in(check: TextCheck, where: Iterator[tuple[str, str]]) -> list[str]:
    return [found for path, text in where for found in check(path, text)]


def documents() -> Iterator[tuple[str, str]]:
    for path, text in texts():
        if path.endswith(".md") and not path.startswith(WRITTEN_BY_PROGRAMS):
            yield path, text


def decisions() -> Iterator[tuple[str, str]]:
    return ((path, text) for path, text in documents() if DECISION.fullmatch(path))


def test_no_committed_text_names_a_package_registry() -> None:
    assert found_in(registry_named, texts()) == []


def test_no_committed_text_holds_a_path_of_one_machine() -> None:
    assert found_in(machine_path_named, texts()) == []


def test_every_decision_has_its_headings() -> None:
    assert found_in(heading_missing, decisions()) == []


def test_decisions_are_numbered_without_gap_or_repeat() -> None:
    numbers = [int(path.split("/")[2][:4]) for path, _ in decisions()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_first_nine_decisions_are_on_the_record() -> None:
    assert len(list(decisions())) >= 9


def test_every_link_in_a_document_leads_somewhere() -> None:
    assert found_in(link_broken, documents()) == []


def test_every_document_has_exactly_one_title() -> None:
    assert found_in(title_missing, documents()) == []


def test_the_readme_can_be_read_in_one_sitting() -> None:
    readme = [text for path, text in texts() if path == "README.md"]
    assert all(len(text.splitlines()) <= README_LINES_MAX for text in readme)


def test_every_make_target_a_document_speaks_of_exists() -> None:
    makefile = dict(texts()).get("Makefile", "")
    speaking = ("README.md", "CONTRIBUTING.md")
    missing = {
        path: targets_missing(makefile, text)
        for path, text in documents()
        if makefile and path in speaking
    }
    assert not any(missing.values()), missing


BAD: list[tuple[TextCheck, str, str]] = [
    (registry_named, "a.toml", 'url = "https://' + REGISTRIES[0] + '/simple"'),
    (registry_named, "Dockerfile", "FROM " + REGISTRIES[10].upper() + "/x/y"),
    (machine_path_named, "a.py", "'/" + "home" + "/ann/x'"),
    (machine_path_named, "a.md", "in /" + "root" + "/.cache"),
    (machine_path_named, "a.md", "see /" + "work" + "/main"),
    (heading_missing, "docs/decisions/0001-a.md", "# 0001. A\n\nDate: x\nStatus: y\n## Context\n"),
    (heading_missing, "docs/decisions/0002-a.md", "# 0001. A\n" + "\n".join(HEADINGS)),
    (link_broken, "docs/a.md", "[b](nowhere.md)"),
    (title_missing, "docs/a.md", "# A\n\n# B\n"),
    (title_missing, "docs/a.md", "no title\n\n```sh\n# a comment\n```\n"),
]


@pytest.mark.parametrize(("check", "path", "text"), BAD)
def test_each_rule_of_documents_finds_what_is_planted(
    check: TextCheck, path: str, text: str
) -> None:
    assert list(check(path, text))


GOOD: list[tuple[TextCheck, str, str]] = [
    (registry_named, "a.md", "a package registry"),
    (machine_path_named, "a.md", "https://example.org/home/ann and docs/work/a and ./root/x"),
    (heading_missing, "docs/decisions/0001-a.md", "# 0001. A\n" + "\n".join(HEADINGS)),
    (link_broken, "tests/a.md", "[p](../pyproject.toml) [w](https://example.org) [h](#here)"),
    (title_missing, "docs/a.md", "# A\n\n```sh\n# a comment\n```\n"),
]


@pytest.mark.parametrize(("check", "path", "text"), GOOD)
def test_each_rule_of_documents_lets_pass_what_is_fine(
    check: TextCheck, path: str, text: str
) -> None:
    assert list(check(path, text)) == []


def test_a_target_that_is_not_there_is_found() -> None:
    makefile = "demo: .venv\n\t.venv/bin/scrip demo\nKAFKA := x\ntest check:\n"
    document = "Run `make demo`, or\n\n    $ make tset\n\nand make sure of `make demo nothing`."
    assert targets_missing(makefile, document) == ["nothing", "tset"]
