"""What a sale makes: its lot, when it expires, and what it fixes for the life of the card."""

from schemas.identifiers import derived
from schemas.instants import local_date
from schemas.policy import Programme
from schemas.terms import Policy
from schemas.value import Fixed, Lot, Origin, Where
from services.issuance.rows import PendingSale

PROMO = "promo"
REPLACEMENT = "replacement"
IMPORT = "import"


def origin_of(tender: str) -> Origin:
    """Where value paid with this tender comes from, as the books see it."""
    match tender:
        case "promo":
            return "promo"
        case "import":
            return "import"
        case _:
            return "paid"


def expiry(policy: Policy, programme: Programme, where: Where, sold_at: int) -> int | None:
    """The later of the programme's validity and the law's floor (ms UTC); None: never."""
    by_programme = policy.expiry(programme, sold_at)
    place = policy.place(where.location)
    jurisdiction = place.jurisdiction if place is not None else "US"
    if by_programme is None or any(row.no_expiry for row in policy.laws(jurisdiction, sold_at)):
        return None
    floor = policy.expiry_floor(jurisdiction, sold_at, sold_at)
    return by_programme if floor is None else max(by_programme, floor)


def lots_of(
    policy: Policy,
    programme: str,
    card: str,
    life: int,
    sale: PendingSale,
    *,
    sold_at: int,
    expires_at: int | None,
) -> list[Lot]:
    """The one lot of a sale; none for a replacement, whose value arrives by transfer."""
    if sale.value_minor == 0:
        return []
    place = policy.place(sale.where.location)
    origin = origin_of(sale.tender)
    funded = 0 if origin == "promo" else sale.price_minor
    return [
        Lot(
            lot=derived("lot", card, sale.sale),
            origin=origin,
            location=sale.where.location,
            entity=sale.where.entity,
            programme=programme,
            jurisdiction=place.jurisdiction if place is not None else "US",
            cohort=local_date(sold_at, policy.document.network.timezone)[:7],
            minor=sale.value_minor,
            funded=funded,
            face_start=sale.value_minor,
            funded_start=funded,
            sold_at=sold_at,
            expires_at=expires_at,
            life=life,
        )
    ]


def fixed_of(
    programme: Programme, value_minor: int, *, sold_at: int, expires_at: int | None
) -> Fixed:
    """What the sale fixes, whatever policy says later."""
    return Fixed(
        sold_at=sold_at,
        face_minor=value_minor,
        expires_at=expires_at,
        hold_seconds=programme.hold_seconds,
        balance_max=programme.limits.balance_max,
        per_day_max=programme.limits.per_day_max,
    )
