"""The standard chart of accounts, and which of them a tender, a category or a grant stands for.

Policy may remap every number (`Policy.chart`); rules and invariants speak of these.
"""

from typing import Final

BANK: Final = "1000"
CLEARING: Final = "1010"
CASH: Final = "1020"
DUE_FROM: Final = "1200"
IN_TRANSIT: Final = "1290"
CARDS: Final = "2100"
CREDITS: Final = "2110"
TRANSFERS: Final = "2150"
BREAKAGE_RECOGNISED: Final = "2190"
TAX: Final = "2200"
TIPS: Final = "2250"
DUE_TO: Final = "2300"
CONSIGNORS: Final = "2350"
UNCLAIMED: Final = "2400"
OPENING: Final = "3900"
REVENUE: Final = "4000"
RETURNS: Final = "4050"
BREAKAGE_INCOME: Final = "4100"
RETAINED: Final = "4200"
ALLOWANCE: Final = "4290"
DISCOUNT: Final = "4300"
GOODWILL: Final = "6100"
MEMBERSHIP: Final = "6110"
FRAUD_LOSS: Final = "6950"
EXCEPTIONS: Final = "6960"

# The other entity of the line is a dimension on these, so that pairs of books can be compared.
BETWEEN_ENTITIES: Final = frozenset({DUE_FROM, DUE_TO, RETAINED, ALLOWANCE})
TENDERS: Final = {"cash": CASH}  # all others: clearing
TENDERS_MEMO: Final = frozenset({"promo", "replacement"})
CATEGORIES: Final = {"tax": TAX, "tip": TIPS}  # all others: revenue
GRANTS: Final = {
    "goodwill": GOODWILL,
    "issuance": GOODWILL,
    "membership": MEMBERSHIP,
    "consignment": CONSIGNORS,
    "refund": RETURNS,
}
GRANTS_MEMO: Final = frozenset({"promo"})
