"""What is published is fresh, valid in itself, and AsyncAPI 3.0 as far as a program can tell."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from schemas.publish.__main__ import PUBLISHED, published, stale, write
from schemas.topics import TOPICS

ASYNCAPI = orjson.loads((PUBLISHED / "asyncapi.json").read_bytes())
SCHEMAS = sorted(path for path in PUBLISHED.rglob("*.json") if path.name != "asyncapi.json")


def test_what_is_published_is_fresh() -> None:
    assert stale() == [], "run: python -m schemas.publish"


def test_a_stale_a_missing_and_a_left_over_file_are_found_and_mended(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "asyncapi.json").write_bytes(b"{}")
    (tmp_path / "left_over.json").write_bytes(b"{}")
    (tmp_path / "policy.json").unlink()
    assert stale(tmp_path) == ["asyncapi.json", "left_over.json", "policy.json"]
    write(tmp_path)
    assert stale(tmp_path) == []
    assert (tmp_path / "asyncapi.json").read_bytes() == published()["asyncapi.json"]


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.relative_to(PUBLISHED).as_posix())
def test_every_published_schema_is_a_schema_of_its_dialect(path: Path) -> None:
    schema = orjson.loads(path.read_bytes())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)
    for reference in references(schema):
        assert reference.startswith("#/")
        resolved(schema, reference)


def references(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for key, value in document.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)
    elif isinstance(document, list):
        for value in document:
            yield from references(value)


def resolved(document: Any, reference: str) -> Any:
    for part in reference.removeprefix("#/").split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def test_asyncapi_has_the_parts_that_version_3_requires() -> None:
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(ASYNCAPI["info"])
    for channel in ASYNCAPI["channels"].values():
        assert channel["address"]
        assert channel["messages"]
    for operation in ASYNCAPI["operations"].values():
        assert operation["action"] in {"send", "receive"}
        assert resolved(ASYNCAPI, operation["channel"]["$ref"])["address"]


def test_every_reference_in_asyncapi_leads_somewhere() -> None:
    found = list(references(ASYNCAPI))
    assert found
    for reference in found:
        if reference.startswith("#/"):
            resolved(ASYNCAPI, reference)
        else:
            assert (PUBLISHED / reference).is_file(), reference


def test_every_public_topic_is_a_channel_and_no_internal_one_is() -> None:
    addresses = {channel["address"] for channel in ASYNCAPI["channels"].values()}
    assert addresses == {topic.name for topic in TOPICS if topic.public}
    operated = {operation["channel"]["$ref"] for operation in ASYNCAPI["operations"].values()}
    assert operated == {f"#/channels/{name}" for name in ASYNCAPI["channels"]}


def test_every_published_message_is_of_a_channel() -> None:
    payloads = {
        message["payload"]["$ref"].removeprefix("./")
        for message in ASYNCAPI["components"]["messages"].values()
        if "payload" in message
    }
    files = {path.relative_to(PUBLISHED).as_posix() for path in SCHEMAS} - {"policy.json"}
    assert payloads == files


PARSE = """
const { Parser, fromFile } = require("@asyncapi/parser");
fromFile(new Parser(), process.argv[1]).parse().then(({ document, diagnostics }) => {
  const errors = diagnostics.filter((d) => d.severity === 0).map((d) => [d.path, d.message]);
  console.log(JSON.stringify({ read: Boolean(document), errors }));
});
"""


def test_the_asyncapi_projects_own_parser_finds_no_error() -> None:
    modules = os.environ.get("SCRIP_ASYNCAPI_NODE_MODULES")
    if not modules:
        pytest.skip(
            "NOT CHECKED by @asyncapi/parser: name a node_modules that holds it in "
            "SCRIP_ASYNCAPI_NODE_MODULES"
        )
    run = subprocess.run(
        ["node", "-e", PARSE, str(PUBLISHED / "asyncapi.json")],
        env={**os.environ, "NODE_PATH": modules},
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert json.loads(run.stdout) == {"read": True, "errors": []}
