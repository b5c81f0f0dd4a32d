"""A batch in chunks: which cards a command tells of, as rows and as the command itself.

Everything follows from the plan and the cards kept, so what is told twice is told alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from schemas.identifiers import derived
from schemas.instants import format_instant
from schemas.issuance import CARDS_PER_COMMAND_MAX
from schemas.message import Outgoing
from schemas.topics import ISSUANCE_COMMANDS
from services.runtime.murmur2 import partition_of

PREPARED: Final = "prepared"
IMPORTED: Final = "imported"
Known = Mapping[str, int | None]


def chunk_rows(batch: str, cards: int, state: str) -> list[dict[str, Any]]:
    """A batch in chunks, their cards numbered from 1."""
    return [
        {
            "batch": batch,
            "chunk": chunk,
            "first": start + 1,
            "cards": min(CARDS_PER_COMMAND_MAX, cards - start),
            "state": state,
            "sealed": None,
        }
        for chunk, start in enumerate(range(0, cards, CARDS_PER_COMMAND_MAX))
    ]


def card_rows(
    batch: str, chunk: int, cards: Iterable[tuple[int, str, str, Known]], partitions: int
) -> list[dict[str, Any]]:
    """A chunk's cards: number, account, last four, what is known of an import."""
    return [
        {
            "batch": batch,
            "number": number,
            "chunk": chunk,
            "partition": partition_of(account.encode(), partitions),
            "account": account,
            "last4": last4,
            "value": known.get("value"),
            "sold_at": known.get("sold_at"),
            "expires_at": known.get("expires_at"),
        }
        for number, account, last4, known in cards
    ]


def telling_rows(cards: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is to be told of these card rows: one command for each chunk and partition."""
    places = sorted({(card["batch"], card["chunk"], card["partition"]) for card in cards})
    return [
        {
            "batch": batch,
            "chunk": chunk,
            "partition": partition,
            "attempt": 0,
            "state": "open",
            "reason": None,
        }
        for batch, chunk, partition in places
    ]


def command(plan: Any, telling: Any, cards: Sequence[Any]) -> Outgoing:
    """The command that tells of a chunk's cards on one partition; the same for the same rows."""
    parts = (plan.batch, str(telling.chunk), str(telling.partition), str(telling.attempt))
    body: dict[str, Any] = {
        "programme": plan.programme,
        "batch": plan.batch,
        "cards": [_entry(plan, card) for card in cards],
    }
    if plan.kind == IMPORTED:
        body["sold_at"] = format_instant(min(card.sold_at for card in cards))
    if plan.place:
        body["place"] = dict(plan.place)
    type = "prepare_cards" if plan.kind == PREPARED else "import_cards"
    return Outgoing(
        ISSUANCE_COMMANDS.name, derived(plan.kind, *parts), type, cards[0].account, body
    )


def _entry(plan: Any, card: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"card": card.account, "last4": card.last4}
    value = plan.value if card.value is None else card.value
    if value is not None:
        entry["value"] = {"minor": value, "currency": plan.currency}
    for name in ("sold_at", "expires_at"):
        instant = getattr(card, name)
        if instant is not None:
            entry[name] = format_instant(instant)
    return entry
