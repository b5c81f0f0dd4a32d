"""A program that carries settlement runs through to their close, and may be killed anywhere.

Its arguments are `<run> <first instant, ms UTC>`; called again with the same it goes on. With a
third, `beside`, another process carries the same run out: then a step may be refused because the
other has taken it, and this one looks again where the run stands.
"""

import sys

from schemas.instants import MINUTE
from schemas.terms import Terms
from services.runtime.assembly import open_log, wait_for_policy
from services.runtime.policies import Policies
from services.runtime.settings import read_settings
from services.settlement.bank import Delivery, Shipment
from services.settlement.delivery.bank import Finding, resolve_delivery
from services.settlement.delivery.operations import Desk, content_of
from services.settlement.operations import SYSTEM, carry_out, state_of
from services.settlement.outcome.operations import advance, next_due
from services.settlement.plans.tables import files_of
from services.settlement.runs import RunOrder, RunRefusedError
from services.settlement.worker import desk_of

DAY = 24 * 60 * MINUTE
DUES_MAX = 50
OVERTAKEN_MAX = 10
BESIDE = "beside"


def _find_out(desk: Desk, name: str, terms: Terms) -> None:
    """Two people look into the bank's folder where nobody knows whether a file is there."""
    with desk.engine.begin() as connection:
        for row in files_of(connection, name):
            if row["state"] != "delivery_unknown":
                continue
            content = content_of(desk.vault, row)
            assert content is not None, "the file was built here"
            found = desk.bank.look_for(Shipment(row["name"], content, row["sha256"]))
            there = found is Delivery.DELIVERED
            finding = Finding(name, row["number"], there, "we looked", "ann", "bob")
            resolve_delivery(connection, finding, terms)


def settle_until_closed() -> int:
    """Carry the run out, then let its days pass until it is closed; 0."""
    name, begun, *more = sys.argv[1:]
    settings = read_settings()
    desk = desk_of(settings)
    policy = wait_for_policy(Policies(open_log(settings).reader()))
    for _ in range(OVERTAKEN_MAX if BESIDE in more else 1):
        try:
            return _until_closed(desk, name, Terms(int(begun), policy))
        except RunRefusedError as refusal:
            sys.stderr.write(f"refused: {refusal}\n")
    return 1


def _until_closed(desk: Desk, name: str, begun: Terms) -> int:
    policy = begun.policy
    carry_out(desk, RunOrder(name, SYSTEM.maker), SYSTEM.checker, begun)
    # Whoever was killed while sending finds it out later: then the file is looked for.
    now = begun.now + 11 * MINUTE
    for _ in range(DUES_MAX):
        advance(desk, Terms(now, policy))
        _find_out(desk, name, Terms(now, policy))
        with desk.engine.begin() as connection:
            due = next_due(connection, now)
        # Asked after what is due: another process may carry the same run out, and close it.
        state = state_of(desk, name)
        if state == "closed":
            return 0
        if due is None and state == "filed":
            continue  # it is to be sent again
        if due is None:
            sys.stderr.write(f"{name} is {state}, and nothing falls due\n")
            return 1
        now = due
    return 1
