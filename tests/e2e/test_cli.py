"""`scrip` answers with sentences and exit statuses: 1 no, 2 usage, 3 something is not there."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from deploy.embedded.places import free_ports
from services.local.installation import document_of
from tests.e2e.running import ROOT, scrip, scrip_afresh

COMMANDS = (
    *("up", "demo", "story", "verify", "doctor", "account show", "audit verify", "audit heads"),
    *("policy check", "policy apply", "policy show", "topics apply", "topics diff"),
    *("settle run", "settle approve", "settle file", "settle status", "settle statement"),
    *("returns import", "deadletters list", "deadletters show"),
)


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing runs."""
    return {"SCRIP_RUN_FILE": str(tmp_path / "run.json")}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(command: str) -> None:
    said = scrip(*command.split(), "--help", more={"COLUMNS": "200", "NO_COLOR": "1"})
    assert said.returncode == 0, said.stderr
    assert "--json" in said.stdout


def test_help_loads_neither_kafka_nor_a_database() -> None:
    heavy = "{'confluent_kafka', 'sqlalchemy', 'pydantic'}"
    program = f"import services.cli, sys; sys.exit(len({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_whatever_a_command_loads_is_there() -> None:
    names = re.findall(r'"(services\.[a-z_.]+)"', (ROOT / "services" / "cli.py").read_text())
    assert len(names) > 15
    for name in names:
        module, _, attribute = name.rpartition(".")
        assert callable(getattr(importlib.import_module(module), attribute))


@pytest.mark.parametrize(
    "arguments",
    [("no-such-command",), ("policy", "check"), ("story", "no-such-file.yaml"), ("demo", "--fast")],
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert scrip_afresh(*arguments).returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [("verify",), ("account", "show", "c1"), ("topics", "diff"), ("settle", "status")],
)
def test_without_an_installation_a_command_ends_with_3_and_says_what_to_do(
    arguments: tuple[str, ...], nowhere: dict[str, str]
) -> None:
    said = scrip_afresh(*arguments, more=nowhere)
    assert said.returncode == 3
    assert "scrip up" in said.stderr
    assert "Traceback" not in said.stderr


def test_no_kafka_at_that_address_ends_with_3_in_one_sentence(nowhere: dict[str, str]) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    more = nowhere | {"SCRIP_KAFKA": address, "SCRIP_SEALS": "off"}
    said = scrip_afresh("policy", "show", "--json", more=more)
    assert said.returncode == 3
    assert address in said.stderr
    assert len(said.stderr.strip().splitlines()) == 1
    assert orjson.loads(said.stdout)["exit"] == 3


def test_a_wrong_setting_is_named_and_is_usage(nowhere: dict[str, str]) -> None:
    more = nowhere | {"SCRIP_KAFKA": "127.0.0.1:1", "SCRIP_CLOCK": "sundial"}
    said = scrip_afresh("topics", "diff", more=more)
    assert said.returncode == 2
    assert "SCRIP_CLOCK" in said.stderr


def test_a_good_policy_is_fit(nowhere: dict[str, str]) -> None:
    said = scrip_afresh("policy", "check", "deploy/policy/sample.yaml", "--json", more=nowhere)
    assert said.returncode == 0
    assert orjson.loads(said.stdout)["fit"] is True


def test_a_bad_policy_is_a_no_that_names_path_value_and_what_is_allowed(tmp_path: Path) -> None:
    text = (ROOT / "deploy/policy/sample.yaml").read_text()
    bad = tmp_path / "bad.yaml"
    bad.write_text(text.replace("parent: HQ", "parent: HX").replace("kind: card", "kind: cheese"))
    said = scrip_afresh("policy", "check", str(bad), "--json")
    assert said.returncode == 1
    findings = orjson.loads(said.stdout)["findings"]
    assert any("cheese" in finding["value"] for finding in findings)
    assert all(finding["path"] and finding["allowed"] for finding in findings)


def test_a_policy_that_is_no_yaml_is_a_no(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("network: {currency: USD")
    said = scrip_afresh("policy", "check", str(bad))
    assert said.returncode == 1
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    ("said", "instead", "finding"),
    [
        ("jurisdiction: US-NY, ", "jurisdiction: US-NY, jurisdiction: US-CA, ", "jurisdiction"),
        ("mode: percentage", "minimum_minor: .inf", "settlement.minimum_minor"),
        ("mode: percentage", "minimum_minor: 99999999999999999999", "settlement.minimum_minor"),
        ("mode: percentage", "minimum_minor: !!binary aGVsbG8=", "settlement.minimum_minor"),
        ("mode: percentage", "minimum_minor: !!set {a}", "settlement.minimum_minor"),
        ("mode: percentage", 'minimum_minor: "\\ud800"', "settlement.minimum_minor"),
        ("mode: percentage", "minimum_minor: 0x10", "settlement.minimum_minor"),
        ("mode: percentage", "100: 5", "settlement"),
        ("mode: percentage", "minimum_minor: \xff", "(document)"),
        ("mode: percentage", 'minimum_minor: "\\UFFFFFFFF"', "(document)"),
    ],
)
def test_what_a_policy_file_may_not_say_is_a_no_with_its_path(
    said: str, instead: str, finding: str, tmp_path: Path, nowhere: dict[str, str]
) -> None:
    text = (ROOT / "deploy/policy/sample.yaml").read_text()
    assert said in text
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(text.replace(said, instead, 1).encode("latin-1", "ignore"))
    answer = scrip("policy", "check", str(bad), "--json", more=nowhere)
    assert answer.returncode == 1, answer.stderr
    [found] = orjson.loads(answer.stdout)["findings"]
    assert finding in found["path"] + found["value"]
    assert found["value"]
    assert found["allowed"]
    assert answer.stderr == ""


def test_a_policy_file_is_read_as_a_story_reads_it(tmp_path: Path, nowhere: dict[str, str]) -> None:
    text = (ROOT / "deploy/policy/sample.yaml").read_text()
    said = text.replace("mode: percentage", "minimum_minor: 000100\n  cutoff: 16:15", 1)
    file = tmp_path / "plain.yaml"
    file.write_text("\ufeff" + said, encoding="utf-8")
    answers = [
        scrip("policy", "check", str(path), "--json", more=nowhere)
        for path in (ROOT / "deploy/policy/sample.yaml", file)
    ]
    assert [answer.returncode for answer in answers] == [0, 0], answers[1].stdout
    assert document_of(file)["settlement"]["minimum_minor"] == 100
    assert document_of(file)["settlement"]["cutoff"] == "16:15"


def test_a_policy_may_be_a_file_of_json(tmp_path: Path, nowhere: dict[str, str]) -> None:
    document = document_of(ROOT / "deploy/policy/sample.yaml")
    for number, options in enumerate((0, orjson.OPT_INDENT_2)):
        file = tmp_path / f"{number}.json"
        file.write_bytes(orjson.dumps(document, option=options))
        assert document_of(file) == document
        assert scrip("policy", "check", str(file), more=nowhere).returncode == 0
