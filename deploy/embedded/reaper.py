"""Removes one container once told to end; a guard tells it so when the container's owner is gone.

Run as a program of its own by `docker.py`: ``python reaper.py CONTAINER_ID``.
"""

import signal
import sys

import docker  # type: ignore[import-untyped]
from docker.errors import NotFound  # type: ignore[import-untyped]


def main(container_id: str) -> None:
    """Wait for SIGTERM, then remove the container and its data, if its owner has not."""
    signal.sigwait({signal.SIGTERM})
    client = docker.from_env()
    try:
        client.containers.get(container_id).remove(force=True, v=True)
    except NotFound:
        return
    finally:
        client.close()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main(sys.argv[1])
