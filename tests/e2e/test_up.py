"""`scrip up`: everything runs, commands of the checkout find it, and Ctrl-C leaves nothing."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import orjson
import psycopg
import pytest

from tests.e2e.running import ROOT, Running, environment, gone_within, scrip

pytestmark = [pytest.mark.timeout(600), pytest.mark.takes(6)]
START_SECONDS_MAX = 300.0
STOP_SECONDS_MAX = 120.0


@dataclass
class Up:
    """A running installation and how commands find it."""

    running: Running
    more: dict[str, str]

    @property
    def run_file(self) -> Path:
        return Path(self.more["SCRIP_RUN_FILE"])

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return scrip(*arguments, more=self.more, seconds_max=200)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    more = {"SCRIP_RUN_FILE": str(folder / "run.json")}
    running = Running(folder / "up.log", "up", more=more)
    try:
        running.wait_for("Ctrl-C ends everything", START_SECONDS_MAX)
        yield Up(running, more)
    finally:
        running.close()


@pytest.fixture(scope="module")
def card(up: Up) -> str:
    """A card that was sold for 50.00 at F1 and spent 20.00 at F2."""
    said = subprocess.run(
        [sys.executable, "-m", "services.local.example"],
        cwd=ROOT,
        env=environment(up.more),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout.split()[-1]


def test_only_its_owner_may_read_where_the_keys_are(up: Up) -> None:
    assert stat.S_IMODE(up.run_file.stat().st_mode) == 0o600


def test_a_second_one_of_the_same_checkout_is_told_so(up: Up) -> None:
    said = up.ask("up")
    assert said.returncode == 3
    assert "stop it first" in said.stderr


def test_verify_holds_after_a_first_sale(up: Up, card: str) -> None:
    said = up.ask("verify", "--json")
    assert said.returncode == 0, said.stdout
    found = orjson.loads(said.stdout)
    assert found["holds"]
    assert all(one["holds"] for one in found["invariants"])
    assert found["as_of"]


def test_an_account_reads_like_a_bank_statement(up: Up, card: str) -> None:
    found = orjson.loads(up.ask("account", "show", card, "--json").stdout)
    moved = [(row["type"], row["ledger_change"], row["ledger_after"]) for row in found["history"]]
    assert ("value_loaded", 5000, 5000) in moved
    assert ("hold_captured", -2000, 3000) in moved
    assert found["state"]["ledger_minor"] == found["live"]["ledger"] == 3000
    assert [lot["location"] for lot in found["live"]["lots"]] == ["F1"]
    text = up.ask("account", "show", card).stdout
    assert "ledger 30.00 USD, held 0.00, available 30.00" in text
    assert "F2/pos" in text


def test_an_unknown_account_is_a_no(up: Up) -> None:
    assert up.ask("account", "show", "nobody-knows-it").returncode == 1


def test_a_run_needs_two_people_and_ends_in_the_banks_folder(up: Up, card: str) -> None:
    more = dict(up.more)
    up.more["SCRIP_USER"] = "ann"
    assert up.ask("settle", "run", "r1").returncode == 0
    said = up.ask("settle", "approve", "r1")
    assert said.returncode == 1
    assert "may not approve" in said.stderr
    up.more["SCRIP_USER"] = "bob"
    assert up.ask("settle", "approve", "r1").returncode == 0
    found = orjson.loads(up.ask("settle", "file", "r1", "--json").stdout)
    (run,) = found["runs"]
    assert (run["state"], run["positions"]) == ("transmitted", {"F1": -100, "F2": 100})
    settings = json.loads(up.run_file.read_text())["settings"]
    assert (Path(settings["bank_folder"]) / run["files"][0]).read_text().startswith("101 ")
    up.more.clear()
    up.more.update(more)


def test_topics_are_as_in_the_catalogue_and_the_policy_is_shown(up: Up) -> None:
    assert up.ask("topics", "diff").returncode == 0
    shown = orjson.loads(up.ask("policy", "show", "--json").stdout)
    assert [version["version"] for version in shown["versions"]] == [1]
    again = orjson.loads(up.ask("policy", "apply", "deploy/policy/sample.yaml", "--json").stdout)
    assert (again["version"], again["new"]) == (1, False)


def test_a_process_that_dies_is_started_again_and_this_is_said(up: Up, card: str) -> None:
    before = up.running.log.read_text()
    assert "has ended" not in before, before
    pid = _process_of(up, "services.redemption")
    os.kill(pid, signal.SIGKILL)
    up.running.wait_for("redemption/0 has ended", 30)
    up.running.wait_for("redemption/0 runs again", 60)
    assert up.ask("verify").returncode == 0


def test_the_audit_finds_nothing_where_nothing_was_changed(up: Up, card: str) -> None:
    assert card
    said = up.ask("audit", "verify", "--json")
    assert said.returncode == 0, said.stdout


def test_verify_names_a_journal_line_that_was_deleted(up: Up, card: str) -> None:
    with _superuser(up) as connection:
        line = connection.execute(
            "SELECT l.journal_id, l.number, j.entity, j.fact FROM ledger.journal_line l "
            "JOIN ledger.journal j ON j.id = l.journal_id "
            "WHERE l.subject = %s AND l.account = '2100' ORDER BY 1 LIMIT 1",
            (card,),
        ).fetchone()
        assert line is not None
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "CREATE TEMP TABLE gone AS SELECT * FROM ledger.journal_line "
            "WHERE journal_id = %s AND number = %s",
            line[:2],
        )
        connection.execute(
            "DELETE FROM ledger.journal_line WHERE journal_id = %s AND number = %s", line[:2]
        )
        said = up.ask("verify")
        connection.execute("INSERT INTO ledger.journal_line SELECT * FROM gone")
    assert said.returncode == 1
    assert re.search(rf"entity {line[2]}, account {card}, event \w+ {line[3]}", said.stdout)


def test_verify_names_an_account_whose_balance_was_changed(up: Up, card: str) -> None:
    change = "UPDATE ledger.account_state SET ledger_minor = ledger_minor + %s WHERE account = %s"
    with _superuser(up) as connection:
        connection.execute(change, (1, card))
        said = up.ask("verify")
        connection.execute(change, (-1, card))
    assert said.returncode == 1
    assert f"account {card}: ledger_minor is 3001 in PostgreSQL, 3000 by its facts" in said.stdout
    assert up.ask("verify").returncode == 0


def test_ctrl_c_leaves_no_process_and_no_run_file(up: Up) -> None:
    pids = up.running.descendants()
    folder = json.loads(up.run_file.read_text())["folder"]
    assert len(pids) > 8
    assert up.running.stop(STOP_SECONDS_MAX) == 0
    assert gone_within(pids, 10.0)
    assert not up.run_file.exists()
    assert not Path(folder).exists()


def _process_of(up: Up, module: str) -> int:
    deadline = monotonic() + 10
    while monotonic() < deadline:
        for pid in up.running.descendants():
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if words[1:3] == [b"-m", module.encode()]:
                return pid
        sleep(0.1)
    raise AssertionError(f"no process of {module}")


def _superuser(up: Up) -> psycopg.Connection[tuple[object, ...]]:
    url = json.loads(up.run_file.read_text())["settings"]["postgres"]
    address = url.replace("postgresql+psycopg://", "postgresql://")
    return psycopg.connect(address, autocommit=True)
