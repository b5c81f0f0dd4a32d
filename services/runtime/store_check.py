"""`scrip stores check`: what lies on this machine's disk of workers' rows, against their topics."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from schemas.errors import ScripError
from schemas.topics import (
    ISSUANCE_COMMANDS,
    ISSUANCE_MEMORY,
    REDEMPTION_BALANCES,
    REDEMPTION_COMMANDS,
    REDEMPTION_MEMORY,
    Topic,
)
from services.runtime.checksum import StoreIsNotRestoredError, compare
from services.runtime.cli import DONE, NO, Said, require_log
from services.runtime.clocks import SystemClock
from services.runtime.ports import StateReader
from services.runtime.rocks_settings import Budget, budget
from services.runtime.rocks_store import RocksReading
from services.runtime.settings import Settings
from services.runtime.standing import disbelieved

CACHE_MIB: Final = 64
STATE: Final[Mapping[str, tuple[Topic, ...]]] = {
    ISSUANCE_COMMANDS.name: (ISSUANCE_MEMORY,),
    REDEMPTION_COMMANDS.name: (REDEMPTION_BALANCES, REDEMPTION_MEMORY),
}


class NoStoreError(ScripError):
    """There is no store of this installation in the folder: SCRIP_STORE_FOLDER names another."""


def check(settings: Settings) -> Said:
    """Compare every store with the changelog; status 1: a row is not what the log says.

    Workers may go on meanwhile. A store that is being restored, or that would not be believed, is
    said and not compared: its worker throws it away. Raises NoStoreError.
    """
    folder = settings.store_folder
    places = sorted(_places(folder, settings.namespace))
    if not places:
        raise NoStoreError(f"no store of this installation in {folder} (SCRIP_STORE_FOLDER)")
    reader, shared = require_log(settings).reader(), budget(CACHE_MIB)
    rows = [{"store": str(p.relative_to(folder)), **_checked(p, reader, shared)} for p in places]
    differing = sum(row["state"] == "differs" for row in rows)
    lines = [_line(row) for row in rows]
    lines.append(f"{len(rows)} stores, {differing} differ from their topics")
    return Said(
        {"stores": rows, "differing": differing}, "\n".join(lines), NO if differing else DONE
    )


def _places(folder: Path, namespace: str) -> Iterator[Path]:
    """`<owner>/<topic>-<partition>/<place>` of every store of ours."""
    start = f"{namespace}." if namespace else ""
    for place in folder.glob("*/*/*"):
        owner, store = place.parts[-3:-1]
        topic, _, number = store.rpartition("-")
        service = topic.split(".")[1] if topic in STATE else ""
        if service and number.isdecimal() and owner.startswith(f"{start}{service}."):
            yield place


def _checked(place: Path, reader: StateReader, shared: Budget) -> dict[str, Any]:
    topic, _, number = place.parent.name.rpartition("-")
    reading = RocksReading(place, shared)
    try:
        standing = reading.standing()
        if standing is not None:
            ends = {t.name: reader.end_in_doubt(t.name, int(number)) for t in STATE[topic]}
            cause = disbelieved(standing, ends, SystemClock().wall())
            if cause is not None:
                return {"state": "not believed", "cause": cause}
        found = compare(reading, reader, STATE[topic], int(number))
    except StoreIsNotRestoredError:
        return {"state": "not restored"}
    finally:
        reading.close()
    return {"state": "differs" if found.differing else "as logged", **asdict(found)}


def _line(row: Mapping[str, Any]) -> str:
    if "rows_stored" not in row:
        return ": ".join(row[name] for name in ("store", "state", "cause") if name in row)
    told = f"{row['rows_stored']} rows, {row['sum_stored']}"
    if row["differing"]:
        told += f"; not as logged: {', '.join(row['differing'])}"
    return f"{row['store']}: {row['state']}, {told}"
