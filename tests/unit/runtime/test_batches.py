"""How many records a batch has follows from how long the latest took."""

from services.runtime.batch import BATCH_SECONDS, RECORDS_MIN, BatchSize


def test_a_batch_that_took_too_long_makes_the_next_half_of_what_it_was() -> None:
    size = BatchSize()
    size.learn(600, BATCH_SECONDS * 8)  # 600 sweeps may be 120,000 commands
    assert size.records == 300
    size.learn(300, BATCH_SECONDS / 2)
    assert size.records == 600
    size.learn(1, BATCH_SECONDS * 2)
    assert size.records == RECORDS_MIN
    size.shrink()
    assert size.records == RECORDS_MIN
