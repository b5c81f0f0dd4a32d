"""Replay: a plan says what it would move, a shadow finds what differs, applying mends it once."""

from collections.abc import Iterator

import pytest
from sqlalchemy import delete, func, select, update

from schemas.topics import DEADLETTERS, REDEMPTION_REPLIES, SETTLEMENT_BATCHES, TOPICS
from services.ledger import tables as ledger
from services.ledger.views import trial_balance
from services.replay.applying import ReplayRefusedError, apply_plan
from services.replay.choice import Choice
from services.replay.differences import Differences, differences
from services.replay.plans import SHADOWED, Plan, PlanUnknownError, find_plan
from services.replay.reading import LateError, adjustments, bounds_of
from services.replay.shadows import RivalShadowError, Shadow, counted
from services.replay.tables import account_row, position
from services.runtime.outbox_table import operation
from services.settlement import tables as settlement
from services.stories.world import World
from services.verify.examining import examine
from tests.replayed import NOW, bad_deploy, planned, play, quiet, story, terms


@pytest.fixture
def world() -> Iterator[World]:
    opened = World(story().begins, "America/New_York")
    yield opened
    opened.close()


@pytest.fixture
def wrong(world: World) -> World:
    """A day that a bad deploy kept the books of; the mended version runs now."""
    with bad_deploy():
        play(world)
    return world


def shadowed(world: World, plan: Plan) -> Differences:
    assert Shadow(world.log, world.engine, plan, quiet).run()
    known = adjustments(world.log.reader(), bounds_of(world.log, world.engine, 0.0, quiet))
    with world.engine.begin() as connection:
        mine = operation.c.id == plan.operation
        connection.execute(update(operation).where(mine).values(state=SHADOWED))
    return differences(world.log, world.engine, plan, known)


def apply(world: World, plan: Plan, by: str = "bob") -> int:
    known = adjustments(world.log.reader(), bounds_of(world.log, world.engine, 0.0, quiet))
    posted = apply_plan(world.engine, plan, by, terms(world.log), known)
    world.settle()
    return posted


def books(world: World) -> dict[str, dict[str, int]]:
    with world.engine.connect() as connection:
        return trial_balance(connection)["USD"]


def records(world: World) -> dict[str, int]:
    return {
        topic.name: sum(
            len(world.log.read(topic.name, n, 0, 100_000)[0])
            for n in range(world.log.partitions(topic.name))
        )
        for topic in TOPICS
    }


def test_books_that_were_kept_rightly_have_nothing_to_adjust(world: World) -> None:
    play(world)
    plan = planned(world.log, world.engine)
    assert (plan.content["gl"], plan.content["adjustments"]["facts"]) == ([], 0)
    found = shadowed(world, plan)
    assert found.accounts_checked == 2
    assert found.items_checked == 2
    assert (found.accounts, found.items, found.comparison.missing) == ([], [], {})
    assert apply(world, plan) == 0


def test_a_plan_says_the_money_by_currency_and_entity_and_writes_nothing_but_itself(
    wrong: World,
) -> None:
    before = records(wrong)
    plan = planned(wrong.log, wrong.engine)
    assert plan.content["money"]["USD"]["E1"]["adjust"] == 400
    assert plan.content["money"]["USD"]["E2"]["adjust"] == 240
    assert plan.content["money"]["USD"]["E1"]["liability"] == 20_000 - 5_400 - 3_240
    assert plan.content["gl"] == [
        {
            "currency": "USD",
            "entity": entity,
            "account": account,
            "should": -should,
            "posted": -posted,
            "difference": posted - should,
        }
        for entity, account, should, posted in (
            ("E1", "2200", 400, 0),
            ("E1", "4000", 5_000, 5_400),
            ("E2", "2200", 240, 0),
            ("E2", "4000", 4_000, 4_240),
        )
    ]
    assert plan.content["adjustments"]["facts"] == 2
    assert plan.content["facts"]["hold_captured"] == 3
    assert records(wrong) == before
    with wrong.engine.connect() as connection:
        rows = connection.execute(select(operation)).mappings().all()
    assert [(row["kind"], row["made_by"], row["state"]) for row in rows] == [
        ("replay", "ann", "planned")
    ]


def test_applied_adjustments_bring_the_books_to_what_the_rules_say(wrong: World) -> None:
    plan = planned(wrong.log, wrong.engine)
    shadowed(wrong, plan)
    before = records(wrong)
    assert apply(wrong, plan) == 2
    right = World(story().begins, "America/New_York")
    try:
        play(right)
        assert books(wrong) == books(right)
    finally:
        right.close()
    after = records(wrong)
    for untouched in (REDEMPTION_REPLIES, SETTLEMENT_BATCHES, DEADLETTERS):
        assert after[untouched.name] == before[untouched.name]


def test_wrong_journals_stay_as_they_are_and_every_invariant_holds_again(wrong: World) -> None:
    with wrong.engine.connect() as connection:
        before = set(connection.execute(select(ledger.journal.c.content)).scalars())
    assert not examine(wrong.log, wrong.engine, quiet, seconds_max=0.0).holds
    plan = planned(wrong.log, wrong.engine)
    shadowed(wrong, plan)
    apply(wrong, plan)
    with wrong.engine.connect() as connection:
        after = set(connection.execute(select(ledger.journal.c.content)).scalars())
    assert before < after
    found = examine(wrong.log, wrong.engine, quiet, seconds_max=0.0)
    assert [v.name for v in found.verdicts if not v.holds] == []


