"""What histories are made of: which commands, how often, and how one is written down."""

from dataclasses import dataclass, field
from typing import Any, Final

from schemas.topics import Topic

WEIGHTS: Final[dict[str, int]] = {
    "sell_card": 8,
    "reserve_sale": 5,
    "confirm_sale": 5,
    "cancel_sale": 2,
    "prepare_cards": 1,
    "import_cards": 1,
    "undo_import": 1,
    "ship_cards": 1,
    "cancel_card": 1,
    "restore_card": 1,
    "rekeyed": 1,
    "enquire_card": 1,
    "enquire": 2,
    "load_value": 8,
    "issue_credit": 8,
    "place_hold": 14,
    "increase_hold": 4,
    "capture_hold": 14,
    "release_hold": 5,
    "redeem": 14,
    "refund_capture": 14,
    "reserve_return": 2,
    "confirm_return": 2,
    "cancel_return": 1,
    "adjust_balance": 3,
    "freeze_account": 1,
    "unfreeze_account": 3,
    "extend_validity": 1,
    "cash_out": 1,
    "expire_credit": 1,
    "charge_back_sale": 1,
    "transfer_balance": 2,
    "cancel_account": 1,
    "set_policy": 2,
}
# What people in the office ask for, and how often beside the above; runs only where there are runs.
OF_LEDGER: Final[dict[str, int]] = {"close_period": 4, "recognize_breakage": 2}
OF_RUNS: Final[dict[str, int]] = {
    "run_settlement": 22,
    "bank_return": 12,
    "bank_correction": 3,
    "approve_correction": 2,
    "cancel_run": 2,
    "acknowledge": 3,
    "resolve_delivery": 3,
}
OF_OFFICE: Final = frozenset((*OF_LEDGER, *OF_RUNS))
OF_STOCK: Final = frozenset(
    "sell_card reserve_sale confirm_sale cancel_sale prepare_cards import_cards undo_import "
    "ship_cards cancel_card restore_card rekeyed enquire_card".split()
)
BY_STORES: Final = OF_STOCK | {"load_value", "issue_credit"}
BY_OFFICE: Final = frozenset(
    "adjust_balance freeze_account unfreeze_account extend_validity cash_out expire_credit "
    "charge_back_sale transfer_balance cancel_account cancel_card restore_card".split()
)

# What may have befallen a card before a history begins.
WAYS: Final[tuple[tuple[str, ...], ...]] = (
    (),
    (),
    (),
    ("place_hold",),
    ("redeem",),
    ("redeem", "redeem", "redeem"),
    ("freeze_account",),
    ("place_hold", "freeze_account"),
    ("reserve_return",),
    ("reserve_return", "confirm_return"),
    ("wait",),
    ("wait", "wait"),
    ("redeem", "wait"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as its sender means it.

    `set_policy` is a new version of the policy; what the office does is no command but an order.
    What is `sure` arrives once and in time.
    """

    at: int
    type: str
    topic: Topic
    source: str
    subject: str
    id: str
    body: dict[str, Any] = field(default_factory=dict)
    sure: bool = False
