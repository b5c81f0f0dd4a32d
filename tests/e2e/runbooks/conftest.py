"""A whole installation for a runbook: every service at work on a real broker and database."""

from collections.abc import Iterator

import pytest

from deploy.embedded.resolve import Infrastructure
from services.stories.live import LiveStage
from tests.replayed import story


@pytest.fixture
def stage(infra: Infrastructure, namespace: str) -> Iterator[LiveStage]:
    """All services, in a namespace of their own that is gone afterwards."""
    opened = LiveStage(infra, namespace, story().document.network.timezone)
    try:
        yield opened
    finally:
        opened.close()
