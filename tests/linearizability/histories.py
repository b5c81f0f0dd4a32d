"""Histories that were never lived: right ones made at random, and wrong ones on purpose."""

import random

from tests.linearizability.account import Account, History, Operation, Outcome, step

KINDS = ("redeem", "hold", "capture", "release", "refund", "enquire")


def overlapping(chance: random.Random, account: str, operations: int, opening: int) -> History:
    """A linearizable history: each takes effect at an instant within its call and return.

    A tenth of the operations is never answered, half of those never took effect.
    """
    state, history = Account(opening), History({account: opening})
    ids: dict[str, list[str]] = {"hold": [], "spent": []}
    for number in range(operations):
        effect = (number + 1) * 100
        made = _drawn(chance, account, f"o{number}", ids, effect - chance.randrange(1, 300))
        fate = chance.random()
        if fate < 0.05:
            history.operations.append(made)
            continue
        accepted, after = _truth(state, made)
        state = after
        if fate < 0.10:
            history.operations.append(made)
            continue
        tells = accepted and chance.random() < 0.8
        history.operations.append(
            Operation(
                account=account,
                id=made.id,
                kind=made.kind,
                called=made.called,
                minor=made.minor,
                of=made.of,
                returned=effect + chance.randrange(1, 300),
                outcome=Outcome(
                    accepted, state.ledger if tells else None, state.held if tells else None
                ),
            )
        )
    return history


def spent_twice() -> History:
    """100 are there, and two clients each hear that they have spent 100 of them."""
    spent = Outcome(True, 0, 0)
    return History(
        {"card": 100},
        [
            Operation("card", "a", "redeem", 0, 100, returned=50, outcome=spent),
            Operation("card", "b", "redeem", 10, 100, returned=60, outcome=spent),
        ],
    )


def held_value_spent_twice() -> History:
    """A hold is captured by two clients, each is told of success."""
    return History(
        {"card": 100},
        [
            Operation("card", "h", "hold", 0, 60, returned=10, outcome=Outcome(True, 100, 60)),
            Operation("card", "c1", "capture", 20, of="h", returned=50, outcome=Outcome(True)),
            Operation("card", "c2", "capture", 25, of="h", returned=55, outcome=Outcome(True)),
        ],
    )


def read_from_the_past() -> History:
    """Who asks after a spend was answered sees the balance from before it."""
    return History(
        {"card": 100},
        [
            Operation("card", "a", "redeem", 0, 40, returned=10, outcome=Outcome(True, 60, 0)),
            Operation("card", "b", "enquire", 20, returned=30, outcome=Outcome(True, 100, 0)),
        ],
    )


def refunded_twice() -> History:
    """A capture of 40 is given back twice."""
    return History(
        {"card": 40},
        [
            Operation("card", "a", "redeem", 0, 40, returned=10, outcome=Outcome(True, 0, 0)),
            Operation("card", "r1", "refund", 20, 40, "a", 40, Outcome(True, 40, 0)),
            Operation("card", "r2", "refund", 21, 40, "a", 41, Outcome(True, 80, 0)),
        ],
    )


WRONG = (spent_twice, held_value_spent_twice, read_from_the_past, refunded_twice)


def with_a_double_spend(chance: random.Random, history: History) -> History:
    """The same history, but one accepted spend of everything comes true again beside it."""
    account = next(iter(history.opening))
    last = max(one.returned or one.called for one in history.operations)
    spent = Outcome(True, 0, 0)
    spends = [
        Operation(account, f"double-{n}", "redeem", last + 10 + n, 10**6, "", last + 50 + n, spent)
        for n in range(2)
    ]
    chance.shuffle(spends)
    return History(dict(history.opening), [*history.operations, *spends])


def _drawn(
    chance: random.Random, account: str, id: str, ids: dict[str, list[str]], called: int
) -> Operation:
    kind = chance.choice(KINDS)
    minor = chance.randrange(5, 40) if kind in ("redeem", "hold", "refund") else 0
    known = ids["hold"] if kind in ("capture", "release") else ids["spent"]
    of = chance.choice(known) if known and kind in ("capture", "release", "refund") else ""
    if kind in ("capture", "release", "refund") and not of:
        kind, minor = "redeem", 10
    if kind == "hold":
        ids["hold"].append(id)
    if kind in ("redeem", "capture"):
        ids["spent"].append(id)
    return Operation(account, id, kind, called, minor, of)


def _truth(state: Account, operation: Operation) -> tuple[bool, Account]:
    """What happens, by the machine: the one answer that fits."""
    for accepted in (True, False):
        told = Operation(
            operation.account,
            operation.id,
            operation.kind,
            operation.called,
            operation.minor,
            operation.of,
            operation.called,
            Outcome(accepted),
        )
        fits, after = step(state, told)
        if fits:
            return accepted, after
    raise AssertionError(f"nothing can be answered to {operation}")
