"""Refunds: captured value goes back to the lots it came from, or on as store credit."""

from dataclasses import dataclass, replace
from typing import Any

from schemas.decision import Decision, Rows
from schemas.identifiers import card_credit, derived
from schemas.message import Fact
from schemas.money import apportion, half_up
from schemas.redemption import RefundCapture
from schemas.redemption_facts import CaptureRefunded
from schemas.refusals import Reason
from schemas.value import CoveredLine, Draw, Lot, Part, ReturnedGoods
from services.redemption import lots as of_lots
from services.redemption.case import Case, accepted, refused
from services.redemption.changes import settle, sold_as, take_in
from services.redemption.orders import used
from services.redemption.receipts import by_price, open_goods, with_goods
from services.redemption.rows import ENDED_KEPT, Account, Capture, Row, capture_key
from services.redemption.standing import resting
from services.redemption.validity import all_ended, end_of_days, ended

CAPTURE_REFUNDED = "capture_refunded.v1"
SAME = "same"


def refund_capture(case: Case, body: RefundCapture) -> Decision:
    """By amount, by lines, or both; cumulative, so that nothing comes back twice."""
    capture = case.rows.get(capture_key(case.command.subject, body.capture))
    if capture is None:
        case.against(Reason.UNKNOWN_CAPTURE)
        return refused(case)
    case.received_in(body.to_currency)
    if case.account.kind == "credit" and body.to not in (None, SAME, case.command.subject):
        case.against(Reason.NOT_PERMITTED, f"to {body.to} — allowed: {SAME}, for its owner's it is")
    wanted, goods = _wanted(case, body, capture)
    if case.reasons:
        return refused(case)
    taken = _backwards(capture, wanted)
    subject = case.command.subject
    to = _target(case, body.to) if taken else subject
    back = _same(case, capture, taken) if to == subject else _other(capture, taken)
    minor = sum(taken.values())
    account = case.account
    ledger = account.ledger + (minor if to == subject else 0)
    state = resting(account, ledger, len(account.holds))
    refunded = CaptureRefunded(
        **case.told(ledger, account.held, state),
        capture=capture.capture,
        to=to,
        to_same=to == subject,
        minor=minor,
        parts=back.parts,
        lines=_lines(capture, wanted),
        restored=back.restored,
        lots=back.lots if to == subject else [_credit_lot(case, minor, back.parts)],
        capture_where=capture.where,
        fully=capture.refunded + minor == capture.minor,
        reason=body.reason,
        goods=goods,
        order=capture.order,
    )
    place = capture.where
    units: list[Any] = [*back.parts, place]
    fact = case.fact(CAPTURE_REFUNDED, refunded, units)
    return accepted(fact) if goods is None else accepted(fact, covered=minor, due=goods.due)


def _wanted(
    case: Case, body: RefundCapture, capture: Capture
) -> tuple[dict[int, int], ReturnedGoods | None]:
    """What goes back per line; by price also the goods."""
    if body.by == "price":
        return by_price(case, body, capture, _left(capture))
    return _by_line(case, body, capture), None


def _left(capture: Capture) -> dict[int, int]:
    """What of each line's covered amount has not come back."""
    left: dict[int, int] = {}
    for part in capture.parts:
        left[part.line] = left.get(part.line, 0) + part.minor - (part.refunded_before or 0)
    return left


def _by_line(case: Case, body: RefundCapture, capture: Capture) -> dict[int, int]:
    """What goes back per line; without lines by largest remainder over what is left of each."""
    left = _left(capture)
    amount = case.amount(body.amount) if body.amount is not None else None
    if amount is not None and amount > capture.minor - capture.refunded:
        case.against(Reason.AMOUNT_EXCEEDS_CAPTURE)
    if body.lines is None:
        if case.reasons or amount is None:
            return {}
        shares = apportion(amount, list(left.values()))
        return {line: share for line, share in zip(left, shares, strict=True) if share}
    wanted: dict[int, int] = {}
    for line in body.lines:
        wanted[line.line] = wanted.get(line.line, 0) + case.amount(line.amount)
    if any(minor > left.get(line, 0) for line, minor in wanted.items()):
        case.against(Reason.AMOUNT_EXCEEDS_CAPTURE, "of a line")
    if amount is not None and amount != sum(wanted.values()):
        case.against(Reason.LINES_DO_NOT_ADD_UP)
    return wanted


def _backwards(capture: Capture, wanted: dict[int, int]) -> dict[int, int]:
    """{index of the part: minor}; within a line what was drawn last goes back first."""
    left = dict(wanted)
    taken: dict[int, int] = {}
    for i in range(len(capture.parts) - 1, -1, -1):
        part = capture.parts[i]
        minor = min(left.get(part.line, 0), part.minor - (part.refunded_before or 0))
        if minor > 0:
            taken[i] = minor
            left[part.line] -= minor
    assert not any(left.values())
    return taken


def _target(case: Case, to: str | None) -> str:
    """The account it goes to; an expired or cancelled one's value becomes its store credit."""
    subject = case.command.subject
    if to not in (None, SAME, subject):
        return str(to)
    account = case.account
    gone = account.state in ("Expired", "Cancelled") or all_ended(account, case.terms)
    return card_credit(subject) if gone else subject


@dataclass(slots=True)
class _Back:
    parts: list[Part]
    restored: list[Draw]
    lots: list[Lot]


