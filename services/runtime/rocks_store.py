"""The RocksDB store: a partition's rows on disk, for sizes beyond memory and for warm restarts.

Rows, the two timelines and the standing are column families of one database, so that the rows of
a batch and where it ended are in one write: all of it survives a kill, or nothing. Power loss may
take the last writes, from the end: the store is older then, and reads on from there.
"""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NoReturn, cast

import orjson
import structlog
from rocksdict import AccessType, Rdict, WriteBatch, WriteOptions

from services.runtime.ports import Standing
from services.runtime.rocks_settings import Budget, database_options
from services.runtime.timeline import Entry, Timeline

ROWS: Final = "default"
DUES: Final = "dues"
FORGETTINGS: Final = "forgettings"
STANDING: Final = "standing"
FAMILIES: Final = (DUES, FORGETTINGS, STANDING)
# A frozen process still holds the lock of its store; whoever replaces it takes the next place.
PLACES_MAX: Final = 8
TORN: Final = "TORN"
_KEY: Final = b"standing"
_BY_KEY: Final = itemgetter(0)
_LOCKED: Final = "lock"
_CORRUPT: Final = "Corruption"
_NOT_ITS_FAULT: Final = ("No space left", "Permission denied", "Read-only file", "Too many open")

_log = structlog.get_logger()


class StoreBrokenError(Exception):
    """The store cannot be read or written (disk full, torn file). Mend the disk, start again.

    Nothing is lost: what is in the store is in the log.
    """


class StoreBusyError(StoreBrokenError):
    """Every place of this store is held by another process. End those that were replaced."""


def entry_key(entry: Entry) -> bytes:
    """The key of an entry on the shelf: in order of instant, then of key."""
    return entry[0].to_bytes(8) + entry[1].encode()


class RocksShelf:
    """A timeline's entries in a column family."""

    def __init__(self, family: Rdict) -> None:
        self._family = family

    def after(self, entry: Entry | None, most: int) -> list[Entry]:
        """The next entries after this one, at most so many."""
        start = b"\0" if entry is None else entry_key(entry) + b"\0"
        found: list[Entry] = []
        keys = cast(Iterator[bytes], self._family.keys(from_key=start))
        for raw in keys:
            found.append((int.from_bytes(raw[:8]), raw[8:].decode()))
            if len(found) == most:
                break
        return found


