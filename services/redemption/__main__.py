"""`python -m services.redemption`: runs the loops of redemption until a signal comes."""

import sys

from services.redemption.worker import loops
from services.runtime.process import run_process

if __name__ == "__main__":
    sys.exit(run_process("redemption", loops))