def _told(capture: Capture, i: int, minor: int, funded: int) -> Part:
    part = capture.parts[i]
    return replace(
        part,
        minor=minor,
        funded=funded,
        capture=capture.capture,
        capture_policy=capture.policy,
        drawn=part.minor,
        refunded_before=part.refunded_before or 0,
    )


def _touched(capture: Capture, taken: dict[int, int]) -> list[int]:
    """Every part of every line that gives something back: sums per line need the others too."""
    lines = {capture.parts[i].line for i in taken}
    return [i for i, part in enumerate(capture.parts) if part.line in lines]


def _cumulative(part: Part, minor: int) -> int:
    """What of the part's funded comes back with it: wherever it goes, all of it gives all."""
    before = part.refunded_before or 0
    return half_up(part.funded * (before + minor), part.minor) - half_up(
        part.funded * before, part.minor
    )


def _other(capture: Capture, taken: dict[int, int]) -> _Back:
    parts = []
    for i in _touched(capture, taken):
        minor = taken.get(i, 0)
        parts.append(_told(capture, i, minor, _cumulative(capture.parts[i], minor)))
    return _Back(parts, [], [])


def _same(case: Case, capture: Capture, taken: dict[int, int]) -> _Back:
    """Back to the lots; one that is gone is made again, one that expired by a new one."""
    lots = of_lots.by_id(case.account.lots)
    terms = {found.lot: found for found in capture.lots}
    back = _Back([], [], [])
    for i in _touched(capture, taken):
        part, minor = capture.parts[i], taken.get(i, 0)
        funded = _cumulative(part, minor)
        back.parts.append(_told(capture, i, minor, funded))
        if not minor:
            continue
        lot = lots.get(part.lot) or of_lots.made_again(part, terms[part.lot])
        if ended(lot, case.account, case.terms):
            _add_new(case, back, part, minor, funded, lot.of_sale)
        else:
            back.restored.append(Draw(lot=part.lot, minor=minor))
    return back


def _add_new(
    case: Case, back: _Back, part: Part, minor: int, funded: int, of_sale: str | None
) -> None:
    """The lot expired meanwhile: a new one at its place, of origin refund."""
    name = derived("lot", case.command.subject, case.command.once, part.lot)
    for lot in back.lots:
        if lot.lot == name:
            lot.minor, lot.face_start = lot.minor + minor, lot.face_start + minor
            lot.funded, lot.funded_start = lot.funded + funded, lot.funded_start + funded
            return
    lot = of_lots.made(
        case.command,
        case.terms,
        case.where,
        origin="refund",
        programme=part.programme,
        minor=minor,
        funded=funded,
        expires_at=end_of_days(case.terms, case.programme, part.jurisdiction),
        life=case.account.life,
    )
    lot.lot, lot.location, lot.entity = name, part.location, part.entity
    lot.jurisdiction, lot.of_sale = part.jurisdiction, of_sale
    back.lots.append(lot)


def _credit_lot(case: Case, minor: int, parts: list[Part]) -> Lot:
    """What goes to another account: the refunding place owes it, as much as was funded."""
    return of_lots.made(
        case.command,
        case.terms,
        case.where,
        origin="refund",
        programme=case.account.programme,
        minor=minor,
        funded=sum(part.funded for part in parts),
        expires_at=None,
        life=1,
    )


def _lines(capture: Capture, wanted: dict[int, int]) -> list[CoveredLine]:
    lines = []
    for line, minor in wanted.items():
        of_line = [part for part in capture.parts if part.line == line]
        drawn = sum(part.minor for part in of_line)
        lines.append(
            CoveredLine(line=line, category=of_line[0].category, amount=drawn, covered=minor)
        )
    return lines


def capture_refunded(
    rows: Rows, account: Account, fact: Fact, body: CaptureRefunded
) -> dict[str, Row | None]:
    """The capture with more given back; the account with it, if it came here."""
    key = capture_key(fact.subject, body.capture)
    capture: Capture = rows[key]
    settle(account, body)
    if body.to_same:
        _restore(account, capture, body)
        take_in(account, body.lots)
        there = {one.lot for one in body.restored}
        gone = dict.fromkeys(p.lot for p in body.parts if p.minor and p.lot not in there)
        for name, new in zip(gone, body.lots, strict=True):
            sold_as(account, name, new.lot)
    given = {(part.line, part.lot): part.minor for part in body.parts}
    capture.refunded += body.minor
    capture.parts = [
        replace(
            part,
            refunded_before=(part.refunded_before or 0) + given.get((part.line, part.lot), 0),
        )
        for part in capture.parts
    ]
    if body.goods is not None and capture.receipt is not None:
        capture.receipt = with_goods(capture.receipt, body.goods)
    if body.fully and not open_goods(capture.receipt):
        # For as long as anyone may ask again a second refund is told that nothing is left.
        capture.parts, capture.lots = [], []
        capture.until = min(capture.until or fact.time, fact.time + ENDED_KEPT)
    back = used(rows, account, fact, capture.order, -body.minor, -body.minor)
    return {key: capture, **back}


def _restore(account: Account, capture: Capture, body: CaptureRefunded) -> None:
    known = of_lots.by_id(account.lots)
    terms = {found.lot: found for found in capture.lots}
    restored = dict.fromkeys(one.lot for one in body.restored)
    for name in restored:
        parts = [part for part in body.parts if part.lot == name]
        lot = known.get(name)
        if lot is None:
            lot = of_lots.made_again(parts[0], terms[name])
            account.lots.append(lot)
        of_lots.give_back(lot, parts)
