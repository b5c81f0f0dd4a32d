"""Is a history of one account linearizable?

The search of Wing and Gong (Testing and Verifying Concurrent Objects, 1993) with Lowe's memory of
what was tried (Testing for Linearizability, 2017): put the operations into one order that respects
who ended before whom began, and in which every answer is right. An operation without an answer may
stand anywhere after its call, or nowhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.linearizability.account import Account, History, Operation, step


@dataclass(slots=True)
class _Event:
    """A call (`end` is its return, if it has one) or a return, in a list in order of time."""

    operation: Operation
    number: int
    end: "_Event | None" = None
    call: bool = True
    before: "Any" = None
    after: "Any" = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`longest` is the longest order found: all that was answered, if the history holds."""

    account: str
    holds: bool
    longest: tuple[Operation, ...]
    stuck_at: Operation | None = None


def check(history: History) -> list[Verdict]:
    """A verdict for each account; accounts are independent of one another."""
    return [
        check_account(name, Account(ledger), history.of(name))
        for name, ledger in sorted(history.opening.items())
    ]


def check_account(name: str, opening: Account, operations: Sequence[Operation]) -> Verdict:
    """Search for an order; backtracks over everything the memory does not rule out."""
    head = _listed(operations)
    answered = sum(one.outcome is not None for one in operations)
    state, done, taken = opening, 0, 0
    seen: set[tuple[int, Account]] = set()
    trail: list[tuple[_Event, Account]] = []
    longest: tuple[Operation, ...] = ()
    stuck: Operation | None = None
    at = head.after
    while taken < answered:
        if at is not None and at.call:
            fits, after = step(state, at.operation)
            key = (done | 1 << at.number, after)
            if fits and key not in seen:
                seen.add(key)
                trail.append((at, state))
                state, done = after, key[0]
                taken += at.end is not None
                _lift(at)
                at = head.after
            else:
                at = at.after
            continue
        # The first return that has no place yet: what was chosen before it was wrong.
        if len(trail) >= len(longest):
            longest = tuple(event.operation for event, _ in trail)
            stuck = at.operation if at is not None else None
        if not trail:
            return Verdict(name, False, longest, stuck)
        event, state = trail.pop()
        done &= ~(1 << event.number)
        taken -= event.end is not None
        _put_back(event)
        at = event.after
    return Verdict(name, True, tuple(event.operation for event, _ in trail))


def _listed(operations: Iterable[Operation]) -> _Event:
    """Calls and returns as a doubly linked list behind a head; at one instant calls come first."""
    moments: list[tuple[int, int, _Event]] = []
    for number, operation in enumerate(operations):
        call = _Event(operation, number)
        moments.append((operation.called, 0, call))
        if operation.outcome is not None:
            assert operation.returned is not None, f"{operation.id}: answered, but when?"
            call.end = _Event(operation, number, call=False)
            moments.append((operation.returned, 1, call.end))
    head = _Event(Operation("", "", "", 0), -1)
    last = head
    for _, _, event in sorted(moments, key=lambda moment: moment[:2]):
        last.after, event.before = event, last
        last = event
    return head


def _lift(call: _Event) -> None:
    for event in (call, call.end):
        if event is not None:
            event.before.after = event.after
            if event.after is not None:
                event.after.before = event.before


def _put_back(call: _Event) -> None:
    for event in (call.end, call):
        if event is not None:
            event.before.after = event
            if event.after is not None:
                event.after.before = event
