"""Holds: reserving value, more of it, and letting it go again."""

from dataclasses import replace
from typing import Final

from schemas.decision import Accepted, Decided, Decision, Rows
from schemas.instants import SECOND
from schemas.message import Fact
from schemas.money import Money
from schemas.redemption import IncreaseHold, LapseHold, Order, PlaceHold, ReleaseHold
from schemas.redemption_facts import HoldEnded, HoldIncreased, HoldPlaced
from schemas.refusals import Reason
from schemas.value import Draw, Hold, Lot
from services.redemption import lots as of_lots
from services.redemption.case import Case, accepted, refused, swept, unchanged
from services.redemption.changes import count_back, count_out, settle
from services.redemption.limits import may_go_out
from services.redemption.orders import keep_lapsed, room_of, used, within_total, within_total_still
from services.redemption.rights import usable_at
from services.redemption.rows import Account, EndedHold, Row, hold_key
from services.redemption.standing import resting, spendable
from services.redemption.validity import ended

HOLDS_MAX: Final = 50
HOLD_PLACED = "hold_placed.v1"
HOLD_INCREASED = "hold_increased.v1"
HOLD_RELEASED = "hold_released.v1"
HOLD_LAPSED = "hold_lapsed.v1"


def place_hold(case: Case, body: PlaceHold) -> Decision:
    """Reserve value until the hold's end."""
    day = case.day()
    draws = reserve(case, body.amount, bool(body.allow_partial), body.order, day)
    if case.reasons:
        return refused(case)
    hold = new_hold(case, draws, body.ttl_seconds, body.order, day)
    account = case.account
    due = body.amount.minor - hold.minor
    placed = HoldPlaced(
        **case.told(account.ledger, account.held + hold.minor),
        hold=hold,
        requested_minor=body.amount.minor,
        due_minor=due,
    )
    fact = case.fact(HOLD_PLACED, placed, drawn_lots(account, draws))
    if body.allow_partial:
        return accepted(fact, covered=hold.minor, due=due)
    return accepted(fact)


def reserve(
    case: Case, amount: Money, allow_partial: bool, order: Order | None, day: str
) -> list[Draw]:
    """The draws of a new hold with the command's id; what stands against it is added."""
    account = case.account
    minor = case.amount(amount)
    spendable(case)
    if account.holds:
        if find(account, case.command.id) is not None:
            case.against(Reason.ID_REUSED, "a hold that moved here has this id")
        if case.one_time:
            case.against(Reason.HOLD_ALREADY_OPEN)
        if len(account.holds) >= HOLDS_MAX:
            case.against(Reason.LIMIT_EXCEEDED, f"{HOLDS_MAX} open holds")
    if hold_key(case.command.subject, case.command.id) in case.rows:
        case.against(Reason.HOLD_CLOSED, "it was released before it came")
    draws = _draws(case, minor, allow_partial)
    covered = of_lots.total(draws)
    if order is not None:
        within_total(case, order, minor, covered if allow_partial else minor)
    if covered < minor and not (allow_partial and covered):
        case.against(Reason.INSUFFICIENT_FUNDS)
    may_go_out(case, covered if allow_partial and covered else minor, day)
    return draws


def _draws(case: Case, minor: int, allow_partial: bool = False) -> list[Draw]:
    lots = live_lots(case)
    here = usable_at(case.terms.policy, lots, case.where.location)
    draws = of_lots.draw(here, minor)
    enough = here and ((allow_partial and draws) or of_lots.total(draws) >= minor)
    if len(here) < len(lots) and not enough:
        case.against(Reason.LOCATION_NOT_ALLOWED, "value of another franchise")
    return draws


def live_lots(case: Case) -> list[Lot]:
    """The lots that may be spent now, in draw order."""
    account, terms = case.account, case.terms
    if len(account.lots) == 1:
        lot = account.lots[0]
        return [] if lot.expires_at is not None and ended(lot, account, terms) else [lot]
    lots = [lot for lot in account.lots if not ended(lot, account, terms)]
    return of_lots.in_draw_order(lots, case.programme.draw)


def drawn_lots(account: Account, draws: list[Draw]) -> list[Lot]:
    """The lots that draws draw on."""
    if len(account.lots) == 1:
        return account.lots if draws else []
    names = {one.lot for one in draws}
    return [lot for lot in account.lots if lot.lot in names]


def new_hold(
    case: Case, draws: list[Draw], ttl_seconds: int | None, order: Order | None, day: str
) -> Hold:
    """The hold of this command; the channel's time to live goes before the sale's."""
    now = case.terms.now
    seconds = ttl_seconds or _hold_seconds(case)
    order_id, total, taken = room_of(case, order)
    return Hold(
        hold=case.command.id,
        minor=of_lots.total(draws),
        placed_at=now,
        ends_at=now + seconds * SECOND,
        draws=draws,
        order=order_id,
        where=case.where,
        order_total=total,
        order_taken=taken,
        day=day,
    )


def _hold_seconds(case: Case) -> int:
    channel = case.terms.policy.channel(case.command.channel)
    if channel is not None and channel.hold_seconds is not None:
        return channel.hold_seconds
    fixed = case.account.fixed
    if fixed is not None and fixed.hold_seconds is not None:
        return fixed.hold_seconds
    return case.programme.hold_seconds


def find(account: Account, hold: str) -> Hold | None:
    """The open hold of that id."""
    for one in account.holds:
        if one.hold == hold:
            return one
    return None


