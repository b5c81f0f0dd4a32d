"""Settings that are wrong are named with their value and what is allowed, in our own words."""

import json
import os
from pathlib import Path

import pytest

from services.local.installation import installation
from services.runtime.settings import SettingsRefusedError, read_settings

WRONG = [
    ({"SCRIP_STORE": "disk"}, "SCRIP_STORE='disk': Input should be 'memory' or 'rocksdb'"),
    ({"SCRIP_CRASH_AT": "nowhere"}, "no crash point 'nowhere'; there are "),
    ({"SCRIP_SEALS": "on"}, "SCRIP_SEAL_KEYS is missing (or SCRIP_SEALS=off on loopback)"),
    ({"SCRIP_CLOCK": "story", "SCRIP_KAFKA": "far.example:1"}, "SCRIP_CLOCK=story is for loopback"),
]


@pytest.fixture(params=["of the environment", "of what runs here"])
def kafka(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installation to be found, by the environment or by what `scrip up` has written."""
    for name in [name for name in os.environ if name.startswith("SCRIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SCRIP_KAFKA", "localhost:1")
    path = tmp_path / "run.json"
    monkeypatch.setenv("SCRIP_RUN_FILE", str(path))
    if request.param == "of what runs here":
        settings = {"kafka": "localhost:1", "postgres": "postgresql://x", "seals": "off"}
        path.write_text(json.dumps({"pid": os.getpid(), "settings": settings}))
    return "localhost:1"


@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_a_wrong_setting_is_refused_in_our_own_words(
    kafka: str, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str], said: str
) -> None:
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    for read in (read_settings, installation):
        with pytest.raises(SettingsRefusedError) as refused:
            read()
        assert said in str(refused.value)
        assert "Value error" not in str(refused.value)
        assert "pydantic" not in str(refused.value)
