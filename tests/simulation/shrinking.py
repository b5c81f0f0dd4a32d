"""Makes a failing seed's story short: fewer arrivals, fewer faults, and it still fails."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import yaml

from schemas.instants import format_instant
from tests.simulation.channels import Delivery
from tests.simulation.mixture import OF_OFFICE, OF_STOCK, Asked
from tests.simulation.network import ACCOUNTS, document
from tests.simulation.scenes import Scene, scene_of
from tests.simulation.simulation import Cut, Outcome, coming_of, simulate

TRIES_MAX: Final = 150
PLAYED_IN_STORIES: Final = frozenset(
    ("run_settlement", "bank_return", "bank_correction", "recognize_breakage", "close_period")
)


def shortest(seed: int, scene: Scene | None = None) -> tuple[Cut, Outcome]:
    """The shortest cut found that fails in the same way, and what it came to.

    A seed that holds comes back whole.
    """
    scene = scene or scene_of(seed)
    whole = simulate(seed, scene=scene)
    if whole.violation is None:
        return Cut(), whole
    wanted = _kind(whole.violation)
    tries = [TRIES_MAX]

    def fails(cut: Cut) -> bool:
        tries[0] -= 1
        found = simulate(seed, scene=scene, cut=cut).violation
        return found is not None and _kind(found) == wanted

    cut = Cut(frozenset(range(len(coming_of(seed, scene)))), None)
    if not fails(cut):
        return Cut(), whole  # it needs its length; nothing can be left out
    if fails(replace(cut, faults=frozenset())):
        cut = replace(cut, faults=frozenset())
    cut = _fewer(cut, "deliveries", fails, tries)
    drawn = simulate(seed, scene=scene, cut=cut).drawn
    if cut.faults is None and fails(replace(cut, faults=drawn)):
        cut = _fewer(replace(cut, faults=drawn), "faults", fails, tries)
        cut = _fewer(cut, "deliveries", fails, tries)
    return cut, simulate(seed, scene=scene, cut=cut)


def _kind(violation: str) -> str:
    """What of a violation stays the same when its details change."""
    return ":".join(violation.split(":")[:2])[:60]


def _fewer(cut: Cut, what: str, fails: Callable[[Cut], bool], tries: list[int]) -> Cut:
    """Leave out halves, then quarters, down to one at a time, as long as it still fails."""
    kept: list[int] = sorted(getattr(cut, what))
    size = max(1, len(kept) // 2)
    while size and kept and tries[0] > 0:
        at = 0
        while at < len(kept) and tries[0] > 0:
            shorter = kept[:at] + kept[at + size :]
            changed: Any = {what: frozenset(shorter)}
            if fails(replace(cut, **changed)):
                kept = shorter
            else:
                at += size
        size //= 2
    final: Any = {what: frozenset(kept)}
    return replace(cut, **final)


def told(seed: int, cut: Cut, outcome: Outcome) -> str:
    """The story for a person: what arrives as a story of `scrip story`, the faults as comments."""
    coming = coming_of(seed, outcome.scene)
    kept = [d for i, d in enumerate(coming) if cut.deliveries is None or i in cut.deliveries]
    head = [
        f"# seed {seed}, scene {outcome.scene.name}: {outcome.violation}",
        f"# again: make simulate SEED={seed}",
        f"# {len(kept)} of {len(coming)} arrivals, {len(outcome.schedule)} faults:",
        *(f"#   {line}" for line in outcome.schedule),
    ]
    return "\n".join([*head, story_of(kept)])


def story_of(kept: list[Delivery]) -> str:
    """What arrives as a story's YAML; what stories do not have (garbage's bytes) as comments."""
    asked = [delivery for delivery in kept if delivery.asked is not None]
    subjects = {
        d.asked.subject: d.asked for d in asked if d.asked and d.asked.type not in OF_OFFICE
    }
    cards = {name: "gift" for name in subjects if "-" not in name and name != "policy"}
    for delivery in asked:
        assert delivery.asked is not None
        if delivery.asked.type == "prepare_cards":
            cards[delivery.asked.subject] = delivery.asked.body["programme"]
    credits = {
        name: {"programme": _programme(first), "owner": first.body.get("owner", {"customer": "u1"})}
        for name, first in subjects.items()
        if name not in cards and name != "policy"
    }
    story: dict[str, Any] = {"policy": document(1), "cards": cards, "credits": credits}
    story["accounts"] = {
        name: {"routing": routing, "number": number, "type": kind}
        for name, (routing, number, kind) in ACCOUNTS.items()
    }
    story["story"] = [step for d in asked if (step := _step(d)) is not None]
    others = [f"#   {delivery.said}" for delivery in kept if delivery.asked is None]
    said = yaml.safe_dump(story, sort_keys=False, allow_unicode=True)
    return "\n".join([said, *(["# and:"] if others else []), *others])


def _programme(asked: Asked) -> str:
    amount = asked.body.get("amount") or {}
    return "credit-ca" if amount.get("currency") == "CAD" else "credit"


def _step(delivery: Delivery) -> dict[str, Any] | None:
    asked = delivery.asked
    assert asked is not None
    if asked.type in OF_OFFICE and asked.type not in PLAYED_IN_STORIES:
        return None
    if asked.type == "prepare_cards":
        return None  # a story's cards are prepared before it begins
    step: dict[str, Any] = {"at": format_instant(delivery.at), "do": asked.type, "id": asked.id}
    if asked.type == "close_period":
        step["entity"] = asked.subject
    elif asked.type not in OF_OFFICE:
        step["card" if asked.type in OF_STOCK else "account"] = asked.subject
    body = {name: _plain(value) for name, value in asked.body.items() if value is not None}
    channel = asked.source.removeprefix("channel/")
    if asked.source.startswith("channel/"):
        body["place"] = {**body.get("place", {}), "channel": channel}
    if asked.type == "issue_credit":
        body.pop("owner", None)
    return step | body


def _plain(value: Any) -> Any:
    """Amounts are minor units in a story."""
    if isinstance(value, dict) and set(value) == {"minor", "currency"}:
        return value["minor"]
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value
