"""What Kafka says when another process has our name, and what its silence means: nothing."""

from collections.abc import Iterable, Iterator

import pytest
from confluent_kafka import KafkaError

from deploy.embedded.places import free_ports
from services.runtime.kafka_fences import LIVES_SECONDS, Whose, is_fence, require_name, whose

TOLD = "Broker: Static consumer fenced by other consumer with same group.instance.id"


@pytest.mark.parametrize(
    ("error", "fence"),
    [
        (KafkaError(KafkaError.FENCED_INSTANCE_ID), True),
        (KafkaError(KafkaError._FENCED), True),
        (KafkaError(KafkaError._FATAL, f"Fatal error: {TOLD}: Fatal consumer error: {TOLD}"), True),
        (KafkaError(KafkaError._FATAL, "Fatal error: something else"), False),
        (KafkaError(KafkaError._ALL_BROKERS_DOWN), False),
    ],
)
def test_a_fence_is_known_in_each_of_its_forms(error: KafkaError, fence: bool) -> None:
    assert is_fence(error) == fence


def test_a_broker_that_is_away_says_nothing_against_our_name() -> None:
    (port,) = free_ports(1)
    require_name(f"127.0.0.1:{port}", "group", "slot", "member", wait=0.2)


class Days:
    """Seconds that pass only where somebody rests."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> float:
        """Seconds since the beginning."""
        return self.passed

    def rest(self, seconds: float) -> None:
        """They pass."""
        self.passed += seconds


def asked(answers: Iterable[str | None]) -> tuple[Whose, float]:
    """What is made of these answers about the name of "ours", the last of them for ever; when."""
    days, said = Days(), _for_ever(answers)
    found = whose(lambda: next(said), "ours", seconds=days.now, resting=days.rest)
    return found, days.passed


def _for_ever(answers: Iterable[str | None]) -> Iterator[str | None]:
    last: str | None = None
    for last in answers:
        yield last
    while True:
        yield last


def test_a_name_that_its_group_still_gives_us_is_ours() -> None:
    assert asked(["ours"]) == (Whose.OURS, 0.0)


def test_a_name_is_another_process_s_once_that_has_outlived_a_session() -> None:
    found, seconds = asked(["other"])
    assert found is Whose.ANOTHERS
    assert LIVES_SECONDS < seconds <= LIVES_SECONDS + 1.0


def test_a_name_of_a_member_that_nobody_is_is_ours_once_the_group_has_forgotten_it() -> None:
    assert asked(["other"] * 12 + [""]) == (Whose.OURS, 6.5)


def test_a_name_that_nobody_has_is_ours_only_if_that_is_said_twice() -> None:
    assert asked(["", ""]) == (Whose.OURS, 0.5)
    assert asked(["other", "", "other"])[0] is Whose.ANOTHERS


def test_a_name_that_changes_hands_is_another_process_s() -> None:
    assert asked(["one", "two"]) == (Whose.ANOTHERS, 0.5)


def test_nothing_is_made_of_a_name_that_nobody_speaks_of() -> None:
    assert asked(["other", None])[0] is Whose.UNKNOWN
