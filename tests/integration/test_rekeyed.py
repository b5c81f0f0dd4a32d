"""A card is rekeyed in PostgreSQL as it is in memory: locked, sealed, kept once for each life."""

from deploy.migrations.run import upgrade
from services.issuance.views import shown
from services.runtime.tables import open_tables
from tests.unit.issuance.test_rekeyed import Room


def test_a_rekeyed_card_is_kept_and_printed_from_postgres(database: str) -> None:
    upgrade(database)
    engine = open_tables(database)
    room = Room(engine)
    old = shown(room.sheet(1, 1).cards[0][1])
    for time in (1, 2):
        assert room.sold(1, 1, again=str(time)) == 1
        room.brought_back(1, time)
        assert room.rekeyed(1, 1).rekeyed == [1]
        assert room.rekeyed(1, 1).before == [1]
    [(_, card)] = room.sheet(1, 1).cards
    assert room.directory.find(shown(card)) == card.account == room.account(1)
    assert room.directory.find(old) is None
    engine.dispose()
