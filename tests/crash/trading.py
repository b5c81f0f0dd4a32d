"""Traffic that makes every kind of record: sales, uses, holds that lapse, mere bytes."""

import random
import time
from typing import Any

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

PLACES = {"F1": "acct-f1", "F2": "acct-f2"}
POLICY: dict[str, Any] = {
    **POLICY_DOCUMENT,
    "network": {**POLICY_DOCUMENT["network"], "bank_account": "acct-hq"},
    "locations": {
        name: {**POLICY_DOCUMENT["locations"][name], "bank_account": account}
        for name, account in PLACES.items()
    },
    "settlement": {**POLICY_DOCUMENT["settlement"], "mode": "full"},
    "channels": {"pos": {"may": ["issue", "redeem", "refund", "enquire"]}},
}


class Trade(Traffic):
    """Traffic, with cards sold meanwhile, holds of a second, and now and then mere bytes."""

    def __init__(self, channel: Channel, cards: list[str], rate: int, seed: int) -> None:
        super().__init__(channel, list(cards), rate, seed)
        self._issuing = channel
        self._luck = random.Random(seed + 1)
        self._raw = Producer(plain_producer_settings(channel.machine.infra.bootstrap))
        self._sold = 0

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
        else:
            super()._one()

    def _sell(self) -> None:
        self._sold += 1
        self._issuing.sell(f"later-{self._sold}", 100_000, "b2")


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
