"""A day's story with tax and two entities, played with books kept rightly or by a bad deploy."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from schemas.terms import Terms
from services.ledger import chart
from services.replay.choice import Choice
from services.replay.plans import Plan, make_plan
from services.replay.reading import bounds_of
from services.runtime.policies import Policies
from services.runtime.ports import Log
from services.stories.playing import Play
from services.stories.reading import Story, read_story
from services.stories.stage import Stage

NOW = 1_779_000_000_000  # 2026-05-17
STORY = """
policy:
  network: {currency: USD, timezone: America/New_York, parent: HQ}
  entities: {HQ: {}, E1: {}, E2: {}}
  locations:
    F1: {entity: E1, franchise: A, jurisdiction: US-NY}
    F2: {entity: E2, franchise: B, jurisdiction: US-CA}
  programmes: {gift: {kind: card, currency: USD, reloadable: true}}
  settlement: {enabled: true, cross_franchise: true}
cards: {c1: gift, c2: gift, c3: gift}
story:
  - {at: 2026-05-01T10:00:00-04:00, do: sell_card, id: s1, card: c1, value: 20000, tender: cash,
     place: {location: F1}}
  - {at: 2026-05-01T10:01:00-04:00, do: sell_card, id: s2, card: c2, value: 5000, tender: card,
     place: {location: F2}}
  - {at: 2026-05-02T12:00:00-04:00, do: redeem, id: r1, account: c1, amount: 5400,
     place: {location: F1},
     lines: [{line: 1, category: service, amount: 5000}, {line: 2, category: tax, amount: 400}]}
  - {at: 2026-05-03T12:00:00-04:00, do: redeem, id: r2, account: c1, amount: 3240,
     place: {location: F2},
     lines: [{line: 1, category: product, amount: 3000}, {line: 2, category: tax, amount: 240}]}
  - {at: 2026-05-04T12:00:00-04:00, do: redeem, id: r3, account: c2, amount: 1000,
     place: {location: F2}, lines: [{line: 1, category: service, amount: 1000}]}
"""


def story() -> Story:
    """The story."""
    return read_story("day.yaml", STORY, lambda name: name)


def play(stage: Stage) -> Play:
    """The whole story on a stage, which stays open."""
    return play_on(begun(stage), 0)


def begun(stage: Stage) -> Play:
    """The story on a stage, before its first step."""
    played = Play(story(), stage)
    played.begin()
    return played


def play_on(played: Play, start: int, end: int | None = None) -> Play:
    """The steps from `start` up to `end`."""
    for step in story().steps[start:end]:
        played.step(step)
    return played


@contextmanager
def bad_deploy() -> Iterator[None]:
    """A version of the ledger that posts tax as revenue."""
    tax = chart.CATEGORIES.pop("tax")
    try:
        yield
    finally:
        chart.CATEGORIES["tax"] = tax


def quiet(_line: str) -> None:
    """Nobody listens."""


def planned(
    log: Log,
    engine: Engine,
    choice: Choice | None = None,
    made_by: str = "ann",
    say: Callable[[str], None] = quiet,
) -> Plan:
    """A plan as of now."""
    bounds = bounds_of(log, engine, 0.0, say)
    return make_plan(log, engine, choice or Choice(), bounds, made_by=made_by, now=NOW, say=say)


def terms(log: Log) -> Terms:
    """Now, and the policy in force."""
    policies = Policies(log.reader())
    policies.refresh()
    policy = policies.in_force(NOW)
    assert policy is not None
    return Terms(NOW, policy)
