"""The reports of `bi`, asked after stories whose numbers are known, told on PostgreSQL."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Connection, create_engine, text

from deploy.migrations.reference import ALL, PAGE, declared, document
from deploy.migrations.run import upgrade
from services.runtime.tables import open_tables
from services.stories.cli import story_of
from services.stories.performing import played
from services.stories.world import World

HERE = Path(__file__).parents[1] / "stories" / "reports"
STORIES = sorted(path for path in HERE.glob("*.yaml") if not path.stem.endswith(".expect"))
COMMENTS = """
SELECT c.relname, obj_description(c.oid), a.attname, col_description(c.oid, a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'bi'::regnamespace ORDER BY c.relname, a.attnum
"""


def differing(connection: Connection, asked: list[dict[str, Any]]) -> list[str]:
    """What each view says other than expected."""
    found = []
    for one in asked:
        rows = [list(row) for row in connection.execute(text(one["ask"]))]
        for number, (row, wanted) in enumerate(zip(rows, one["rows"], strict=False)):
            if row != wanted:
                found.append(f"{one['ask']}\n  row {number}: {row}\n  expected {wanted}")
        if len(rows) != len(one["rows"]):
            found.append(f"{one['ask']}\n  {len(rows)} rows, expected {len(one['rows'])}: {rows}")
    return found


@pytest.mark.parametrize("path", STORIES, ids=[path.stem for path in STORIES])
def test_the_reports_say_what_the_story_told(path: Path, database: str) -> None:
    upgrade(database)
    story = story_of(path)
    world = World(story.begins, story.document.network.timezone, engine=open_tables(database))
    found = played(story, world)
    assert [one for one in found["invariants"] if not one["holds"]] == []
    engine = create_engine(database)
    asked = yaml.safe_load(path.with_suffix(".expect.yaml").read_text())["views"]
    with engine.connect() as connection:
        assert "\n".join(differing(connection, asked)) == ""
    engine.dispose()


def test_the_reference_of_reports_is_what_the_database_says_of_itself(database: str) -> None:
    upgrade(database)
    engine = create_engine(database)
    said: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    with engine.connect() as connection:
        for view, comment, column, meaning in connection.execute(text(COMMENTS)):
            said.setdefault(view, (comment, []))[1].append((column, meaning))
    engine.dispose()
    assert said == declared(ALL)
    assert document(said) == PAGE.read_text(encoding="utf-8")
