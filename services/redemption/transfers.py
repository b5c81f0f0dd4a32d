"""Value that moves between accounts: sent, received, or sent on where it cannot stay."""

from dataclasses import asdict, replace
from typing import Any, Final

from schemas.decision import Accepted, Decided, Decision, Rows
from schemas.handover import ReceiveValue
from schemas.identifiers import SUFFIX_CREDIT, card_credit, derived
from schemas.message import Command, Fact, Outgoing
from schemas.redemption import TransferBalance
from schemas.redemption_facts import CaptureRefunded, ValueForwarded, ValueReceived, ValueSent
from schemas.refusals import Reason
from schemas.terms import Policy
from schemas.topics import REDEMPTION_COMMANDS
from schemas.value import Draw, Hold, Kind, Lot, Where
from services.redemption.case import Case, accepted, refused
from services.redemption.changes import count_moved, sale_of, settle, take_in, trace
from services.redemption.orders import moved
from services.redemption.remainders import RESIDUAL, VALUE_SENT
from services.redemption.rights import place_of
from services.redemption.rows import Account, EndedHold, Row, hold_key
from services.redemption.standing import alive
from services.redemption.validity import all_ended

VALUE_RECEIVED = "value_received.v1"
VALUE_FORWARDED = "value_forwarded.v1"
REPLACEMENT: Final = "replacement"
REFUND: Final = "refund"
_CLOSED: Final = frozenset({"Refunding", "Refunded", "Blank", "Cancelled"})


def transfer_balance(case: Case, body: TransferBalance) -> Decision:
    """All of a card's value, with its holds, to another account; `replacement` ends the card."""
    account, subject = case.account, case.command.subject
    permits = case.terms.policy.permits(case.command.channel, "freeze")
    if account.kind != "card" or body.to == subject:
        case.against(Reason.NOT_PERMITTED, "cards only, and not to themselves")
    case.received_in(body.to_currency)
    replaces = body.reason == REPLACEMENT
    if account.frozen and not permits:
        case.against(Reason.ACCOUNT_FROZEN)
    alive(case)
    if account.state == "Expired" or all_ended(account, case.terms):
        case.against(Reason.ACCOUNT_EXPIRED)
    if account.state == "Redeemed" and case.one_time and not replaces:
        case.against(Reason.ALREADY_USED)
    if not account.ledger and not account.holds and not replaces:
        case.against(Reason.INSUFFICIENT_FUNDS)
    if case.reasons:
        return refused(case)
    sent = ValueSent(
        **case.told(0, 0, "Cancelled" if replaces else "Redeemed"),
        to=body.to,
        minor=account.ledger,
        lots=[replace(lot, of_sale=sale_of(subject, account, lot)) for lot in account.lots],
        holds=list(account.holds),
        reason=body.reason,
    )
    return accepted(case.fact(VALUE_SENT, sent, sent.lots))


def value_sent(rows: Rows, account: Account, fact: Fact, body: ValueSent) -> dict[str, Row | None]:
    """The account without what left; its holds are remembered as moved, and where a sale's went."""
    settle(account, body)
    account.used = True
    trace(account, body.lots, body.to)
    gone_holds = {hold.hold for hold in body.holds}
    account.holds = [hold for hold in account.holds if hold.hold not in gone_holds]
    gone = {lot.lot for lot in body.lots}
    account.lots = [lot for lot in account.lots if lot.lot not in gone]
    ended: dict[str, Row | None] = {
        hold_key(fact.subject, hold.hold): EndedHold(
            hold=hold.hold, ended="moved", ended_at=fact.time, order=hold.order
        )
        for hold in body.holds
    }
    return ended | moved(rows, account, fact, -1)


def receive_value(case: Case, body: ReceiveValue) -> Decision:
    """Never refused: a live account takes it; else it goes to the store credit of the card."""
    if not _takes(case.account, case.command.subject, body):
        return send_on(case.command, body, case.where)
    return _received(case, body, *_arriving(body))


def send_on(command: Command, body: ReceiveValue, where: Where) -> Decision:
    """To the store credit of the card it was meant for; here it never was."""
    lots, holds = _arriving(body)
    on = ValueForwarded(
        sender=body.sender,
        to=card_credit(command.subject),
        minor=sum(lot.minor for lot in lots),
        lots=lots,
        holds=holds,
        programme=body.programme,
        currency=body.currency,
        reason=body.reason,
        order=body.order,
        note=body.note,
    )
    entities = {lot.entity for lot in lots} or {where.entity}
    return Accepted((Decided(VALUE_FORWARDED, on, tuple(sorted(entities)), where.location),))


def _arriving(body: ReceiveValue) -> tuple[list[Lot], list[Hold]]:
    return [Lot(**found) for found in body.lots], [_hold(found) for found in body.holds]


def _takes(account: Account, subject: str, body: ReceiveValue) -> bool:
    if account.currency != body.currency:
        return False
    if account.kind == "card" and body.reason == REFUND:
        return False  # a refund to another account is store credit: nobody cashes it out
    return account.state not in _CLOSED or subject.endswith(SUFFIX_CREDIT)


