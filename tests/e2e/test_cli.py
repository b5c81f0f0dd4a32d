"""`scrip` answers with sentences and exit statuses: 1 no, 2 usage, 3 something is not there."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from deploy.embedded.places import free_ports
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
