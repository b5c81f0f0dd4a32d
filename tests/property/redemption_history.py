"""Random histories of commands that know the account they meet, so that most of them go through."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from schemas.identifiers import credit_account
from schemas.instants import DAY, format_instant
from services.redemption.rows import Account, Capture, EndedHold
from tests.property.charge_back_truths import check_found, is_charged_back
from tests.scenario import Scenario
from tests.unit.redemption.network import F1, F2, line, lot, network, sold, usd

CREDIT = credit_account("customer", "u1", "USD")
ACCOUNTS = ["c1", "c1", "c1", "c2", "o1", "g1", CREDIT, "c1+credit", "o1+credit", "nobody"]
PLACES = [F1, F2, {"location": "F3", "channel": "pos"}, None]
LAW = [
    {"jurisdiction": "US", "expiry_floor_years": 1},
    {"jurisdiction": "US-CA", "cash_out_below": 1500},
]
KINDS = {
    "place_hold": 20,
    "increase_hold": 6,
    "capture_hold": 24,
    "release_hold": 5,
    "redeem": 10,
    "refund_capture": 24,
    "load_value": 6,
    "issue_credit": 3,
    "adjust_balance": 4,
    "freeze_account": 1,
    "unfreeze_account": 3,
    "cash_out": 2,
    "expire_credit": 1,
    "charge_back_sale": 3,
    "transfer_balance": 4,
    "cancel_account": 1,
    "reserve_return": 2,
    "confirm_return": 2,
    "cancel_return": 1,
    "extend_validity": 2,
    "escheat_lots": 1,
    "later": 8,
    "sweep": 5,
    "send sweeps": 5,
    "a sweep comes": 8,
}


def open_network(late: str, draw: list[str]) -> Scenario:
    """Cards bought whole and at a discount, one-time ones, credit, and promo value."""
    scenario = network(
        gift={"validity": {"days": 400}, "late_capture": late, "draw": draw}, law=LAW
    )
    end = scenario.now + 400 * DAY
    sold(
        scenario,
        "c1",
        lot("L1", 5_000, expires_at=end),
        lot("L2", 777, funded=699, location="F2", entity="E2"),
        lot("L3", 300, funded=0, origin="promo"),
    )
    sold(scenario, "c2", lot("L4", 2_000, expires_at=end))
    sold(scenario, "o1", lot("L5", 3_000, funded=2_700), programme="once")
    sold(scenario, "g1", lot("L6", 3_000), programme="gone")
    scenario.do("issue_credit", CREDIT, owner={"customer": "u1"}, amount=usd(900), origin="promo")
    return scenario


@dataclass
class History:
    """Commands of every kind, drawn by `chance`, on what is there."""

    scenario: Scenario
    chance: Random
    number: int = 0
    returns: list[str] = field(default_factory=lambda: ["never"])
    accounts: list[str] = field(default_factory=lambda: list(ACCOUNTS))
    sales: dict[str, str] = field(default_factory=dict)

    def step(self) -> None:
        """One more command, or some time, or the sweep."""
        self.number += 1
        kind = self.chance.choices(list(KINDS), list(KINDS.values()))[0]
        if kind == "later":
            self.world().later(days=self.chance.choice([0, 0, 1, 29, 200]), seconds=599)
        elif kind == "sweep":
            self.world().sweep()
        elif kind == "send sweeps":
            self.world().send_sweeps(self.chance.choice([0, 0, 600_000, 40 * DAY]))
        elif kind == "a sweep comes":
            self.world().sweep_comes(self.chance)
        else:
            account = self._account(kind)
            data = getattr(self, f"_{kind}")(account)
            account = CREDIT if kind == "issue_credit" else account
            data = {name: value for name, value in data.items() if value is not None}
            place = self.chance.choice(PLACES)
            if place is not None and kind != "escheat_lots":
                data["place"] = place
            self._do(kind, account, data)
        for _ in range(self.chance.choice([0, 0, 1, 2])):
            self.scenario.arrive()

    def _do(self, kind: str, account: str, data: dict[str, Any]) -> None:
        first = not is_charged_back(self.scenario, account)
        outcome = self.world().do(kind, account, f"k{self.number}", **data)
        if kind == "charge_back_sale" and outcome.reason is None:
            self.scenario.rest()
            check_found(self.scenario, account, first)

    def charge_back_all(self) -> None:
        """In the end the sale of every card is charged back."""
        self.scenario.rest()
        for account in self.accounts:
            self.number += 1
            self._do("charge_back_sale", account, self._charge_back_sale(account))
        self.scenario.rest()

    def world(self) -> Any:
        """What commands are given to; a wider one may deliver to other services too."""
        return self.scenario

    def _account(self, kind: str) -> str:
        known = [account for account in self.accounts if account in self.scenario.rows]
        named = {"refund_capture": "/capture/", "capture_hold": "/hold/"}.get(kind)
        if named is not None and self.chance.random() < 0.8:
            with_row = {key.split("/")[0] for key in self.scenario.rows if named in key}
            with_open = {a for a in known if kind == "capture_hold" and self._open(a)}
            return self.chance.choice(sorted(with_row | with_open) or known or ["nobody"])
        return self.chance.choice([*known, "nobody"])

    def _open(self, account: str) -> bool:
        row = self._row(account)
        return row is not None and bool(row.holds)

    def _some(self, around: int) -> int:
        most = max(around, 1)
        return self.chance.choice([most, most, self.chance.randint(1, most), most + 1, 7, 0])

    def _row(self, account: str) -> Account | None:
        row: Account | None = self.scenario.rows.get(account)
        return row

    def _rows(self, account: str, kind: str) -> list[str]:
        found = [key for key in self.scenario.rows if key.startswith(f"{account}/{kind}/")]
        return [key.split("/", 2)[2] for key in found]

    def _free(self, account: str) -> int:
        row = self._row(account)
        return 0 if row is None else row.ledger - row.held

    def _hold(self, account: str) -> tuple[str, int]:
        row = self._row(account)
        known = [(hold.hold, hold.minor) for hold in row.holds] if row is not None else []
        if known and self.chance.random() < 0.7:
            return self.chance.choice(known)
        for name in self._rows(account, "hold"):
            ended: EndedHold = self.scenario.rows[f"{account}/hold/{name}"]
            known.append((name, ended.minor))
        return self.chance.choice(known or [("never", 5)])

    def _lines(self, amount: int) -> list[dict[str, Any]] | None:
        if self.chance.random() < 0.3:
            return None
        cuts = sorted(self.chance.randint(0, amount) for _ in range(self.chance.randint(0, 3)))
        sizes = [b - a for a, b in zip([0, *cuts], [*cuts, amount], strict=True)]
        more = self.chance.choice([0, 0, 0, 300])
        return [
            line(i + 1, self.chance.choice(["service", "product", "tip"]), size + more)
            for i, size in enumerate(sizes)
        ]

    def _place_hold(self, account: str) -> dict[str, Any]:
        share = self.chance.choice([1, 2, 3, 5])
        return {
            "amount": usd(self._some(self._free(account) // share)),
            "allow_partial": self.chance.random() < 0.5,
            "ttl_seconds": self.chance.choice([None, 1, 3600, 30 * 86_400]),
        }

    def _increase_hold(self, account: str) -> dict[str, Any]:
        amount = self._some(self._free(account) // 2)
        return {"hold": self._hold(account)[0], "amount": usd(amount)}

    def _capture_hold(self, account: str) -> dict[str, Any]:
        hold, minor = self._hold(account)
        amount = self._some(minor)
        return {
            "hold": hold,
            "amount": self.chance.choice([None, usd(amount), usd(amount)]),
            "lines": self._lines(max(amount, minor)),
            "final": self.chance.choice([None, True, False]),
        }

    def _release_hold(self, account: str) -> dict[str, Any]:
        return {"hold": self._hold(account)[0]}

    def _redeem(self, account: str) -> dict[str, Any]:
        amount = self._some(self._free(account) // self.chance.choice([1, 3]))
        partial = self.chance.random() < 0.5
        return {"amount": usd(amount), "allow_partial": partial, "lines": self._lines(amount)}

    def _refund_capture(self, account: str) -> dict[str, Any]:
        names = self._rows(account, "capture")
        to = self.chance.choice([None, None, "same", CREDIT, "nobody"])
        if not names:
            return {"capture": "never", "amount": usd(1), "to": to}
        name = self.chance.choice(names)
        capture: Capture = self.scenario.rows[f"{account}/capture/{name}"]
        left = capture.minor - capture.refunded
        if self.chance.random() < 0.3:
            return {"capture": name, "to": to, "by": "price", **self._goods(capture, left)}
        if self.chance.random() < 0.5 or not capture.parts:
            amount = self._some(left // self.chance.choice([1, 2, 3]))
            return {"capture": name, "amount": usd(amount), "to": to}
        part = self.chance.choice(capture.parts)
        amount = self._some(part.minor - (part.refunded_before or 0))
        return {"capture": name, "lines": [{"line": part.line, "amount": usd(amount)}], "to": to}

    def _goods(self, capture: Capture, left: int) -> dict[str, Any]:
        receipt = capture.receipt
        if receipt is None:
            return {"amount": usd(self._some(left))}
        one = self.chance.choice(receipt.lines)
        price = self._some(one.price - one.returned)
        return {"lines": [{"line": one.line, "amount": usd(price)}]}

    def _load_value(self, account: str) -> dict[str, Any]:
        amount = self.chance.randint(1, 3_000)
        return {
            "amount": usd(amount),
            "origin": self.chance.choice(["paid", "promo", "goodwill"]),
            "price": self.chance.choice([None, usd(amount * 9 // 10)]),
        }

    def _issue_credit(self, account: str) -> dict[str, Any]:
        origin = self.chance.choice(["goodwill", "promo", "issuance"])
        return {"owner": {"customer": "u1"}, "amount": usd(self._some(900)), "origin": origin}

    def _adjust_balance(self, account: str) -> dict[str, Any]:
        return {"minor": self.chance.choice([1, -1]) * self._some(500), "reason": "count"}

    def _freeze_account(self, account: str) -> dict[str, Any]:
        return {"reason": "fraud"}

    _unfreeze_account = _cancel_account = _freeze_account

    def _cash_out(self, account: str) -> dict[str, Any]:
        return {}

    def _expire_credit(self, account: str) -> dict[str, Any]:
        return {"amount": self.chance.choice([None, usd(50)]), "reason": "old"}

    def _charge_back_sale(self, account: str) -> dict[str, Any]:
        return {"sale": self.sales.get(account, f"sale-{account}")}

    def _transfer_balance(self, account: str) -> dict[str, Any]:
        reason = self.chance.choice(["lost", "lost", "replacement"])
        return {"to": self.chance.choice(self.accounts), "reason": reason}

    def _reserve_return(self, account: str) -> dict[str, Any]:
        self.returns.append(f"k{self.number}")
        return {}

    def _confirm_return(self, account: str) -> dict[str, Any]:
        return {"return": self.returns[-1]}

    _cancel_return = _confirm_return

    def _extend_validity(self, account: str) -> dict[str, Any]:
        end = format_instant(self.scenario.now + self.chance.choice([1, 500]) * DAY)
        return {"expires_at": end, "reason": "kind", "approved_by": "eve"}

    def _escheat_lots(self, account: str) -> dict[str, Any]:
        return {"lots": ["L1", "L2", "L4", "L5"], "operation": "e1"}
