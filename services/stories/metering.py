"""What a story's press has made of each template: its batches say so, as their sender knows it."""

import json
from dataclasses import replace
from typing import Any

from schemas.policy import PolicyDocument
from services.issuance.templates import capacity
from services.stories.rows import RowView
from services.stories.steps import CommandStep

PREPARE = "prepare_cards"


class Meter:
    """Counts identifiers over all partitions; what was said once of a command is said again."""

    def __init__(self, rows: RowView) -> None:
        self._rows = rows
        self._said: dict[str, dict[str, int]] = {}

    def metered(self, step: CommandStep, document: PolicyDocument) -> CommandStep:
        """The step with what its templates will have made by it, all of its cards or none."""
        if "made" in step.body:
            return step
        key = json.dumps([step.id, step.subject, step.body], sort_keys=True)
        if key not in self._said:
            self._rows.refresh()
            self._said[key] = self._made(step.body, document, {})
        made = self._said[key]
        return replace(step, body={**step.body, "made": made}) if made else step

    def of_card(
        self, body: dict[str, Any], document: PolicyDocument, more: dict[str, int]
    ) -> dict[str, Any]:
        """The body of one preparation; `more` are those on their way, and it adds to them."""
        made = self._made(body, document, more)
        return {**body, "made": made} if made else body

    def _made(
        self, body: dict[str, Any], document: PolicyDocument, more: dict[str, int]
    ) -> dict[str, int]:
        programme = document.programmes.get(str(body.get("programme")))
        if programme is None:
            return {}
        metered = [n for n in programme.templates if document.templates[n].capacity is not None]
        count = len(body.get("cards", ()))
        made = {n: self._so_far(n, document) + more.get(n, 0) + count for n in metered}
        if all(made[n] <= capacity(document.templates[n]) for n in metered):
            for name in metered:
                more[name] = more.get(name, 0) + count
        return made

    def _so_far(self, template: str, document: PolicyDocument) -> int:
        """Every card has a set of identifiers for each of its lives, but an import's first."""
        made = 0
        for card in self._rows.cards().values():
            programme = document.programmes.get(card.programme)
            if programme is not None and template in programme.templates:
                made += card.life - (card.state == "Blank") - card.imported
        return made
