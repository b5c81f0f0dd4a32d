"""Every topic Scrip has, one row each: key, writer, readers, retention."""

from dataclasses import dataclass
from typing import Final, Literal

Retention = Literal["forever", "compacted", "1 day", "90 days"]

PARTITIONS_EMBEDDED: Final = 4
PARTITIONS_DEPLOYED: Final = 64


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    `name` is without namespace; `key` says what the record key is; `append_time` tells whether the
    broker stamps the records (command topics, whose timestamp is the clock of decisions).
    """

    name: str
    key: str
    carries: str
    writer: str
    readers: tuple[str, ...]
    retention: Retention
    append_time: bool = False
    public: bool = True

    def named(self, namespace: str) -> str:
        """The name on a broker shared by several installations; no namespace, no prefix."""
        return f"{namespace}.{self.name}" if namespace else self.name


ISSUANCE_COMMANDS: Final = Topic(
    "scrip.issuance.commands.v1",
    "card",
    "commands",
    "channels, redemption, press",
    ("issuance",),
    "forever",
    append_time=True,
)
ISSUANCE_EVENTS: Final = Topic(
    "scrip.issuance.events.v1",
    "card",
    "facts and refusals",
    "issuance",
    ("ledger sink",),
    "forever",
)
ISSUANCE_REPLIES: Final = Topic(
    "scrip.issuance.replies.v1",
    "command's replyto",
    "one answer per command that asked",
    "issuance",
    ("gateway",),
    "1 day",
)
ISSUANCE_MEMORY: Final = Topic(
    "scrip.issuance.memory.v1",
    "row",
    "cards, answers, progress",
    "issuance",
    ("issuance",),
    "compacted",
    public=False,
)
REDEMPTION_COMMANDS: Final = Topic(
    "scrip.redemption.commands.v1",
    "account",
    "commands, activations, sweeps",
    "channels, issuance, redemption",
    ("redemption",),
    "forever",
    append_time=True,
)
REDEMPTION_EVENTS: Final = Topic(
    "scrip.redemption.events.v1",
    "account",
    "facts and refusals",
    "redemption",
    ("ledger", "settlement", "ledger sink"),
    "forever",
)
REDEMPTION_BALANCES: Final = Topic(
    "scrip.redemption.balances.v1",
    "account",
    "current state",
    "redemption",
    ("redemption", "gateway"),
    "compacted",
)
REDEMPTION_REPLIES: Final = Topic(
    "scrip.redemption.replies.v1",
    "command's replyto",
    "one answer per command that asked",
    "redemption",
    ("gateway",),
    "1 day",
)
REDEMPTION_MEMORY: Final = Topic(
    "scrip.redemption.memory.v1",
    "row",
    "captures, closed holds, answers, progress",
    "redemption",
    ("redemption",),
    "compacted",
    public=False,
)
LEDGER_JOURNALS: Final = Topic(
    "scrip.ledger.journals.v1",
    "account, run or operation",
    "balanced journals",
    "ledger",
    ("ledger sink",),
    "forever",
)
LEDGER_OPERATIONS: Final = Topic(
    "scrip.ledger.operations.v1",
    "operation",
    "breakage, escheat, period facts",
    "ledger outbox",
    ("ledger", "ledger sink"),
    "forever",
)
LEDGER_MEMORY: Final = Topic(
    "scrip.ledger.memory.v1", "row", "progress", "ledger", ("ledger",), "compacted", public=False
)
SETTLEMENT_ITEMS: Final = Topic(
    "scrip.settlement.items.v1",
    "account",
    "reconciliation items",
    "settlement",
    ("ledger", "settlement sink"),
    "forever",
)
SETTLEMENT_BATCHES: Final = Topic(
    "scrip.settlement.batches.v1",
    "run",
    "run, file, return, correction facts",
    "settlement outbox",
    ("ledger", "settlement sink"),
    "forever",
)
SETTLEMENT_MEMORY: Final = Topic(
    "scrip.settlement.memory.v1",
    "row",
    "progress",
    "settlement",
    ("settlement",),
    "compacted",
    public=False,
)
POLICY: Final = Topic(
    "scrip.policy.v1",
    "policy",
    "policy documents",
    "scrip policy apply",
    ("issuance", "redemption", "ledger", "settlement"),
    "forever",
)
DEADLETTERS: Final = Topic(
    "scrip.deadletters.v1",
    "original key",
    "what could not be read",
    "issuance, redemption, ledger, settlement",
    ("scrip deadletters",),
    "90 days",
)

TOPICS: Final[tuple[Topic, ...]] = (
    ISSUANCE_COMMANDS,
    ISSUANCE_EVENTS,
    ISSUANCE_REPLIES,
    ISSUANCE_MEMORY,
    REDEMPTION_COMMANDS,
    REDEMPTION_EVENTS,
    REDEMPTION_BALANCES,
    REDEMPTION_REPLIES,
    REDEMPTION_MEMORY,
    LEDGER_JOURNALS,
    LEDGER_OPERATIONS,
    LEDGER_MEMORY,
    SETTLEMENT_ITEMS,
    SETTLEMENT_BATCHES,
    SETTLEMENT_MEMORY,
    POLICY,
    DEADLETTERS,
)
COMMAND_TOPICS: Final = (ISSUANCE_COMMANDS, REDEMPTION_COMMANDS)
