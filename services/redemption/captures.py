"""Captures: spending what a hold reserved, late ones too, and what may be refunded from them."""

from dataclasses import dataclass, field, replace

from schemas.decision import Decided, Decision, Rows
from schemas.instants import DAY, INTEGER_MAX
from schemas.message import Fact
from schemas.redemption import CaptureHold, Line, Redeem
from schemas.redemption_facts import HoldCaptured, HoldPlaced
from schemas.refusals import Reason
from schemas.value import Draw, Hold
from services.redemption import lots as of_lots
from services.redemption.case import Case, accepted, refused
from services.redemption.changes import count_back, count_out, settle
from services.redemption.holds import (
    HOLD_PLACED,
    drawn_lots,
    drop,
    find,
    lapsed,
    live_lots,
    new_hold,
    past_end,
    reserve,
)
from services.redemption.limits import may_go_out
from services.redemption.orders import keep_lapsed, used, within_total_late
from services.redemption.receipts import receipt_of
from services.redemption.remainders import rest_of
from services.redemption.rights import foreign, usable_at
from services.redemption.rows import (
    Account,
    Capture,
    EndedHold,
    Row,
    capture_key,
    hold_key,
    terms_of,
)
from services.redemption.split import cover, lines_add_up, split
from services.redemption.standing import alive, resting

HOLD_CAPTURED = "hold_captured.v1"


@dataclass(slots=True)
class Spending:
    """What a capture takes, before it is told: `freed` is what its own hold had reserved.

    `lapsed` are holds beside it that are past their end: they end first, sweep or not. `day`: the
    network day that a late one counts on.
    """

    hold_id: str
    requested: int
    draws: list[Draw]
    freed: int = 0
    rest: Hold | None = None
    exception: int = 0
    late: bool = False
    final: bool = True
    order: str | None = None
    lapsed: list[Hold] = field(default_factory=list)
    day: str | None = None


def capture_hold(case: Case, body: CaptureHold) -> Decision:
    """Spend what the hold reserved: all, or `amount`; at or after its end by the late policy."""
    hold = find(case.account, body.hold)
    past: EndedHold | None = case.rows.get(hold_key(case.command.subject, body.hold))
    known = hold or past
    _not_again(case)
    if known is None:
        case.against(Reason.UNKNOWN_HOLD)
        return refused(case)
    open_minor = known.minor
    minor = case.amount(body.amount) if body.amount is not None else open_minor
    lines_add_up(case, body.lines, minor)
    if hold is None and past is not None and past.ended != "lapsed":
        alive(case)
        case.against(Reason.HOLD_CLOSED)
        return refused(case)
    if minor > open_minor:
        case.against(Reason.AMOUNT_EXCEEDS_HOLD)
    elif minor == 0:
        case.against(Reason.AMOUNT_NOT_POSITIVE, "nothing is left under the hold")
    final = body.final is not False or case.one_time
    if hold is not None and case.terms.now < hold.ends_at:
        spending = _on_time(hold, minor, final)
        spending.lapsed = _past_beside(case, hold) if case.one_time else []
    else:
        spending = _late(case, hold, known, minor)
        spending.final = final
    policy = case.terms.policy
    if not policy.document.settlement.cross_franchise and foreign(
        policy, drawn_lots(case.account, spending.draws), case.where.location
    ):
        case.against(Reason.LOCATION_NOT_ALLOWED, "value of another franchise")
    if case.reasons:
        return refused(case)
    before = lapsed(case, spending.lapsed)
    held = case.account.held - sum(one.minor for one in spending.lapsed)
    return accepted(*before, *captured(case, spending, body.lines, held))


def _not_again(case: Case) -> None:
    if capture_key(case.command.subject, case.command.id) in case.rows:
        case.against(Reason.ID_REUSED, "a capture that may come back has this id")


def redeem(case: Case, body: Redeem) -> Decision:
    """Hold and capture in one; of both the id is the command's."""
    account = case.account
    day = case.day()
    lines_add_up(case, body.lines, body.amount.minor)
    _not_again(case)
    draws = reserve(case, body.amount, bool(body.allow_partial), body.order, day)
    if case.reasons:
        return refused(case)
    hold = new_hold(case, draws, None, body.order, day)
    due = body.amount.minor - hold.minor
    placed = HoldPlaced(
        **case.told(account.ledger, account.held + hold.minor),
        hold=hold,
        requested_minor=body.amount.minor,
        due_minor=due,
    )
    spending = Spending(hold.hold, body.amount.minor, draws, hold.minor, order=hold.order)
    facts = (
        case.fact(HOLD_PLACED, placed, drawn_lots(account, draws)),
        *captured(case, spending, body.lines, account.held + hold.minor),
    )
    if body.allow_partial:
        return accepted(*facts, covered=hold.minor, due=due)
    return accepted(*facts)


def _on_time(hold: Hold, minor: int, final: bool) -> Spending:
    if final and minor == hold.minor:
        return Spending(hold.hold, minor, hold.draws, minor, order=hold.order)
    spent, rest = of_lots.first_of(hold.draws, minor)
    spending = Spending(hold.hold, minor, spent, hold.minor, final=final, order=hold.order)
    if not final:
        spending.rest = replace(
            hold, minor=hold.minor - minor, captured=hold.captured + minor, draws=rest
        )
    return spending


