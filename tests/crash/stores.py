"""What lies on disk of workers' rows, checked as `scrip stores check` does."""

from pathlib import Path

from services.local.announcing import settings_of
from services.local.machine import Machine
from services.runtime.cli import Said
from services.runtime.settings import Settings
from services.runtime.store_check import check


def said_of(machine: Machine, folder: Path) -> Said:
    """What the command says of an installation's stores."""
    return check(Settings(**settings_of(machine) | {"store_folder": folder}))


def checked(machine: Machine, folder: Path) -> int:
    """The rows of a store for each partition, which are those that were logged."""
    said = said_of(machine, folder)
    assert said.status == 0, said.text
    stores = said.found["stores"]
    assert [store["state"] for store in stores] == ["as logged"] * machine.partitions
    assert all(store["sum_stored"] == store["sum_logged"] for store in stores)
    return sum(store["rows_stored"] for store in stores)
