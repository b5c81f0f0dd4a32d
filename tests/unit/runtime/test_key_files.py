"""Keys and files of keys: whatever is wrong is said in a sentence, and no secret with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.runtime.keyfiles import KeysRefusedError, key_of, read_peppers, read_seals
from services.runtime.settings import Settings, SettingsRefusedError, seals_of

SECRET = "5ec7e7" * 10 + "beef"
SEALS = {"service": {"prefix": "service/", "secret": SECRET}}
WRONG: list[tuple[Any, str]] = [
    ("not json", "is not JSON"),
    ([], "holds no keys"),
    ({}, "holds no keys"),
    ({"service": SECRET}, "service — allowed"),
    ({"service": {"prefix": "service/"}}, "service — allowed"),
    ({"service": {"prefix": "service/", "secret": SECRET + "z"}}, "service is not hex"),
    ({"pos": SEALS["service"]}, "has no key 'service' — it has pos"),
]


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(("content", "said"), WRONG)
def test_a_wrong_file_of_seal_keys_is_a_setting_refused_without_its_secrets(
    tmp_path: Path, content: Any, said: str
) -> None:
    path = written(tmp_path / "seals.json", content)
    with pytest.raises(SettingsRefusedError) as refused:
        seals_of(Settings(seal_keys=path))
    text = str(refused.value)
    assert text.startswith(f"SCRIP_SEAL_KEYS: {path}")
    assert said in text
    assert SECRET[:12] not in text


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(KeysRefusedError, match="cannot be read: No such file"):
        read_seals(tmp_path / "nothing", "service")


def test_a_key_has_32_bytes_in_hex() -> None:
    assert len(key_of("SCRIP_BANK_KEY", "ab" * 32)) == 32
    for wrong in ("ab" * 31, "zz" * 32):
        with pytest.raises(KeysRefusedError, match="SCRIP_BANK_KEY") as refused:
            key_of("SCRIP_BANK_KEY", wrong)
        assert wrong not in str(refused.value)


def test_peppers_are_numbered_and_in_hex(tmp_path: Path) -> None:
    path = written(tmp_path / "peppers.json", {"1": "ab" * 32, "2": "cd" * 32})
    assert read_peppers(path) == {1: b"\xab" * 32, 2: b"\xcd" * 32}
    for wrong in ({"one": "ab"}, {"1": 5}, {"1": "xyz"}):
        with pytest.raises(KeysRefusedError, match=r"peppers\.json"):
            read_peppers(written(path, wrong))


PEPPER = "5ec7e75e" * 8
WRONG_PEPPERS: list[tuple[str, str]] = [
    ('{"1": "abcd"}', "1 has 2 bytes — allowed: 32 bytes or more, in hex"),
    (f'{{"1": "{PEPPER[:62]}"}}', "1 has 31 bytes — allowed: 32 bytes or more, in hex"),
    (
        f'{{"²": "{PEPPER}"}}',
        "² — allowed: {version: hex}, a version a whole number of 1 to 9 digits",
    ),
    (f'{{"-1": "{PEPPER}"}}', "-1 — allowed: {version: hex}"),
    (f'{{"1": "{PEPPER}", "01": "{PEPPER}"}}', "01 — allowed: {version: hex}"),
    (f'{{"1": "{PEPPER}", "1": "{"ab" * 32}"}}', "1 stands there twice — allowed: each key once"),
    (f'{{"1234567890": "{PEPPER}"}}', "1234567890 — allowed: {version: hex}"),
    (f'{{"{PEPPER}": "1"}}', "a key of 64 characters — allowed: {version: hex}"),
    (f'{{"1": ["{PEPPER}"]}}', "1 — allowed: {version: hex}"),
]


@pytest.mark.parametrize(("content", "said"), WRONG_PEPPERS)
def test_a_wrong_file_of_peppers_is_refused_without_its_secrets(
    tmp_path: Path, content: str, said: str
) -> None:
    path = written(tmp_path / "peppers.json", content)
    with pytest.raises(KeysRefusedError) as refused:
        read_peppers(path)
    text = str(refused.value)
    assert text.startswith(str(path))
    assert said in text
    assert PEPPER[:8] not in text


def test_a_seal_key_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    one = json.dumps(SEALS["service"])
    path = written(tmp_path / "seals.json", f'{{"service": {one}, "service": {one}}}')
    with pytest.raises(KeysRefusedError, match="service stands there twice") as refused:
        read_seals(path, "service")
    assert SECRET[:12] not in str(refused.value)
