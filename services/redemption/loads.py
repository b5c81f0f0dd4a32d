"""Value that comes in: activation of a sold card, and loads."""

from typing import Final

from schemas.decision import Decision
from schemas.identifiers import derived
from schemas.message import Fact
from schemas.money import Money
from schemas.redemption import Activate, LoadValue
from schemas.redemption_facts import ValueLoaded
from schemas.refusals import Reason
from schemas.value import Balance, Fixed, Lot, LotMerge, Origin
from services.redemption import lots as of_lots
from services.redemption.case import Case, accepted, refused
from services.redemption.changes import count_in, settle, take_in
from services.redemption.limits import may_come_in
from services.redemption.rows import Account, Sale
from services.redemption.standing import resting, usable
from services.redemption.validity import end_of, put_off

VALUE_LOADED = "value_loaded.v1"
# Words by which other commands bring value in: nobody pays with them, so no load is paid so.
NO_TENDERS: Final = frozenset({"replacement", "import"})


def activate(case: Case, body: Activate) -> Decision:
    """A sold (or imported) card begins a life here. Never refused."""
    lots = [lot for lot in (Lot(**found) for found in body.lots) if lot.minor > 0]
    ledger = sum(lot.minor for lot in lots)
    account = case.account
    told = {
        **case.told(ledger, 0, "Activated", False),
        "programme": body.programme,
        "life": body.life,
        "currency": case.programme.currency,
    }
    if account.lots or account.holds:
        # It never happens that a live card is activated; were it so, its value would stay.
        lots = [_apart(lot, case) for lot in lots]
        ledger += account.ledger
        told["balance"] = Balance(ledger=ledger, held=account.held, available=ledger - account.held)
    loaded = ValueLoaded(
        **told,
        cause="import" if body.imported else "activation",
        lots=lots,
        minor=sum(lot.minor for lot in lots),
        price_minor=sum(lot.funded for lot in lots),
        tender=body.tender,
        origin=lots[0].origin if lots else "paid",
        sale=body.sale,
        fixed=Fixed(**body.fixed),
    )
    return accepted(case.fact(VALUE_LOADED, loaded, lots))


def _apart(lot: Lot, case: Case) -> Lot:
    lot.lot = derived("lot", case.command.id, lot.lot)
    return lot


def load_value(case: Case, body: LoadValue) -> Decision:
    """More value onto a live account; it comes in where it is loaded."""
    minor = case.amount(body.amount)
    price = _price(case, body.price, minor)
    usable(case)
    if body.tender in NO_TENDERS:
        case.against(Reason.DENOMINATION_NOT_OFFERED, f"tender {body.tender} takes no value in")
    if case.account.kind == "card" and not case.programme.reloadable:
        case.against(Reason.DENOMINATION_NOT_OFFERED, "not reloadable")
    day = case.day()
    may_come_in(case, minor, day)
    origin: Origin = "promo" if body.tender == "promo" else body.origin
    lot = _lot(case, body, origin, minor, {"promo": 0, "goodwill": minor}.get(origin, price))
    merged = room_for(case, lot)
    if case.reasons:
        return refused(case)
    account = case.account
    ledger = account.ledger + minor
    loaded = ValueLoaded(
        **case.told(ledger, account.held, resting(account, ledger, len(account.holds))),
        cause="load",
        lots=[lot],
        minor=minor,
        price_minor=lot.funded,
        tender=body.tender or (origin if origin != "paid" else "other"),
        origin=origin,
        note=body.note,
        day=day,
        validity=put_off(account, case.terms),
        merged=merged,
    )
    return accepted(case.fact(VALUE_LOADED, loaded, [lot]))


def _lot(case: Case, body: LoadValue, origin: Origin, minor: int, funded: int) -> Lot:
    lot = of_lots.made(
        case.command,
        case.terms,
        case.where,
        origin=origin,
        programme=case.account.programme,
        minor=minor,
        funded=funded,
        expires_at=None,
        life=case.account.life,
    )
    return ending(case, lot, body.expires_at)


def ending(case: Case, lot: Lot, own: int | None = None) -> Lot:
    """What comes in now with its end (ms UTC); it is against it to be gone at once."""
    lot.expires_at = end_of(case.terms, case.programme, lot.jurisdiction, own)
    if lot.expires_at is not None and lot.expires_at <= case.terms.now:
        case.against(Reason.DENOMINATION_NOT_OFFERED, "its validity has ended already")
    return lot


def _price(case: Case, price: Money | None, minor: int) -> int:
    if price is None:
        return minor
    if price.currency != case.account.currency:
        case.against(Reason.WRONG_CURRENCY)
    if price.minor < 0:
        case.against(Reason.AMOUNT_NOT_POSITIVE)
    if price.minor > minor:
        case.against(Reason.DENOMINATION_NOT_OFFERED, "a price above the value")
    return price.minor


def room_for(case: Case, lot: Lot) -> list[LotMerge]:
    """The merge that makes room for one more lot; no room is a reason against it."""
    if case.account.state == "Cancelled":
        return []
    merged = of_lots.merge_for(case.account.lots, lot, case.programme.draw)
    if merged is None:
        case.against(Reason.LIMIT_EXCEEDED, f"{of_lots.LOTS_MAX} lots")
        return []
    return merged


def value_loaded(account: Account | None, fact: Fact, body: ValueLoaded) -> Account:
    """The account after value came in."""
    if account is None or (body.cause != "load" and not (account.lots or account.holds)):
        account = Account(
            kind=body.kind,
            programme=body.programme,
            currency=body.currency,
            life=body.life,
            state=body.state,
            # Sweeps of the life before may still come.
            sweeps=0 if account is None else account.sweeps,
        )
    settle(account, body)
    account.loaded_at = fact.time
    if body.cause == "load":
        account.used = True
        count_in(account, body.day, body.minor)
    elif body.fixed is not None:
        account.fixed = body.fixed
        account.sale = Sale(
            sale=body.sale or fact.causationid,
            tender=body.tender,
            price_minor=body.price_minor,
            face_minor=body.minor,
            lots=[lot.lot for lot in body.lots],
            where=body.where,
        )
    later = {found.lot: found.expires_at for found in body.validity}
    for lot in account.lots:
        lot.expires_at = later.get(lot.lot, lot.expires_at)
    take_in(account, body.lots, body.merged)
    return account