def _late(case: Case, hold: Hold | None, known: Hold | EndedHold, minor: int) -> Spending:
    """The goods have left the shop: draw anew from what is available, as if it had lapsed.

    Lapsed or not, the answer is the same; the sweep decides nothing.
    """
    account = case.account
    policy = case.programme.late_capture
    spending = Spending(known.hold, minor, [], late=True, order=known.order)
    spending.lapsed = _past_beside(case, hold)
    over = [*spending.lapsed]
    if hold is not None:
        spending.freed = hold.minor
        over.append(hold)
    freed = of_lots.by_lot(draw for one in over for draw in one.draws)
    alive(case)
    if account.frozen:
        case.against(Reason.ACCOUNT_FROZEN, "a late capture takes anew")
    others = _others(case, spending)
    # A one-time card is spent by one hold only: what another reserves or took is not available.
    live = live_lots(case)
    here = usable_at(case.terms.policy, live, case.where.location)
    if not (case.one_time and (others or account.state == "Redeemed")):
        spending.draws = of_lots.draw(here, minor, freed)
    missing = minor - of_lots.total(spending.draws)
    if missing and len(here) < len(live):
        case.against(Reason.LOCATION_NOT_ALLOWED, "value of another franchise")
    if policy == "reject" or (policy == "honour_if_available" and missing):
        case.against(Reason.HOLD_LAPSED)
        if case.one_time and account.state == "Redeemed":
            case.against(Reason.ALREADY_USED)
    within_total_late(case, known, minor, over)
    spending.day = case.day()
    if missing < minor:
        may_go_out(case, minor - missing, spending.day, over)
    spending.exception = missing
    return spending


def _past_beside(case: Case, own: Hold | None) -> list[Hold]:
    """Those past their end but `own`."""
    return [one for one in past_end(case) if one is not own]


def captured(
    case: Case, spending: Spending, lines: list[Line] | None, held: int
) -> tuple[Decided, ...]:
    """The capture's facts; a one-time card's rest leaves it at once. `held` is before it."""
    account = case.account
    minor = of_lots.total(spending.draws)
    rest = spending.rest
    ledger = account.ledger - minor
    held = held - spending.freed + (rest.minor if rest is not None else 0)
    open_after = _open_after(case, spending)
    # Holds that came with a transfer may be open beside it: then the card waits for the last.
    used_up = case.one_time and minor > 0 and not open_after
    state = "Redeemed" if used_up else resting(account, ledger, open_after)
    covered = cover(lines, minor)
    known = of_lots.by_id(account.lots)
    fact = HoldCaptured(
        **case.told(ledger, held, state),
        hold_id=spending.hold_id,
        capture=case.command.id,
        minor=minor,
        requested_minor=spending.requested,
        exception_minor=spending.exception,
        late=spending.late,
        final=spending.final,
        parts=split(covered, spending.draws, known),
        lines=covered,
        draws=spending.draws,
        hold=rest,
        released_minor=0 if rest is not None else max(0, spending.freed - minor),
        order=spending.order,
        day=spending.day,
        refundable_until=min(
            case.terms.now + case.terms.policy.document.refund_days * DAY, INTEGER_MAX
        ),
    )
    decided = case.fact(HOLD_CAPTURED, fact, fact.parts)
    if used_up and ledger:
        return decided, rest_of(case, spending.draws)
    return (decided,)


def _open_after(case: Case, spending: Spending) -> int:
    return _others(case, spending) + (spending.rest is not None)


def _others(case: Case, spending: Spending) -> int:
    own = find(case.account, spending.hold_id) is not None
    return len(case.account.holds) - own - len(spending.lapsed)


def hold_captured(
    rows: Rows, account: Account, fact: Fact, body: HoldCaptured
) -> dict[str, Row | None]:
    """The account with less, the hold as it stays or ended, and the capture to refund from."""
    settle(account, body)
    hold = drop(account, body.hold_id)
    past = hold or rows.get(hold_key(fact.subject, body.hold_id))
    changed: dict[str, Row | None] = {}
    ended: EndedHold | None = None
    if body.hold is not None:
        of_lots.hold_back(account.lots, body.hold.draws)
        account.holds.append(body.hold)
    else:
        if hold is not None:
            count_back(account, hold, body.released_minor if body.day is None else hold.minor)
        count_out(account, body.day, 0 if body.day is None else body.minor)
        ended = EndedHold(
            hold=body.hold_id,
            ended="captured" if body.final else "lapsed",
            ended_at=fact.time,
            minor=0 if body.final or past is None else past.minor - body.requested_minor,
            order=body.order,
            order_total=None if past is None else past.order_total,
        )
        changed[hold_key(fact.subject, body.hold_id)] = ended
    if body.minor:
        account.used = True
        changed[capture_key(fact.subject, body.capture)] = _refundable(account, fact, body)
        of_lots.take_out(account.lots, body.draws)
    more = body.minor if hold is None else -body.released_minor
    over = 0 if body.hold is not None else body.minor + (hold.captured if hold is not None else 0)
    changed |= used(rows, account, fact, body.order, more, over)
    if ended is not None:
        keep_lapsed(account, ended, hold, body.minor)
    return changed


def _refundable(account: Account, fact: Fact, body: HoldCaptured) -> Capture:
    return Capture(
        capture=body.capture,
        minor=body.minor,
        refunded=0,
        policy=fact.policy,
        where=body.where,
        parts=body.parts,
        lots=[terms_of(lot) for lot in drawn_lots(account, body.draws)],
        until=body.refundable_until,
        receipt=receipt_of(body),
        order=body.order,
    )