class RocksStore:
    """The rows of one partition under `folder`; `identity` says whose rows they are."""

    def __init__(self, folder: Path, identity: str, budget: Budget) -> None:
        self._folder = folder
        self._identity = identity
        self._budget = budget
        self._logged = WriteOptions()
        self._unlogged = WriteOptions()
        # Its stub says this is a method.
        self._unlogged.disable_wal = True  # type: ignore[assignment, method-assign]
        self._restoring = False
        self._standing: Standing | None = None
        self._open()

    def get(self, key: str) -> bytes | None:
        """The row, or None."""
        try:
            value: bytes | None = self._database.get(key.encode())
        except Exception as cause:
            self._broken(cause)
        return value

    def apply(
        self,
        rows: Iterable[tuple[str, bytes | None]],
        standing: Standing,
    ) -> None:
        """Take over the rows of a committed batch and where it ended, in one write."""
        before = {} if self._standing is None else self._standing.offsets
        standing = replace(standing, offsets={**before, **standing.offsets})
        batch = self._batch(rows)
        batch.put(_KEY, self._encoded(standing), self._handles[STANDING])
        self._write(batch, self._logged)
        self._standing = standing

    def restore(self, rows: Iterable[tuple[str, bytes | None]]) -> None:
        """Take over rows read from the log; unlogged, for they count once the end is reached."""
        # In order of keys its table takes them faster; the last of a key stays the last.
        batch = self._batch(sorted(rows, key=_BY_KEY))
        if batch.is_empty():
            return
        if not self._restoring:
            self._restoring = True
            self._compact(False)
        self._write(batch, self._unlogged)

    def reached(self, standing: Standing) -> None:
        """All is restored up to here: first the rows are on disk, then it is said."""
        if self._restoring:
            self._flush()
            self._restoring = False
            self._compact(True)
        batch = WriteBatch(raw_mode=True)
        batch.put(_KEY, self._encoded(standing), self._handles[STANDING])
        self._write(batch, self._logged)
        self._standing = standing

    def standing(self) -> Standing | None:
        """Where a restore may begin; None: from nothing."""
        return self._standing

    def scan(self) -> Iterator[tuple[str, bytes]]:
        """Every row, in order of keys."""
        return _scan(self._database)

    def clear(self, cause: str) -> None:
        """Throw everything away, said aloud: the log has it all."""
        _log.warning("store_thrown_away", folder=str(self._folder), cause=cause)
        self.close()
        shutil.rmtree(self._place)
        self._open()

    def close(self) -> None:
        """Close the files; they can be opened again. A handle that is kept would keep the lock."""
        self._handles.clear()
        del self.dues, self.forgettings
        for family in self._families.values():
            family.close()
        self._families.clear()
        self._database.close()

    def _batch(self, rows: Iterable[tuple[str, bytes | None]]) -> WriteBatch:
        batch = WriteBatch(raw_mode=True)
        put, delete = batch.put, batch.delete
        for key, value in rows:
            if value is None:
                delete(key.encode())
            else:
                put(key.encode(), value)
        for name, line in ((DUES, self.dues), (FORGETTINGS, self.forgettings)):
            handle = self._handles[name]
            for entry, there in line.unwritten.items():
                if there:
                    put(entry_key(entry), b"", handle)
                else:
                    delete(entry_key(entry), handle)
        return batch

    def _write(self, batch: WriteBatch, options: WriteOptions) -> None:
        try:
            self._database.write(batch, options)
        except Exception as cause:
            self._broken(cause)
        self.dues.unwritten.clear()
        self.forgettings.unwritten.clear()

    def _flush(self) -> None:
        try:
            self._database.flush()
            for family in self._families.values():
                family.flush()
        except Exception as cause:
            self._broken(cause)

    def _compact(self, on: bool) -> None:
        """Sorting rows into place waits while a restore writes as fast as it reads."""
        for family in (self._database, *self._families.values()):
            family.set_options({"disable_auto_compactions": "false" if on else "true"})

    def _broken(self, cause: Exception) -> NoReturn:
        if _CORRUPT in str(cause):
            (self._place / TORN).touch()
        raise StoreBrokenError(f"{self._place}: {cause}") from cause

    def _encoded(self, standing: Standing) -> bytes:
        row = {
            "identity": self._identity,
            "offsets": dict(standing.offsets),
            "progress": standing.progress.decode(),
            "known_until": standing.known_until,
        }
        return orjson.dumps(row)

    def _open(self) -> None:
        for number in range(PLACES_MAX):
            self._place = self._folder / str(number)
            if self._opened():
                return
            _log.warning("store_is_held", place=str(self._place))
        raise StoreBusyError(f"{self._folder}: all {PLACES_MAX} places are held")

    def _opened(self) -> bool:
        """Open this place, thrown away first if it is no good; False: another process has it."""
        self._place.mkdir(parents=True, exist_ok=True)
        try:
            cause = self._try()
        except Exception as error:
            said = str(error)
            if _LOCKED in said.lower():
                return False
            if any(fault in said for fault in _NOT_ITS_FAULT):
                raise StoreBrokenError(f"{self._place}: {error}") from error
            cause = said
        if cause is None:
            return True
        _log.warning("store_thrown_away", place=str(self._place), cause=cause)
        shutil.rmtree(self._place)
        self._place.mkdir()
        cause = self._try()
        assert cause is None, cause
        return True

    def _try(self) -> str | None:
        """Open the database; why its rows are no good, if so (it is closed again then)."""
        options = database_options(self._budget)
        families = {name: database_options(self._budget) for name in FAMILIES}
        self._database = Rdict(str(self._place), options, column_families=families)
        self._families = {name: self._database.get_column_family(name) for name in FAMILIES}
        get = self._database.get_column_family_handle
        self._handles = {name: get(name) for name in FAMILIES}
        self.dues = Timeline(RocksShelf(self._families[DUES]))
        self.forgettings = Timeline(RocksShelf(self._families[FORGETTINGS]))
        self._standing = None
        self._restoring = False
        raw = self._families[STANDING].get(_KEY)
        if raw is None:
            if next(iter(self._database.keys()), None) is None:
                return None
            cause: str | None = "its restore did not come to an end"
        else:
            row: dict[str, Any] = orjson.loads(raw)
            cause = self._foreign(row["identity"])
            self._standing = _standing(row)
        if cause is not None:
            self.close()
        return cause

    def _foreign(self, identity: str) -> str | None:
        if (self._place / TORN).exists():
            return "a file of it was found torn"
        return None if identity == self._identity else f"it holds the rows of {identity}"


class RocksReading:
    """A store as it is on disk now, though another process may be writing it."""

    def __init__(self, place: Path, budget: Budget) -> None:
        families = {name: database_options(budget) for name in FAMILIES}
        access = AccessType.read_only(False)
        self._database = Rdict(str(place), database_options(budget), families, access)

    def scan(self) -> Iterator[tuple[str, bytes]]:
        """Every row, in order of keys."""
        return _scan(self._database)

    def standing(self) -> Standing | None:
        """What the rows are good for; None: its restore has not come to an end."""
        raw = self._database.get_column_family(STANDING).get(_KEY)
        return None if raw is None else _standing(orjson.loads(raw))

    def close(self) -> None:
        """Close the files."""
        self._database.close()


def _scan(database: Rdict) -> Iterator[tuple[str, bytes]]:
    rows = cast(Iterator[tuple[bytes, bytes]], database.items())
    for key, value in rows:
        yield key.decode(), value


def _standing(row: dict[str, Any]) -> Standing:
    # Stores of before this was kept say when they were written, which does not tell.
    return Standing(row["offsets"], row["progress"].encode(), row.get("known_until", 0))