def test_applying_twice_posts_once_and_a_new_plan_finds_nothing_left(wrong: World) -> None:
    plan = planned(wrong.log, wrong.engine)
    shadowed(wrong, plan)
    assert apply(wrong, plan) == 2
    mended = books(wrong)
    assert apply(wrong, plan) == 0
    assert apply(wrong, plan, by="eve") == 0
    assert books(wrong) == mended
    again = planned(wrong.log, wrong.engine)
    assert again.content["adjustments"]["facts"] == 0
    shadowed(wrong, again)
    assert apply(wrong, again) == 0


def test_two_plans_of_the_same_facts_never_adjust_them_twice(wrong: World) -> None:
    first = planned(wrong.log, wrong.engine)
    second = planned(wrong.log, wrong.engine, Choice(types=("hold_captured",)))
    for plan in (first, second):
        shadowed(wrong, plan)
    known = adjustments(wrong.log.reader(), bounds_of(wrong.log, wrong.engine, 0.0, quiet))
    assert apply_plan(wrong.engine, first, "bob", terms(wrong.log), known) == 2
    with pytest.raises(ReplayRefusedError, match="another plan"):
        apply_plan(wrong.engine, second, "bob", terms(wrong.log), known)
    wrong.settle()
    with pytest.raises(ReplayRefusedError, match="plan again"):
        apply(wrong, second)


def test_who_made_the_plan_cannot_apply_it(wrong: World) -> None:
    plan = planned(wrong.log, wrong.engine)
    shadowed(wrong, plan)
    with pytest.raises(ReplayRefusedError, match="second person"):
        apply(wrong, plan, by="ann")


def test_a_plan_without_a_finished_shadow_is_not_applied(wrong: World) -> None:
    with pytest.raises(ReplayRefusedError, match="shadow"):
        apply(wrong, planned(wrong.log, wrong.engine))


def test_a_plan_is_known_by_its_hash_and_by_a_beginning_of_it(wrong: World) -> None:
    plan = planned(wrong.log, wrong.engine)
    assert planned(wrong.log, wrong.engine, made_by="bob") == plan
    with wrong.engine.connect() as connection:
        assert find_plan(connection, plan.hash[:8]) == plan
        for unknown in (plan.hash[:7], "0" * 64):
            with pytest.raises(PlanUnknownError):
                find_plan(connection, unknown)


def test_a_shadow_that_was_killed_goes_on_where_it_was(wrong: World) -> None:
    plan = planned(wrong.log, wrong.engine)
    said: list[str] = []
    rounds = iter([False, False, True])
    killed = Shadow(wrong.log, wrong.engine, plan, said.append, records_max=1)
    assert not killed.run(lambda: next(rounds))
    with wrong.engine.connect() as connection:
        [at] = connection.execute(select(position)).all()
    assert len(said) == 2
    assert 0 < at.next_offset < plan.bounds[at.topic, at.partition]
    found = shadowed(wrong, plan)
    whole = planned(wrong.log, wrong.engine, Choice(until=NOW))
    assert found.as_json() == shadowed(wrong, whole).as_json()
    with wrong.engine.connect() as connection:
        mine, theirs = counted(connection, plan.hash), counted(connection, whole.hash)
    assert mine == theirs


def test_two_shadows_of_one_plan_do_not_count_anything_twice(wrong: World) -> None:
    plan = planned(wrong.log, wrong.engine)
    slow = Shadow(wrong.log, wrong.engine, plan, quiet)

    def overtaken() -> bool:
        assert Shadow(wrong.log, wrong.engine, plan, quiet).run()
        return False

    with pytest.raises(RivalShadowError):
        slow.run(overtaken)


def test_a_balance_that_postgresql_has_wrong_is_named(wrong: World) -> None:
    with wrong.engine.begin() as connection:
        table = ledger.account_state
        connection.execute(update(table).where(table.c.account == "c2").values(ledger_minor=1))
    found = shadowed(wrong, planned(wrong.log, wrong.engine, Choice(accounts=("c2",))))
    account = found.accounts[0]["account"]
    assert found.accounts == [
        {"account": account, "fields": {"ledger_minor": {"should": 4_000, "is": 1}}}
    ]
    assert found.accounts_checked == 1


def test_an_item_that_is_missing_and_one_that_differs_are_named(wrong: World) -> None:
    with wrong.engine.begin() as connection:
        table = settlement.item
        connection.execute(delete(table).where(table.c.category == "tax"))
        connection.execute(update(table).values(amount=1))
    found = shadowed(wrong, planned(wrong.log, wrong.engine))
    assert found.items_different == 2
    said = [(one["should"]["amount"], one["is"] and one["is"]["amount"]) for one in found.items]
    assert sorted(said, key=str) == [(240, None), (900, 1)]


def test_live_books_are_not_compared_before_workers_and_sinks_have_caught_up(
    wrong: World,
) -> None:
    with wrong.engine.begin() as connection:
        table = ledger.progress
        connection.execute(update(table).values(sequences={}))
    with pytest.raises(LateError, match="ledger sink"):
        bounds_of(wrong.log, wrong.engine, 0.0, quiet)


def test_a_shadow_leaves_the_rows_of_accounts_it_has_folded(wrong: World) -> None:
    plan = planned(wrong.log, wrong.engine)
    shadowed(wrong, plan)
    with wrong.engine.connect() as connection:
        query = select(func.count()).select_from(account_row)
        assert connection.execute(query.where(account_row.c.key.in_(["c1", "c2"]))).scalar() == 2
