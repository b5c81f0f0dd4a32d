"""The network the simulator plays: three places of two franchises, and two currencies."""

from typing import Any, Final

from schemas.identifiers import credit_account

START: Final = 1_767_225_600_000  # 2026-01-01T00:00:00Z
SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
PLACES: Final = ("F1", "F2", "F3", "HQ")
CATEGORIES: Final = ("service", "product", "class", "tax", "mystery")
CARD_PROGRAMMES: Final = ("gift", "gift", "gift", "once", "gone", "maple")
OWNERS: Final = ({"customer": "u1"}, {"company": "firm"}, {"customer": "u2"})

LOCATIONS: Final[dict[str, Any]] = {
    "F1": {"entity": "E1", "franchise": "A", "jurisdiction": "US-NY", "bank_account": "acct-f1"},
    "F2": {"entity": "E2", "franchise": "B", "jurisdiction": "US-CA", "bank_account": "acct-f2"},
    "F3": {"entity": "E1", "franchise": "A", "jurisdiction": "US-CA", "bank_account": "acct-f3"},
}
NETWORK: Final[dict[str, Any]] = {
    "currency": "USD",
    "timezone": "America/New_York",
    "parent": "HQ",
    "bank_account": "acct-hq",
}
# Account: routing number, account number, type.
ACCOUNTS: Final[dict[str, tuple[str, str, str]]] = {
    "acct-hq": ("021000021", "900000001", "checking"),
    "acct-f1": ("021000021", "123456789", "checking"),
    "acct-f2": ("121000248", "223456789", "checking"),
    "acct-f3": ("011000015", "323456789", "savings"),
}
CHANNELS: Final[dict[str, Any]] = {
    "pos": {"may": ["issue", "redeem", "refund", "enquire"], "locations": "*"},
    "web": {"may": ["redeem", "refund", "enquire"], "hold_seconds": 900},
    "office": {"may": ["issue", "adjust", "freeze", "cancel", "approve", "refund", "redeem"]},
}


def currency_of(programme: str) -> str:
    """The currency of a card programme."""
    return "CAD" if programme == "maple" else "USD"


def credit_of(owner: dict[str, str], currency: str) -> str:
    """The credit account of an owner."""
    ((kind, name),) = owner.items()
    return credit_account(kind, name, currency)


def document(version: int) -> dict[str, Any]:
    """The policy's version `version`: rates, holds, late captures and channels change with it."""
    late = ("honour_if_available", "honour_with_exception", "reject")[version % 3]
    returns = ("refunded", "prepared")[version % 2]
    gift = {
        "kind": "card",
        "currency": "USD",
        "validity": {"days": 45},
        "hold_seconds": 300 + 120 * version,
        "late_capture": late,
        "returns": {"to": returns, "within_days": 30},
        "limits": {"balance_max": 60_000, "adjust_alone_max": 1_000},
        "breakage": {"method": "proportional", "rate_bp": 1000},
    }
    once = {"kind": "card", "currency": "USD", "use": "one_time", "late_capture": late}
    return {
        "network": NETWORK,
        "entities": {"HQ": {}, "E1": {}, "E2": {}},
        "locations": LOCATIONS,
        "channels": CHANNELS,
        "programmes": {
            "gift": gift,
            "once": once,
            "gone": {**once, "remainder": "forfeit"},
            "maple": {"kind": "card", "currency": "CAD"},
            "credit": {"kind": "credit", "currency": "USD"},
            "credit-ca": {"kind": "credit", "currency": "CAD"},
        },
        "memberships": {"gold": {"programme": "credit", "amount": 2500}},
        "settlement": {
            "enabled": True,
            "cross_franchise": True,
            "mode": ("percentage", "full")[version % 4 == 3],
            "credit_release": ("with_debits", "after_return_window")[version % 3 == 2],
            "rates_bp": {"service": 500 + 100 * version, "product": 3000, "class": 2000},
            "pairs": [{"from": "F1", "to": "F2", "rates_bp": {"service": 600 + version}}],
        },
        "law": [{"jurisdiction": "US-CA", "cash_out_below": 1500}],
    }