def _received(case: Case, body: ReceiveValue, lots: list[Lot], holds: list[Hold]) -> Decision:
    account = case.account
    minor = sum(lot.minor for lot in lots)
    names = {lot.lot: _free_name(account.lots, lot, case.command) for lot in lots}
    known = {hold.hold for hold in account.holds}
    for lot in lots:
        lot.lot = names[lot.lot]
        if body.reason == REFUND:
            lot.programme = account.programme
    for hold in holds:
        if hold.hold in known:
            hold.hold = derived("hold", body.sender, hold.hold)
        hold.draws = [Draw(lot=names[one.lot], minor=one.minor) for one in hold.draws]
    ledger = account.ledger + minor
    held = account.held + sum(hold.minor for hold in holds)
    live = ledger > 0 or bool(holds or account.holds) or account.kind == "credit"
    received = ValueReceived(
        **case.told(
            ledger, held, "Activated" if live else account.state, account.frozen or body.frozen
        ),
        sender=body.sender,
        minor=minor,
        lots=lots,
        holds=holds,
        reason=body.reason,
        unclaimed=body.unclaimed,
        order=body.order,
        note=body.note,
    )
    return accepted(case.fact(VALUE_RECEIVED, received, lots))


def _free_name(taken: list[Lot], lot: Lot, command: Command) -> str:
    """A lot that comes back where one of its name still is gets a name of its own."""
    if any(one.lot == lot.lot for one in taken):
        return derived("lot", command.subject, command.once, lot.lot)
    return lot.lot


def _hold(found: dict[str, Any]) -> Hold:
    where = found.get("where")
    draws = [Draw(**one) for one in found["draws"]]
    return Hold(**{**found, "draws": draws, "where": Where(**where) if where else None})


def credit_programme(policy: Policy, currency: str, otherwise: str) -> str:
    """The first credit programme of a currency."""
    for name, programme in policy.document.programmes.items():
        if programme.kind == "credit" and programme.currency == currency:
            return name
    return otherwise


def value_received(account: Account | None, fact: Fact, body: ValueReceived) -> Account:
    """The account with what arrived; the store credit of a card is made by it."""
    if account is None:
        kind: Kind = body.kind
        account = Account(
            kind=kind,
            programme=body.programme,
            currency=body.currency,
            life=body.life,
            state=body.state,
            owner_kind="card",
            owner=fact.subject.removesuffix(SUFFIX_CREDIT),
        )
    settle(account, body)
    account.used = True
    account.unclaimed = account.unclaimed or body.unclaimed
    trace(account, body.lots)
    take_in(account, body.lots)
    account.holds = [*account.holds, *body.holds]
    for hold in body.holds:
        count_moved(account, hold)
    return account


def forward(fact: Fact) -> tuple[Outgoing, ...]:
    """What a fact sends to another account, in its own transaction."""
    match fact.body:
        case ValueSent() as body:
            if not body.lots and not body.holds:
                return ()
            # A transfer is no refund, whatever those who ask for it call it.
            reason = f"transfer ({REFUND})" if body.reason == REFUND else body.reason
            return (_outgoing(fact, body, body.to, body.lots, body.holds, reason),)
        case CaptureRefunded(to_same=False) as body:
            return (_outgoing(fact, body, body.to, body.lots, [], REFUND),)
        case ValueForwarded() as body:
            return (_outgoing(fact, body, body.to, body.lots, body.holds, body.reason),)
        case _:
            return ()


def _outgoing(
    fact: Fact, body: Any, to: str, lots: list[Lot], holds: list[Hold], reason: str | None
) -> Outgoing:
    unclaimed = isinstance(body, ValueForwarded)
    note = body.reason if isinstance(body, CaptureRefunded) else getattr(body, "note", None)
    return Outgoing(
        topic=REDEMPTION_COMMANDS.name,
        id=derived("receive_value", fact.id, to),
        type="receive_value",
        subject=to,
        body={
            "from": body.sender if unclaimed else fact.subject,
            "cause": fact.id,
            "lots": [asdict(lot) for lot in lots],
            "holds": [asdict(hold) for hold in holds],
            "kind": "card" if unclaimed else body.kind,
            "programme": body.programme,
            "currency": body.currency,
            "reason": reason,
            "order": getattr(body, "order", None),
            "note": note,
            "unclaimed": unclaimed,
            **({} if unclaimed else {"place": place_of(body.where)}),
            **({"frozen": True} if _stays_frozen(fact, body, to, reason) else {}),
        },
    )


def _stays_frozen(fact: Fact, body: Any, to: str, reason: str | None) -> bool:
    """What a frozen card cannot keep goes to its store credit by itself, and is frozen there."""
    if isinstance(body, ValueForwarded) or to != card_credit(fact.subject):
        return False
    return reason in (RESIDUAL, REFUND) and bool(body.frozen)


def account_for(subject: str, body: ReceiveValue, policy: Policy) -> Account | None:
    """The store credit of a card, as it is before its first value; None for any other id."""
    if not subject.endswith(SUFFIX_CREDIT):
        return None
    name = credit_programme(policy, body.currency, body.programme)
    return Account(kind="credit", programme=name, currency=body.currency, life=1, state="Activated")
