"""Rows in the text format of COPY: what a cell holds comes out as it went in."""

import orjson
import pytest
from sqlalchemy import select

from services.ledger import tables
from services.runtime.bulk import copy_text, insert_dicts, plainly_said, update_dicts
from services.runtime.tables import MEMORY_URL, create_tables, open_tables


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("a", 1, None), "a\t1\t\\N\n"),
        (("tab\there", None), "tab\\there\t\\N\n"),
        (("line\nbreak\r", 2), "line\\nbreak\\r\t2\n"),
        (("back\\slash", None), "back\\\\slash\t\\N\n"),
        ((r"\N", True), "\\\\N\tTrue\n"),
    ],
)
def test_a_row_is_written_so_that_copy_reads_it_back(row: tuple[object, ...], said: str) -> None:
    assert copy_text([row]) == said


@pytest.mark.parametrize("text", ["tab\there", "line\nbreak", "back\\slash", r"\N", "end\r"])
def test_a_document_with_anything_to_escape_is_not_plain(text: str) -> None:
    plain = orjson.dumps({"place": "Größe 7 — №"})
    assert copy_text([tuple(orjson.loads(plain).values())]) == "Größe 7 — №\n"
    assert plainly_said([plain, None])
    assert not plainly_said([plain, orjson.dumps({"place": text})])


def test_rows_are_inserted_and_changed_by_their_key() -> None:
    engine = open_tables(MEMORY_URL)
    create_tables(engine, [tables.METADATA])
    table = tables.card_state
    rows = [
        {"card": card, "programme": "gift", "state": "Prepared", "life": 1, "changed_at": 1}
        for card in ("c1", "c2", "c3")
    ]
    with engine.begin() as connection:
        insert_dicts(connection, table, rows)
        update_dicts(connection, table, "card", [{**rows[1], "state": "Activated", "life": 2}])
        update_dicts(connection, table, "card", [])
        found = connection.execute(select(table.c.card, table.c.state, table.c.life)).all()
    assert sorted(map(tuple, found)) == [
        ("c1", "Prepared", 1),
        ("c2", "Activated", 2),
        ("c3", "Prepared", 1),
    ]
    engine.dispose()
