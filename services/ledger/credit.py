"""The history of store credit as staff read it: six types of transaction, the balance after each.

The same rule as the view `bi.mart_credit_history`; amounts are minor units.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from schemas.instants import format_instant
from schemas.money import figure

Transaction = Literal["issuance", "refund", "adjustment", "redemption", "expired", "consignment"]
_BY_EVENT: Final[Mapping[str, Transaction]] = {
    "hold_captured": "redemption",
    "capture_refunded": "refund",
    "lots_expired": "expired",
    "credit_issued": "issuance",
    "value_loaded": "issuance",
    "value_received": "issuance",
}


def transactions(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What changed the balance, in order, from the rows of `ledger.account_event`."""
    return [
        {
            "type": _type(event),
            "amount": event["ledger_change"],
            "currency": event["currency"],
            "balance": event["ledger_after"],
            "at": event["at"],
            "staff": event["staff"],
            "channel": event["channel"],
            "location": event["location"],
            "note": event["note"] if event["note"] is not None else event["reason"],
            "order": event["order"],
            "origin": event["origin"],
        }
        for event in events
        if event["ledger_change"]
    ]


def _type(event: Mapping[str, Any]) -> Transaction:
    match event["type"], event["origin"], event["reason"]:
        case "credit_issued", "refund", _:
            return "refund"
        case "credit_issued", "consignment", _:
            return "consignment"
        case "value_received", _, "refund":
            return "refund"
        case kind, _, _:
            return _BY_EVENT.get(kind, "adjustment")


def credit_text(name: str, state: Mapping[str, Any], moves: Iterable[Mapping[str, Any]]) -> str:
    """Whose credit it is, and its transactions as lines of a statement."""
    lines = [
        f"store credit of {state['owner_kind']} {state['owner']}, {state['currency']} ({name})"
    ]
    for one in moves:
        amount, balance = (figure(one[of], state["currency"]) for of in ("amount", "balance"))
        told = [
            f"{format_instant(one['at'])[:19]}Z {one['type']:<11}",
            f"{amount:>12} {balance:>12}",
            one["staff"] or one["channel"] or "-",
        ]
        told += [f"order {one['order']}"] if one["order"] else []
        told += [one["note"]] if one["note"] else []
        lines.append("  ".join(told))
    return "\n".join(lines)
