"""`python -m services.issuance`: runs the loops of issuance until a signal comes."""

import sys

from services.issuance.worker import loops
from services.runtime.process import run_process

if __name__ == "__main__":
    sys.exit(run_process("issuance", loops))
