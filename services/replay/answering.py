"""What `scrip replay` says: a plan, its shadow with what differs, and what applying it posted."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import update

from schemas.money import figure
from schemas.terms import Policy, Terms
from services.replay.applying import ReplayRefusedError, apply_plan, require_person
from services.replay.choice import Choice
from services.replay.differences import Differences, differences
from services.replay.plans import (
    APPLIED,
    PLANNED,
    SHADOWED,
    Plan,
    find_plan,
    make_plan,
)
from services.replay.reading import adjustments, bounds_of
from services.replay.shadows import Shadow, counted
from services.runtime.cli import DONE, NO, PersonMissingError, Said, require_database, require_log
from services.runtime.clocks import SystemClock
from services.runtime.outbox_table import operation
from services.runtime.policies import Policies
from services.runtime.ports import Log
from services.runtime.settings import Settings

SHOWN_MAX: Final = 20
Say = Callable[[str], None]


def plan(settings: Settings, choice: Choice, seconds_max: float, say: Say) -> Said:
    """What would be read and the money it would move; keeps the plan under its hash."""
    who = _person(settings)
    log, engine = require_log(settings), require_database(settings)
    now = SystemClock().now()
    require_person(_policy(log, now).document, who)
    bounds = bounds_of(log, engine, seconds_max, say)
    made = make_plan(log, engine, choice, bounds, made_by=who, now=now, say=say)
    found = {"hash": made.hash, "state": made.state, "made_by": made.made_by, **made.content}
    return Said(found, "\n".join(_planned(made)))


def shadow(settings: Settings, hashed: str, seconds_max: float, say: Say) -> Said:
    """Go on with the plan's shadow to its end, then say what differs; status 1: something does."""
    log, engine = require_log(settings), require_database(settings)
    with engine.connect() as connection:
        made = find_plan(connection, hashed)
    Shadow(log, engine, made, say).run()
    fresh = bounds_of(log, engine, seconds_max, say)
    found = differences(log, engine, made, adjustments(log.reader(), fresh))
    with engine.begin() as connection:
        connection.execute(
            update(operation)
            .where(operation.c.id == made.operation, operation.c.state == PLANNED)
            .values(state=SHADOWED)
        )
        rows = counted(connection, made.hash)
        made = find_plan(connection, made.hash)
    said = {"hash": made.hash, "state": made.state, "rebuilt": rows, **found.as_json()}
    nothing = not (found.comparison.missing or found.accounts_different or found.items_different)
    return Said(said, "\n".join(_shadowed(made, rows, found)), DONE if nothing else NO)


def apply(settings: Settings, hashed: str, seconds_max: float, say: Say) -> Said:
    """Post the plan's adjustments, once; a second person does this."""
    who = _person(settings)
    log, engine = require_log(settings), require_database(settings)
    now = SystemClock().now()
    policy = _policy(log, now)
    require_person(policy.document, who)
    with engine.connect() as connection:
        made = find_plan(connection, hashed)
    count = 0
    if made.state != APPLIED:
        known = adjustments(log.reader(), bounds_of(log, engine, seconds_max, say))
        count = apply_plan(engine, made, who, Terms(now, policy), known)
    with engine.connect() as connection:
        made = find_plan(connection, hashed)
    found = {
        "hash": made.hash,
        "operation": made.operation,
        "made_by": made.made_by,
        "approved_by": made.approved_by,
        "posted": count,
        "repeated": count == 0,
    }
    text = f"{made.operation}: {count} adjusting facts posted, approved by {made.approved_by}"
    if count == 0:
        text = f"{made.operation}: applied before by {made.approved_by}, or nothing to post"
    return Said(found, text)


def _person(settings: Settings) -> str:
    if not settings.user:
        raise PersonMissingError("SCRIP_USER is missing: who you are among the policy's people")
    return settings.user


def _policy(log: Log, now: int) -> Policy:
    policies = Policies(log.reader())
    policies.refresh()
    policy = policies.in_force(now)
    if policy is None:
        raise ReplayRefusedError("no policy is in force yet: scrip policy apply FILE")
    return policy


def _planned(made: Plan) -> list[str]:
    content = made.content
    lines = [f"choice: {content['choice'] or 'everything'}"]
    lines += [f"reads {count:>10,}  {topic}" for topic, count in content["reads"].items()]
    lines += [f"facts {count:>10,}  {type}" for type, count in content["facts"].items()]
    for currency, entities in content["money"].items():
        for entity, sums in entities.items():
            said = {name: figure(minor, currency) for name, minor in sums.items()}
            lines.append(
                f"{entity} {currency}: moves {said['moved']}, posted {said['posted']}, to adjust "
                f"{said['adjust']}; liability {said['liability']}, posted "
                f"{said['liability_posted']}"
            )
    lines += [_gl(row) for row in content["gl"][:SHOWN_MAX]]
    lines.append(f"{content['adjustments']['facts']} facts would be adjusted")
    lines.append(f"plan {made.hash} by {made.made_by}, {made.state}")
    return lines


def _shadowed(made: Plan, rows: dict[str, int], found: Differences) -> list[str]:
    lines = [
        f"rebuilt {rows['fact']:,} facts, {rows['line']:,} lines, {rows['item']:,} items, "
        f"{rows['account_row']:,} rows of accounts",
        f"accounts: {found.accounts_different} of {found.accounts_checked} differ",
    ]
    lines += [f"  {one['account']}: {_fields(one['fields'])}" for one in found.accounts[:SHOWN_MAX]]
    gl = found.comparison.gl_differences()
    lines.append(f"GL accounts: {len(gl)} differ, by {len(found.comparison.missing)} facts")
    lines += [f"  {_gl(row)}" for row in gl[:SHOWN_MAX]]
    lines.append(f"items: {found.items_different} of {found.items_checked} differ")
    lines += [
        f"  {one['item']}: should be {one['should']}, is {one['is']}"
        for one in found.items[:SHOWN_MAX]
    ]
    lines.append(f"plan {made.hash} by {made.made_by}, {made.state}")
    return lines


def _fields(fields: dict[str, dict[str, Any]]) -> str:
    return ", ".join(f"{n} is {s['is']!r}, should {s['should']!r}" for n, s in fields.items())


def _gl(row: dict[str, Any]) -> str:
    names = ("posted", "should", "difference")
    posted, should, difference = (figure(row[name], row["currency"]) for name in names)
    return (
        f"{row['entity']} {row['account']} {row['currency']}: {posted} posted, "
        f"{should} should be, {difference} to post"
    )
