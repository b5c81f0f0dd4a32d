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
    """Every fifth has a lot that expires, every twentieth an open hold."""
    minor = 500 + 37 * (number % 271)
    sold_at = START - (number % 700) * DAY
    held = 100 if number % 20 == 0 else 0
    lot = Lot(
        lot=f"sale-{number:08d}",
        origin="paid",
        location=f"F{number % 40}",
        entity=f"E{number % 7}",
        programme="gift",
        jurisdiction="US-NY",
        cohort="2026-01",
        minor=minor,
        held=held,
        funded=minor,
        face_start=minor + 500,
        funded_start=minor + 500,
        sold_at=sold_at,
        expires_at=START + (30 + number % 2_000) * DAY if number % 5 == 0 else None,
    )
    where = Where(location=f"F{number % 40}", entity=f"E{number % 7}", channel="pos", register="3")
    account = Account(
        kind="card",
        programme="gift",
        currency="USD",
        life=1,
        state="Activated",
        ledger=minor,
        held=held,
        lots=[lot],
        sale=Sale(
            sale=lot.lot,
            tender="cash",
            price_minor=minor + 500,
            face_minor=minor + 500,
            lots=[lot.lot],
            where=where,
        ),
        used=True,
        loaded_at=sold_at,
    )
    if held:
        account.holds.append(
            Hold(
                hold=f"hold-{number}",
                minor=held,
                draws=[Draw(lot=lot.lot, minor=held)],
                placed_at=START,
                ends_at=START + 7 * DAY + number,
                where=where,
            )
        )
    return account


def rows(count: int) -> Iterator[tuple[str, bytes]]:
    """Key and row of so many accounts, keys in no order of use to a store."""
    shapes = [CODEC.write("a", _account(number)) for number in range(SHAPES)]
    for number in range(count):
        scattered = (number * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        yield f"a{scattered:016x}{number:08x}", shapes[number % SHAPES]
