"""`python -m services.ledger`: runs the loops of ledger until a signal comes."""

import sys

from services.ledger.worker import loops
from services.runtime.process import run_process

if __name__ == "__main__":
    sys.exit(run_process("ledger", loops))
