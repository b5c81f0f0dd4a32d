"""A process that applies batches to a store until it is killed; it says each one it has done."""

import sys
from pathlib import Path

from services.runtime.ports import Standing
from services.runtime.rocks_settings import budget
from services.runtime.rocks_store import RocksStore

ROWS = 200
TOPIC = "state"


def batch(number: int) -> list[tuple[str, bytes | None]]:
    """Every row says the number of the last batch; one comes and goes."""
    rows: list[tuple[str, bytes | None]] = [
        (f"row{i}", b"%d " % number + b"x" * 400) for i in range(ROWS)
    ]
    rows.append(("odd", b"1" if number % 2 else None))
    return rows


def main() -> None:
    """Arguments: folder, first batch."""
    store = RocksStore(Path(sys.argv[1]), "same", budget(8))
    number = int(sys.argv[2])
    while True:
        store.dues.add(number, "row0")
        store.apply(batch(number), Standing({TOPIC: number}, b"%d" % number))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1


if __name__ == "__main__":
    main()
