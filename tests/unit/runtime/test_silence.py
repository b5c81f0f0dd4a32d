"""A log that says nothing for a while has not said that it ends: nobody takes silence for the end.

A broker under load answers a reader late. What stood behind the silence was once taken for
nothing: a plan's topic for torn, a policy for the first, a copy for whole.
"""

import pytest

from schemas.topics import REDEMPTION_EVENTS
from services.replay.reading import TornTopicError, batches
from services.runtime import slices
from services.runtime.policies import Policies
from services.runtime.policy_admin import apply_policy
from services.runtime.ports import TopicPartition
from services.runtime.records import Staged
from services.runtime.slices import SilentLogError, records_now
from services.verify.tail import Tail
from tests.silent_log import SilentLog
from tests.small_world import POLICY_DOCUMENT, START, SmallWorld, money, prepared

SILENCES = 3
PLACE: TopicPartition = (REDEMPTION_EVENTS.name, 0)


@pytest.fixture
def log() -> SilentLog:
    made = SilentLog()
    for number in range(7):
        staged = Staged(*PLACE, START, b"k", b"%d" % number)
        made.append(staged)
    made.silences = SILENCES
    return made


def test_every_record_is_read_however_often_the_log_says_nothing(log: SilentLog) -> None:
    assert [r.offset for r in records_now(log.reader(), *PLACE)] == list(range(7))
    assert [r.offset for r in records_now(log.reader(), *PLACE, 5)] == [5, 6]


def test_a_log_that_stays_silent_is_an_error_and_not_an_end(
    log: SilentLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SILENCE_SECONDS_MAX", 0.05)
    log.silences = 1_000_000
    with pytest.raises(SilentLogError, match=r"ends at 7, and nothing from 0 on came"):
        list(records_now(log.reader(), *PLACE))


def test_a_replay_waits_for_facts_it_is_to_read_and_calls_no_topic_torn(log: SilentLog) -> None:
    assert [after for _, after in batches(log.reader(), PLACE, 0, 7, 3)] == [3, 6, 7]
    assert [after for _, after in batches(log.reader(), PLACE, 0, 5, 3)] == [3, 5]


def test_a_topic_that_ends_before_what_was_read_of_it_is_torn(log: SilentLog) -> None:
    with pytest.raises(TornTopicError, match="ends at 7, 9 were read"):
        list(batches(log.reader(), PLACE, 0, 9))


def test_a_policy_applied_while_the_log_is_silent_becomes_the_next_version_not_the_first() -> None:
    world = SmallWorld(log=(log := SilentLog()))
    log.silences = SILENCES
    for version in (1, 2):
        document = {**POLICY_DOCUMENT, "refund_days": 700 + version}
        applied = apply_policy(log, document, world.seals, now=START)
        assert applied.version == version
    policies = Policies(log.reader())
    policies.refresh()
    assert [policy.version for policy in policies.all()] == [1, 2]


def test_a_verification_sees_all_that_is_there(log: SilentLog) -> None:
    tail = Tail(log)
    assert tail.read_on((REDEMPTION_EVENTS,)) == 7
    assert tail.read_on((REDEMPTION_EVENTS,)) == 0


def test_workers_restore_and_answer_on_a_log_that_is_silent_at_first() -> None:
    world = SmallWorld(log=(log := SilentLog()))
    world.memory = log
    world.publish_policy()
    prepared(world, "c1")
    world.start()
    world.settle()
    log.silences = SILENCES
    world.start()
    world.send("sell_card", "c1", "s1", value=money(2_500), tender="cash", place={"location": "F1"})
    world.settle()
    assert world.reply("s1")["outcome"] == "accepted"
