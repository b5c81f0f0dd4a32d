"""Rows of live accounts as a busy installation has them, about 900 bytes each, made fast."""

from collections.abc import Iterator

from schemas.instants import DAY
from schemas.topics import REDEMPTION_BALANCES, REDEMPTION_MEMORY
from schemas.value import Draw, Hold, Lot, Where
from services.redemption.rows import ROWS, Account, Sale
from services.runtime.rowcodec import CoreRows

START = 1_767_225_600_000  # 2026-01-01T00:00:00Z
SHAPES = 1_000
CODEC = CoreRows(ROWS, REDEMPTION_MEMORY, REDEMPTION_BALANCES)


def _account(number: int) -> Account:
    """A card sold and used; every fifth has a lot that expires, every twentieth an open hold."""
    lot = _lot(number)
    where = Where(location=lot.location, entity=lot.entity, channel="pos", register="3")
    paid = lot.face_start
    sale = Sale(
        sale=lot.lot,
        tender="cash",
        price_minor=paid,
        face_minor=paid,
        lots=[lot.lot],
        where=where,
    )
    return Account(
        kind="card",
        programme="gift",
        currency="USD",
        life=1,
        state="Activated",
        ledger=lot.minor,
        held=lot.held,
        lots=[lot],
        holds=[_hold(lot, where, number)] if lot.held else [],
        sale=sale,
        used=True,
        loaded_at=lot.sold_at,
    )


def _lot(number: int) -> Lot:
    minor = 500 + 37 * (number % 271)
    return Lot(
        lot=f"sale-{number:08d}",
        origin="paid",
        location=f"F{number % 40}",
        entity=f"E{number % 7}",
        programme="gift",
        jurisdiction="US-NY",
        cohort="2026-01",
        minor=minor,
        held=100 if number % 20 == 0 else 0,
        funded=minor,
        face_start=minor + 500,
        funded_start=minor + 500,
        sold_at=START - (number % 700) * DAY,
        expires_at=START + (30 + number % 2_000) * DAY if number % 5 == 0 else None,
    )


def _hold(lot: Lot, where: Where, number: int) -> Hold:
    return Hold(
        hold=f"hold-{number}",
        minor=lot.held,
        draws=[Draw(lot=lot.lot, minor=lot.held)],
        placed_at=START,
        ends_at=START + 7 * DAY + number,
        where=where,
    )


def rows(count: int) -> Iterator[tuple[str, bytes]]:
    """Key and row of so many accounts, keys in no order of use to a store."""
    shapes = [CODEC.write("a", _account(number)) for number in range(SHAPES)]
    for number in range(count):
        scattered = (number * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        yield f"a{scattered:016x}{number:08x}", shapes[number % SHAPES]
