"""Traffic that makes every kind of record: sales, uses, holds that lapse, returns, mere bytes."""

import random
import time
from collections import deque
from typing import Any, Final

from confluent_kafka import Producer

from schemas.topics import ISSUANCE_COMMANDS, REDEMPTION_COMMANDS
from services.local.announcing import settings_of
from services.local.machine import Machine
from services.runtime.kafka_settings import plain_producer_settings
from services.runtime.settings import Settings
from services.runtime.tables import open_tables
from services.settlement.directory import AccountDetails, register
from services.settlement.worker import vault_of
from tests.crash.publishing import Channel, Traffic, money
from tests.small_world import POLICY_DOCUMENT

# A card is live, as a rule, once so many others were sold after it.
UNUSED_MIN: Final = 10
PLACES = {"F1": "acct-f1", "F2": "acct-f2"}
POLICY: dict[str, Any] = {
    **POLICY_DOCUMENT,
    "network": {**POLICY_DOCUMENT["network"], "bank_account": "acct-hq"},
    "locations": {
        name: {**POLICY_DOCUMENT["locations"][name], "bank_account": account}
        for name, account in PLACES.items()
    },
    "settlement": {**POLICY_DOCUMENT["settlement"], "mode": "full"},
    "programmes": {
        **POLICY_DOCUMENT["programmes"],
        "gift": {**POLICY_DOCUMENT["programmes"]["gift"], "returns": {"to": "prepared"}},
    },
    "channels": {"pos": {"may": ["issue", "redeem", "refund", "enquire"]}},
}


class Trade(Traffic):
    """Traffic, with cards sold meanwhile and given back, holds of a second, and mere bytes."""

    def __init__(self, channel: Channel, cards: list[str], rate: int, seed: int) -> None:
        super().__init__(channel, list(cards), rate, seed)
        self._issuing = channel
        self._luck = random.Random(seed + 1)
        self._raw = Producer(plain_producer_settings(channel.machine.infra.bootstrap))
        self._sold = 0
        self._unused: deque[str] = deque()

    def end(self) -> None:
        """Stop sending, and wait for what is under way."""
        super().end()
        assert self._raw.flush(60) == 0

    def _one(self) -> None:
        drawn = self._luck.random()
        if drawn < 0.04:
            self._sell()
        elif drawn < 0.08:
            card = self._luck.choice(self._cards)
            self._sold += 1
            body = {"amount": money(5), "ttl_seconds": 1, "place": {"location": "F2"}}
            self._send(f"short-{self._sold}", "place_hold", card, body)
        elif drawn < 0.10:
            topic = self._luck.choice((ISSUANCE_COMMANDS, REDEMPTION_COMMANDS))
            name = topic.named(self._issuing.machine.namespace)
            self._raw.produce(name, value=b'{"not": "a command"', key=b"nobody")
            self._raw.poll(0)
        elif drawn < 0.12 and len(self._unused) > UNUSED_MIN:
            self._give_back(self._unused.popleft())
        else:
            super()._one()

    def _sell(self) -> None:
        self._sold += 1
        card = f"later-{self._sold}"
        self._issuing.sell(card, 100_000, "b2")
        self._unused.append(card)

    def _give_back(self, card: str) -> None:
        """Redemption tells issuance of it: the card goes back to stock."""
        place = {"place": {"location": "F1"}}
        self._send(f"back-{card}", "reserve_return", card, place)
        self._send(f"paid-{card}", "confirm_return", card, {"return": f"back-{card}", **place})


def prepared(machine: Machine) -> None:
    """Topics, database, policy, and verified bank accounts of every place."""
    machine.prepare(POLICY, time.time_ns() // 1_000_000)
    engine = open_tables(machine.database)
    vault = vault_of(Settings(**settings_of(machine)))
    with engine.begin() as connection:
        for number, name in enumerate(("acct-hq", *PLACES.values())):
            details = AccountDetails(name, "021000021", str(10_000_000 + number), "checking", name)
            register(connection, vault, details, "active")
    engine.dispose()
