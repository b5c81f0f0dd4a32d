"""What every account should hold, worked out from what was published and what was answered.

It knows nothing of lots, holds in the core, journals or tables: a second opinion, in one page.
"""

from collections.abc import Iterable
from typing import Any

from schemas.reply import Reply


class Model:
    """Ledger balances in minor units, by account."""

    def __init__(self) -> None:
        self.ledger: dict[str, int] = {}
        self._sales: dict[str, int] = {}
        self._holds: dict[tuple[str, str], int] = {}

    def take(self, command: dict[str, Any], reply: Reply) -> None:
        """Count a command as its first reply says it counted; refused ones count nothing."""
        if reply.outcome != "accepted":
            return
        subject, id, body = command["subject"], command["id"], command["data"]
        match command["type"].partition(".")[0]:
            case "reserve_sale":
                self._sales[id] = body["value"]["minor"]
            case "confirm_sale" if "card_sold.v1" in reply.facts:
                self._add(subject, self._sales[body["sale"]])
            case "sell_card":
                self._add(subject, body["value"]["minor"])
            case "issue_credit":
                self._add(subject, body["amount"]["minor"])
            case "refund_capture":
                self._add(body.get("to", subject), _refunded(body))
            case "place_hold":
                self._holds[subject, id] = _reserved(body, reply)
            case "capture_hold":
                self._capture(subject, body, reply)
            case "redeem":
                self._spend(subject, _reserved(body, reply), reply)
            case _:
                pass

    def _capture(self, subject: str, body: dict[str, Any], reply: Reply) -> None:
        key = (subject, body["hold"])
        minor = body["amount"]["minor"] if "amount" in body else self._holds[key]
        self._holds[key] -= minor
        self._spend(subject, minor, reply)

    def _spend(self, subject: str, minor: int, reply: Reply) -> None:
        self._add(subject, -minor)
        if "value_sent.v1" in reply.facts:  # what a one-time card leaves becomes store credit
            rest, self.ledger[subject] = self.ledger[subject], 0
            self._add(f"{subject}+credit", rest)

    def _add(self, account: str, minor: int) -> None:
        self.ledger[account] = self.ledger.get(account, 0) + minor


def _reserved(body: dict[str, Any], reply: Reply) -> int:
    amount: int = body["amount"]["minor"]
    return amount if reply.covered is None else reply.covered


def _refunded(body: dict[str, Any]) -> int:
    if "amount" in body:
        amount: int = body["amount"]["minor"]
        return amount
    return sum(line["amount"]["minor"] for line in body["lines"])


def expected(commands: Iterable[dict[str, Any]], replies: dict[tuple[str, str], Reply]) -> Model:
    """The model after all of it: each command counts once, as its first reply says.

    `replies` are first replies by (subject, command id); what was never answered counts nothing.
    """
    model = Model()
    counted: set[tuple[str, str]] = set()
    for command in commands:
        key = (command.get("subject", ""), command.get("id", ""))
        reply = replies.get(key)
        if reply is not None and key not in counted:
            counted.add(key)
            model.take(command, reply)
    return model
