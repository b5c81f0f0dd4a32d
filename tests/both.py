"""Both deciding cores side by side: what one sends the other arrives, as through the log."""

from random import Random
from typing import Any

import orjson

from schemas import issuance
from schemas.message import Command
from schemas.topics import ISSUANCE_COMMANDS, ISSUANCE_EVENTS
from services.issuance import card
from tests.scenario import Outcome, Scenario

DELIVERIES_MAX = 1_000


class Cards:
    """Stock and live accounts under one policy and one clock; commands go to their owner."""

    def __init__(self, policy: dict[str, Any], at: str | int) -> None:
        self.live = Scenario(policy, at)
        self.stock = Scenario(
            policy,
            at,
            core=card,
            commands=dict(issuance.COMMANDS),
            topics=(ISSUANCE_COMMANDS, ISSUANCE_EVENTS),
        )

    @property
    def now(self) -> int:
        """The clock, ms UTC."""
        return self.live.now

    def later(self, *, days: float = 0, seconds: int = 0) -> None:
        """The clock moves on, and no sweep comes."""
        self.live.later(days=days, seconds=seconds)
        self.stock.later(days=days, seconds=seconds)

    def do(self, type: str, subject: str, id: str | None = None, **data: Any) -> Outcome:
        """A command to whoever owns its type (`enquire` is redemption's)."""
        owner = self.live if type in self.live.commands else self.stock
        outcome = owner.do(type, subject, id, **data)
        self._deliver()
        return outcome

    def prepare(self, *names: str, programme: str = "gift") -> None:
        """Cards into stock."""
        for name in names:
            entry = {"card": name, "last4": "0001"}
            body: dict[str, Any] = {"programme": programme, "batch": "b1", "cards": [entry]}
            assert self.do("prepare_cards", name, **body).reason is None

    def sweep(self) -> list[str]:
        """Everything due is done."""
        sent: list[str] = []
        while more := [*self.stock.sweep(), *self.live.sweep()]:
            sent += more
            self._deliver()
        return sent

    def send_sweeps(self, ahead: int) -> None:
        """What is due is on its way, by a clock that is `ahead` (ms)."""
        self.stock.send_sweeps(ahead)
        self.live.send_sweeps(ahead)

    def sweep_comes(self, chance: Random) -> None:
        """One of each service's comes, whatever has happened meanwhile."""
        self.stock.sweep_comes(chance)
        self.live.sweep_comes(chance)
        self._deliver()

    def state(self, name: str) -> str:
        """The card's state as stories show it: stock's until it is live."""
        row = self.stock.rows.get(name)
        if row is not None and (row.state != "Activated" or name not in self.live.rows):
            undone = row.imported and row.state == "Cancelled"
            return self.live.rows[name].state if undone else str(row.state)
        return str(self.live.rows[name].state)

    def ledger(self, name: str) -> int:
        """What is on the card."""
        row = self.live.rows.get(name)
        return 0 if row is None else int(row.ledger)

    def _deliver(self) -> None:
        for _ in range(DELIVERIES_MAX):
            if not self.live.left and not self.stock.left:
                return
            for sender, receiver in ((self.live, self.stock), (self.stock, self.live)):
                messages, sender.left = sender.left, []
                for one in messages:
                    model = receiver.commands[one.type]
                    body = model.model_validate(orjson.loads(orjson.dumps(one.body)))
                    source = "service/other"
                    receiver.run(Command(one.id, one.type, source, one.subject, receiver.now, body))
        raise AssertionError("messages go back and forth for ever")
