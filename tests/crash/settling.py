"""A program that carries settlement runs through to their close, and may be killed anywhere.

Its arguments are `<run> <first instant, ms UTC>`; called again with the same it goes on.
"""

import sys

from schemas.instants import MINUTE
from schemas.terms import Terms
from services.runtime.assembly import open_log, wait_for_policy
from services.runtime.policies import Policies
from services.runtime.settings import read_settings
from services.settlement.operations import SYSTEM, carry_out, state_of
from services.settlement.outcome.operations import advance, next_due
from services.settlement.runs import RunOrder
from services.settlement.worker import desk_of

DAY = 24 * 60 * MINUTE
DUES_MAX = 50


def settle_until_closed() -> int:
    """Carry the run out, then let its days pass until it is closed; 0."""
    name, begun = sys.argv[1], int(sys.argv[2])
    settings = read_settings()
    desk = desk_of(settings)
    policy = wait_for_policy(Policies(open_log(settings).reader()))
    carry_out(desk, RunOrder(name, SYSTEM.maker), SYSTEM.checker, Terms(begun, policy))
    # Whoever was killed while sending finds it out later: then the file is looked for.
    now = begun + 11 * MINUTE
    for _ in range(DUES_MAX):
        advance(desk, Terms(now, policy))
        if state_of(desk, name) == "closed":
            return 0
        with desk.engine.begin() as connection:
            due = next_due(connection, now)
        if due is None:
            sys.stderr.write(f"{name} is {state_of(desk, name)}, and nothing falls due\n")
            return 1
        now = due
    return 1
