"""The posting rules as one table: which legs each type of fact posts, and in whose books.

A row reads: over these units, in these books, debit this account and credit that one with so much.
A fact that is not here moves nothing (holds, releases, lapses, freezes, refusals, periods).
"""

from typing import Final

from services.ledger import chart as of
from services.ledger.posting import (
    Row,
    Rule,
    bridge_from,
    bridge_to,
    cash_or_transit,
    charged_to,
    creditor,
    debtor,
    destination,
    granted_as,
    liability,
    loaded_from,
    member,
    no_place,
    of_cohort,
    own,
    parent,
    place,
    refund_place,
    sale_books,
    sold,
    source,
    taken_back,
    tender,
)
from services.ledger.units import (
    adjusted,
    amount,
    between_entities,
    cohorts,
    credit_returned,
    credits_again,
    debit_returned,
    debits_again,
    discounted,
    exception_minor,
    funded,
    gets_more,
    lots,
    lots_granted,
    lots_loaded,
    minor,
    moved,
    obligations,
    owes_more,
    parts,
    parts_to_other,
    parts_to_same,
    positions,
    recognized,
    spent,
    unowed,
    whole,
)

# What a run clears: every obligation between entities, and what small positions carry on. The parts
# on 1290 sum to zero over all entities.
_CLEARED: Final = (
    Row(obligations, debtor, of.DUE_TO, of.IN_TRANSIT, minor),
    Row(obligations, creditor, of.IN_TRANSIT, of.DUE_FROM, minor),
    Row(positions, member, of.IN_TRANSIT, of.DUE_TO, owes_more),
    Row(positions, parent, of.DUE_FROM, of.IN_TRANSIT, owes_more),
    Row(positions, member, of.DUE_FROM, of.IN_TRANSIT, gets_more),
    Row(positions, parent, of.IN_TRANSIT, of.DUE_TO, gets_more),
)

RULES: Final[dict[str, Rule]] = {
    "value_loaded.v1": Rule((Row(lots_loaded, own, loaded_from, liability, funded),)),
    "credit_issued.v1": Rule((Row(lots_granted, own, granted_as, liability, funded),)),
    "hold_captured.v1": Rule(
        (
            Row(parts, own, liability, bridge_to, funded),
            Row(parts, place, bridge_from, sold, funded),
            Row(parts, place, of.DISCOUNT, sold, discounted),
            Row(whole, place, of.EXCEPTIONS, of.REVENUE, exception_minor),
        )
    ),
    "capture_refunded.v1": Rule(
        (
            Row(parts_to_same, own, bridge_to, liability, funded),
            Row(parts_to_same, place, taken_back, bridge_from, funded),
            Row(parts_to_same, place, taken_back, of.DISCOUNT, discounted),
            Row(parts_to_other, place, taken_back, of.TRANSFERS, funded),
            Row(parts_to_other, place, taken_back, of.DISCOUNT, discounted),
        ),
        refund_place,
    ),
    "card_returned.v1": Rule(
        (
            Row(parts, own, liability, bridge_to, funded),
            Row(parts, place, bridge_from, tender, funded),
            Row(whole, place, of.DISCOUNT, tender, adjusted),
        )
    ),
    "import_taken_back.v1": Rule((Row(parts, own, liability, of.OPENING, funded),)),
    "cashed_out.v1": Rule(
        (
            Row(parts, own, liability, bridge_to, funded),
            Row(parts, place, bridge_from, of.CASH, funded),
            Row(parts, place, of.DISCOUNT, of.CASH, discounted),
        )
    ),
    "balance_adjusted.v1": Rule(
        (
            Row(lots, own, of.GOODWILL, liability, funded),
            Row(parts, own, liability, of.GOODWILL, funded),
        )
    ),
    "lots_expired.v1": Rule((Row(parts, own, liability, of.BREAKAGE_RECOGNISED, funded),)),
    "validity_extended.v1": Rule((Row(parts, own, of.BREAKAGE_RECOGNISED, liability, funded),)),
    "value_escheated.v1": Rule((Row(parts, own, liability, of.UNCLAIMED, funded),)),
    "value_sent.v1": Rule((Row(lots, own, liability, of.TRANSFERS, funded),)),
    "value_received.v1": Rule((Row(lots, own, of.TRANSFERS, liability, funded),)),
    "sale_charged_back.v1": Rule(
        (
            Row(parts, own, liability, charged_to, funded),
            Row(whole, sale_books, of.FRAUD_LOSS, tender, spent),
        )
    ),
    "item_accrued.v1": Rule(
        (
            Row(between_entities, source, of.DUE_TO, of.RETAINED, unowed),
            Row(between_entities, destination, of.ALLOWANCE, of.DUE_FROM, unowed),
        ),
        no_place,
    ),
    "file_built.v1": Rule(
        (
            *_CLEARED,
            Row(debits_again, member, of.DUE_TO, of.IN_TRANSIT, amount),
            Row(debits_again, parent, of.IN_TRANSIT, of.DUE_FROM, amount),
            Row(credits_again, member, of.IN_TRANSIT, of.DUE_FROM, amount),
            Row(credits_again, parent, of.DUE_TO, of.IN_TRANSIT, amount),
        ),
        no_place,
    ),
    "run_closed.v1": Rule(_CLEARED, no_place),
    "run_settled.v1": Rule((Row(moved, member, of.BANK, of.IN_TRANSIT, minor),), no_place),
    "entry_returned.v1": Rule(
        (
            Row(debit_returned, member, cash_or_transit, of.DUE_TO, amount),
            Row(debit_returned, parent, of.DUE_FROM, cash_or_transit, amount),
            Row(credit_returned, member, of.DUE_FROM, cash_or_transit, amount),
            Row(credit_returned, parent, cash_or_transit, of.DUE_TO, amount),
        ),
        no_place,
    ),
    "breakage_recognized.v1": Rule(
        (Row(cohorts, of_cohort, of.BREAKAGE_RECOGNISED, of.BREAKAGE_INCOME, recognized),),
        no_place,
    ),
}
