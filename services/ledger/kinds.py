"""The names of the ledger's operations."""

from typing import Final

CLOSE_PERIOD: Final = "close_period"
RECOGNIZE_BREAKAGE: Final = "recognize_breakage"
