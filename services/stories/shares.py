"""A batch of cards as its sender would send it: to each partition its own cards, in one command."""

from dataclasses import replace
from typing import Any, Final

from services.runtime.murmur2 import partition_of
from services.stories.steps import BRINGING, CommandStep

UNDO: Final = "undo_import"
BATCHES: Final = frozenset({*BRINGING, UNDO, "repeat"})


def shares_of(step: CommandStep, partitions: int) -> list[CommandStep]:
    """The commands of a step: one, or for a batch one for each partition its cards are on.

    All bear the step's id; a share's subject is the step's where it is on that partition, else the
    first of its cards. An import is undone card by card: each has an answer of its own.
    """
    cards = step.body.get("cards") if step.do in BATCHES else None
    if not cards or all(entry["card"] != step.subject for entry in cards):
        return [step]
    if step.do == UNDO:
        return [
            replace(step, subject=entry["card"], body={**step.body, "cards": [entry]})
            for entry in cards
        ]
    shares: dict[int, list[dict[str, Any]]] = {partition_of(step.subject.encode(), partitions): []}
    for entry in cards:
        shares.setdefault(partition_of(entry["card"].encode(), partitions), []).append(entry)
    home, *others = shares.values()
    return [
        replace(step, body={**step.body, "cards": home}),
        *(
            replace(step, subject=share[0]["card"], body={**step.body, "cards": share})
            for share in others
        ),
    ]


def as_one(replies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One answer for each command id: the first refusal, else all its facts together."""
    found: dict[str, dict[str, Any]] = {}
    for reply in replies:
        known = found.setdefault(reply["id"], reply)
        if known is reply or known["outcome"] == "refused":
            continue
        if reply["outcome"] == "refused":
            found[reply["id"]] = reply
        else:
            known["facts"] += reply["facts"]
    return list(found.values())
