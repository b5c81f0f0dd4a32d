"""Cards come in: prepared for sale, or imported as sold elsewhere."""

from schemas.decision import Accepted, Decided, Decision
from schemas.issuance import (
    CardEntry,
    CardsImported,
    CardsPrepared,
    ImportCards,
    ImportEntry,
    PrepareCards,
)
from schemas.policy import Programme
from services.issuance import checks
from services.issuance.asking import Asked, decided
from services.issuance.rows import PendingSale, TemplateCounts
from services.issuance.sale import IMPORT, expiry, fixed_of, lots_of

TEMPLATES_KEY = "templates/template"


def prepare(asked: Asked) -> Decision:
    """Every card of the batch into stock, or none."""
    body: PrepareCards = asked.command.body
    counts: TemplateCounts = asked.rows.get(TEMPLATES_KEY) or TemplateCounts()
    problem = checks.first_problem(
        [
            *checks.rights(asked.command, asked.terms),
            *checks.stock(asked.command, asked.terms, asked.rows, counts.made),
        ]
    )
    if problem is not None:
        return asked.refused(problem)
    programme = asked.terms.policy.document.programmes[body.programme]
    return Accepted(tuple(_prepared(asked, body, entry, programme) for entry in body.cards))


def _prepared(asked: Asked, body: PrepareCards, entry: CardEntry, programme: Programme) -> Decided:
    fact = CardsPrepared(
        programme=body.programme,
        life=1,
        state="Prepared",
        where=asked.where,
        batch=body.batch,
        last4=entry.last4,
        value_minor=entry.value.minor if entry.value is not None else None,
        currency=programme.currency,
        templates=list(programme.templates),
    )
    return decided("cards_prepared.v1", fact, entry.card)


def take_over(asked: Asked) -> Decision:
    """Every card of an import goes live with its balance, or none."""
    body: ImportCards = asked.command.body
    problem = checks.first_problem(
        [
            *checks.rights(asked.command, asked.terms),
            *checks.stock(asked.command, asked.terms, asked.rows, None),
        ]
    )
    if problem is not None:
        return asked.refused(problem)
    return Accepted(tuple(_imported(asked, body, entry) for entry in body.cards))


def _imported(asked: Asked, body: ImportCards, entry: ImportEntry) -> Decided:
    policy, where = asked.terms.policy, asked.where
    programme = policy.document.programmes[body.programme]
    value = entry.value or body.value
    assert value is not None, "an import without a value was refused"
    sold_at = body.sold_at if entry.sold_at is None else entry.sold_at
    expires_at = body.expires_at if entry.expires_at is None else entry.expires_at
    if expires_at is None:
        expires_at = expiry(policy, programme, where, sold_at)
    sale = PendingSale(
        sale=asked.command.id,
        value_minor=value.minor,
        price_minor=value.minor,
        tender=IMPORT,
        where=where,
        due_at=asked.terms.now,
    )
    fact = CardsImported(
        programme=body.programme,
        life=1,
        state="Activated",
        where=where,
        sale=sale.sale,
        value_minor=value.minor,
        price_minor=value.minor,
        currency=programme.currency,
        tender=IMPORT,
        lots=lots_of(
            policy, body.programme, entry.card, 1, sale, sold_at=sold_at, expires_at=expires_at
        ),
        fixed=fixed_of(programme, value.minor, sold_at=sold_at, expires_at=expires_at),
        batch=body.batch,
        last4=entry.last4,
    )
    return decided("cards_imported.v1", fact, entry.card)
