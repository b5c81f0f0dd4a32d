"""Rows as bytes: what a store keeps takes the memory it needs."""

import tracemalloc

from schemas.topics import REDEMPTION_BALANCES, REDEMPTION_MEMORY
from services.redemption.rows import ROWS, EndedHold
from services.runtime.rowcodec import CoreRows

CODEC = CoreRows(ROWS, REDEMPTION_MEMORY, REDEMPTION_BALANCES)
COUNT = 200
BESIDE_ITS_BYTES_MAX = 200


def test_a_row_that_is_kept_takes_little_more_memory_than_its_bytes() -> None:
    row = EndedHold(hold="h1", ended="lapsed", ended_at=1_780_000_000_000, minor=100)
    size = len(CODEC.write("c/hold/h1", row))
    tracemalloc.start()
    try:
        kept = [CODEC.write("c/hold/h1", row) for _ in range(COUNT)]
        taken = tracemalloc.get_traced_memory()[0] / COUNT
    finally:
        tracemalloc.stop()
    assert len(kept) == COUNT
    assert taken < size + BESIDE_ITS_BYTES_MAX


def test_a_row_reads_as_it_was_written() -> None:
    row = EndedHold(hold="h1", ended="captured", ended_at=1_780_000_000_000, order="o")
    assert CODEC.read("c/hold/h1", CODEC.write("c/hold/h1", row)) == row
    assert CODEC.write("c/answer/x", b'{"u":1}') == b'{"u":1}'
