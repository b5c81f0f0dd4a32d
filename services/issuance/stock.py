"""What becomes of a card between its batch and its sale, and when it comes back."""

from collections.abc import Iterator

from schemas.decision import Accepted, Decided, Decision, Refused
from schemas.issuance import (
    CancelCard,
    CardChanged,
    CardsShipped,
    CardState,
    Rekeyed,
    Restock,
    RestoreCard,
    ShipCards,
)
from schemas.refusals import Reason
from services.issuance import checks
from services.issuance.asking import Asked, decided
from services.issuance.imports import undone
from services.issuance.rows import Card
from services.issuance.sales import is_prepared, lapsed_first, overdue


def ship(asked: Asked) -> Decision:
    """A card of stock goes to a location."""
    body: ShipCards = asked.command.body
    problem = checks.first_problem(_ship_problems(asked, body.to))
    card = asked.card
    if problem is not None or card is None:
        return asked.refused(problem or (Reason.UNKNOWN_CARD, "no such card"))
    fact = CardsShipped(
        programme=card.programme,
        life=card.life,
        state="Prepared",
        where=asked.where,
        to=body.to,
        reason=body.reason,
    )
    return Accepted((*lapsed_first(card, asked.terms.now), decided("cards_shipped.v1", fact)))


def _ship_problems(asked: Asked, to: str) -> Iterator[checks.Problem]:
    yield from _of_a_prepared_card(asked)
    if asked.terms.policy.place(to) is None:
        yield Reason.LOCATION_NOT_ALLOWED, f"no location {to} in the policy"


def _of_a_prepared_card(asked: Asked) -> Iterator[checks.Problem]:
    yield from _of_a_card(asked)
    card = asked.card
    if card is not None and not is_prepared(card, asked.terms.now):
        yield Reason.NOT_PREPARED, f"the card is {card.state}"


def _of_a_card(asked: Asked) -> Iterator[checks.Problem]:
    yield from checks.rights(asked.command, asked.terms)
    if asked.command.type != "enquire":  # it moves nothing: no place is wrong for it
        yield from checks.location(asked.command, asked.terms, None)
    if asked.card is None:
        yield Reason.UNKNOWN_CARD, f"no card {asked.command.subject}"


def cancel(asked: Asked) -> Decision:
    """Prepared → Cancelled, by hand."""
    body: CancelCard = asked.command.body
    problem = checks.first_problem(_of_a_prepared_card(asked))
    card = asked.card
    if problem is not None or card is None:
        return asked.refused(problem or (Reason.UNKNOWN_CARD, "no such card"))
    cancelled = _changed("card_cancelled.v1", asked, card, "Cancelled", reason=body.reason)
    return Accepted((*lapsed_first(card, asked.terms.now), cancelled))


def restore(asked: Asked) -> Decision:
    """Cancelled → Prepared, by hand."""
    body: RestoreCard = asked.command.body
    problems = list(_of_a_card(asked))
    card = asked.card
    if card is not None and card.state != "Cancelled":
        problems.append((Reason.NOT_CANCELLED, f"the card is {card.state}"))
    elif card is not None and undone(card):
        problems.append((Reason.NOT_CANCELLED, "an import that was undone: import it anew"))
    problem = checks.first_problem(problems)
    if problem is not None or card is None:
        return asked.refused(problem or (Reason.UNKNOWN_CARD, "no such card"))
    restored = _changed("card_restored.v1", asked, card, "Prepared", reason=body.reason)
    return Accepted((restored,))


def restock(asked: Asked) -> Decision:
    """An unused card came back: Blank, with its next life, until the press gives it a new secret.

    Never refused; a life that is over already changes nothing.
    """
    body: Restock = asked.command.body
    card = asked.card
    if card is None or card.state != "Activated" or body.life < card.life:
        return Accepted()
    fact = CardChanged(
        programme=card.programme, life=body.life + 1, state="Blank", where=asked.where
    )
    return Accepted((decided("card_restocked.v1", fact),))


def rekeyed(asked: Asked) -> Decision:
    """Blank → Prepared, with the last four of its new secret. Never refused."""
    body: Rekeyed = asked.command.body
    card = asked.card
    if card is None or card.state != "Blank":
        return Accepted()
    programme = asked.terms.policy.programme(card.programme)
    fact = CardChanged(
        programme=card.programme,
        life=card.life,
        state="Prepared",
        where=asked.where,
        last4=body.last4,
        templates=list(programme.templates) if programme is not None else [],
    )
    return Accepted((decided("card_rekeyed.v1", fact),))


def enquire(asked: Asked) -> Decision:
    """What state a card of stock is in; no fact and no memory."""
    problem = checks.first_problem(_of_a_card(asked))
    card = asked.card
    if problem is not None or card is None:
        return Refused(*(problem or (Reason.UNKNOWN_CARD, "no such card")))
    if card.state == "Activated":
        return Refused(Reason.NOT_PREPARED, "the card is live: ask redemption")
    account = view(card)
    if overdue(card, asked.terms.now) is not None:
        account["state"] = "Prepared"
    programme = asked.terms.policy.programme(card.programme)
    if programme is not None and programme.product is not None:
        account["product"] = programme.product
    return Accepted(account=account, remember=False)


def view(card: Card) -> dict[str, object]:
    """A card of stock as enquiries and reports show it."""
    shown: dict[str, object] = {
        "state": card.state,
        "programme": card.programme,
        "frozen": False,
        "life": card.life,
    }
    if card.value_minor is not None:
        shown["value"] = {"minor": card.value_minor, "currency": card.currency}
    return shown


def _changed(type: str, asked: Asked, card: Card, state: CardState, *, reason: str) -> Decided:
    fact = CardChanged(
        programme=card.programme, life=card.life, state=state, where=asked.where, reason=reason
    )
    return decided(type, fact)