def increase_hold(case: Case, body: IncreaseHold) -> Decision:
    """Reserve more under an open hold; its end stays. At its end it is closed to increases."""
    hold = find(case.account, body.hold)
    past: EndedHold | None = case.rows.get(hold_key(case.command.subject, body.hold))
    if hold is None and past is None:
        case.against(Reason.UNKNOWN_HOLD)
        return refused(case)
    minor = case.amount(body.amount)
    spendable(case)
    if hold is None:
        lapsed = past is not None and past.ended == "lapsed"
        case.against(Reason.HOLD_LAPSED if lapsed else Reason.HOLD_CLOSED)
        return refused(case)
    if hold.ends_at <= case.terms.now:
        case.against(Reason.HOLD_LAPSED)
    within_total_still(case, hold, minor)
    day = case.day()
    may_go_out(case, minor, day)
    draws = _draws(case, minor)
    if of_lots.total(draws) < minor:
        case.against(Reason.INSUFFICIENT_FUNDS)
    if case.reasons:
        return refused(case)
    account = case.account
    increased = HoldIncreased(
        **case.told(account.ledger, account.held + minor),
        hold=replace(
            hold,
            minor=hold.minor + minor,
            draws=[
                Draw(lot=lot, minor=both)
                for lot, both in of_lots.by_lot([*hold.draws, *draws]).items()
            ],
            day=day if hold.day == day else None,
        ),
        minor=minor,
        day=day,
    )
    return accepted(case.fact(HOLD_INCREASED, increased, drawn_lots(account, draws)))


def release_hold(case: Case, body: ReleaseHold) -> Decision:
    """An advice: accepted however early and often, unless what it names was captured for good."""
    hold = find(case.account, body.hold)
    if hold is not None:
        return _end(case, hold, HOLD_RELEASED) if not case.reasons else refused(case)
    past = case.rows.get(hold_key(case.command.subject, body.hold))
    if past is not None and past.ended in ("captured", "moved"):
        case.against(Reason.HOLD_CLOSED)
    if case.reasons:
        return refused(case)
    account = case.account
    if past is not None:
        return unchanged(account)
    tombstone = HoldEnded(
        **case.told(account.ledger, account.held), hold_id=body.hold, minor=0, unseen=True
    )
    return accepted(case.fact(HOLD_RELEASED, tombstone, []))


def lapse_hold(case: Case, body: LapseHold) -> Accepted:
    """The sweeper's word that a hold is past its end; true or not, it is checked here."""
    hold = find(case.account, body.hold)
    if hold is None or hold.ends_at > case.terms.now:
        return unchanged(case.account, remember=False)
    return swept(_end(case, hold, HOLD_LAPSED))


def past_end(case: Case) -> list[Hold]:
    """Open holds that are past their end, though no sweep has come yet."""
    now = case.terms.now
    return [one for one in case.account.holds if one.ends_at <= now]


def lapsed(case: Case, over: list[Hold]) -> list[Decided]:
    """These holds end, one after the other, as their sweeps would end them."""
    held, left = case.account.held, len(case.account.holds)
    facts = []
    for hold in over:
        held, left = held - hold.minor, left - 1
        facts.append(_ended(case, hold, HOLD_LAPSED, held, left))
    return facts


def _end(case: Case, hold: Hold, type: str) -> Accepted:
    account = case.account
    return accepted(_ended(case, hold, type, account.held - hold.minor, len(account.holds) - 1))


def _ended(case: Case, hold: Hold, type: str, held: int, left: int) -> Decided:
    """`held` and so many holds are `left` after it."""
    account = case.account
    over = HoldEnded(
        **case.told(account.ledger, held, resting(account, account.ledger, left)),
        hold_id=hold.hold,
        minor=hold.minor,
        order=hold.order,
    )
    return case.fact(type, over, drawn_lots(account, hold.draws))


def hold_placed(
    rows: Rows, account: Account, fact: Fact, body: HoldPlaced
) -> dict[str, Row | None]:
    """The account with one more open hold."""
    hold = body.hold
    settle(account, body)
    of_lots.hold_back(account.lots, hold.draws)
    account.holds.append(hold)
    count_out(account, hold.day, hold.minor)
    return used(rows, account, fact, hold.order, hold.minor)


def hold_increased(
    rows: Rows, account: Account, fact: Fact, body: HoldIncreased
) -> dict[str, Row | None]:
    """The account with more under the hold."""
    settle(account, body)
    drop(account, body.hold.hold)
    of_lots.hold_back(account.lots, body.hold.draws)
    account.holds.append(body.hold)
    count_out(account, body.day, body.minor)
    return used(rows, account, fact, body.hold.order, body.minor)


def hold_ended(rows: Rows, account: Account, fact: Fact, body: HoldEnded) -> dict[str, Row | None]:
    """The account without the hold, and what is remembered of it."""
    settle(account, body)
    hold = drop(account, body.hold_id)
    if hold is not None:
        count_back(account, hold, hold.minor)
    ended = EndedHold(
        hold=body.hold_id,
        ended="lapsed" if fact.type == HOLD_LAPSED else "released",
        ended_at=fact.time,
        minor=body.minor,
        order=hold.order if hold is not None else None,
        order_total=hold.order_total if hold is not None else None,
    )
    changed: dict[str, Row | None] = {hold_key(fact.subject, body.hold_id): ended}
    if hold is not None:
        changed |= used(rows, account, fact, hold.order, -hold.minor, hold.captured)
        keep_lapsed(account, ended, hold)
    return changed


def drop(account: Account, hold_id: str) -> Hold | None:
    """Take an open hold off the account and let its lots go."""
    for i, hold in enumerate(account.holds):
        if hold.hold == hold_id:
            del account.holds[i]
            of_lots.let_go(account.lots, hold.draws)
            return hold
    return None
