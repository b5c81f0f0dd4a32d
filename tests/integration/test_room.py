"""What is free of a small form is counted in PostgreSQL as in memory."""

import pytest

from deploy.migrations.run import upgrade
from services.issuance.directory import TemplateFullError
from services.runtime.tables import open_tables
from tests.unit.issuance.test_room import Stock


def test_an_order_for_which_an_import_left_no_numbers_is_refused_in_postgresql(
    database: str,
) -> None:
    upgrade(database)
    engine = open_tables(database)
    try:
        stock = Stock(engine)
        stock.imported("old", stock.numbers("small", range(30)))
        stock.plan("b1", "small", 20)
        with pytest.raises(TemplateFullError, match=r"50 more, not for 51: .* 30, and 20 more"):
            stock.plan("b2", "small", 51)
        stock.plan("b2", "small", 50)
        assert stock.told("b2") + stock.told("b1") == 70
    finally:
        engine.dispose()
