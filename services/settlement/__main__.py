"""`python -m services.settlement`: runs the loops of settlement until a signal comes."""

import sys

from services.runtime.process import run_process
from services.settlement.worker import loops

if __name__ == "__main__":
    sys.exit(run_process("settlement", loops))
