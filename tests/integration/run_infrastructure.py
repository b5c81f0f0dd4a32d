"""Takes an infrastructure, says what it took as one line of JSON, and waits to be ended.

Run as a program by test_infrastructure.py: what happens to the servers of a process that is
interrupted, terminated or killed can only be seen from outside of it.
"""

import json
import signal
import sys
from pathlib import Path

from deploy.embedded.resolve import infrastructure


def main(folder: Path | None) -> None:
    """Hold the servers until the input ends or a signal ends this process."""
    # A shell starts what runs in the background deaf to Ctrl-C, and its children with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with infrastructure(folder) as taken:
        answer = {
            "bootstrap": taken.bootstrap,
            "postgres": taken.postgres,
            "chosen": taken.chosen,
            "pids": [taken.kafka.pid, taken.database.pid],
            "folders": [str(taken.kafka.place.folder), str(taken.database.place.folder)],
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
