"""Why a command is refused, in order of precedence: of several reasons, the first one counts."""

from enum import StrEnum


class Reason(StrEnum):
    """The closed list of refusals; the order of the members is their precedence."""

    UNREADABLE = "unreadable"
    ID_REUSED = "id_reused"
    TOO_OLD = "too_old"
    TOO_EARLY = "too_early"
    NOT_PERMITTED = "not_permitted"
    UNKNOWN_PROGRAMME = "unknown_programme"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_CARD = "unknown_card"
    UNKNOWN_HOLD = "unknown_hold"
    UNKNOWN_CAPTURE = "unknown_capture"
    UNKNOWN_SALE = "unknown_sale"
    UNKNOWN_RETURN = "unknown_return"
    WRONG_CURRENCY = "wrong_currency"
    AMOUNT_NOT_POSITIVE = "amount_not_positive"
    ALREADY_PREPARED = "already_prepared"
    TEMPLATE_FULL = "template_full"
    NOT_CANCELLED = "not_cancelled"
    NOT_PREPARED = "not_prepared"
    NOT_ACTIVE = "not_active"
    ACCOUNT_CANCELLED = "account_cancelled"
    ACCOUNT_FROZEN = "account_frozen"
    ACCOUNT_EXPIRED = "account_expired"
    ALREADY_USED = "already_used"
    HOLD_ALREADY_OPEN = "hold_already_open"
    HOLD_LAPSED = "hold_lapsed"
    HOLD_CLOSED = "hold_closed"
    RETURN_WINDOW_CLOSED = "return_window_closed"
    NOT_UNUSED = "not_unused"
    LOCATION_NOT_ALLOWED = "location_not_allowed"
    DENOMINATION_NOT_OFFERED = "denomination_not_offered"
    LIMIT_EXCEEDED = "limit_exceeded"
    AMOUNT_EXCEEDS_HOLD = "amount_exceeds_hold"
    AMOUNT_EXCEEDS_CAPTURE = "amount_exceeds_capture"
    LINES_DO_NOT_ADD_UP = "lines_do_not_add_up"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    WOULD_BE_NEGATIVE = "would_be_negative"
    BALANCE_NOT_ZERO = "balance_not_zero"
    APPROVAL_REQUIRED = "approval_required"
    CASH_OUT_NOT_ALLOWED = "cash_out_not_allowed"
    ALREADY_ISSUED = "already_issued"


PRECEDENCE = {reason: rank for rank, reason in enumerate(Reason)}


def first(reasons: list[Reason]) -> Reason | None:
    """The reason that counts, or None where there is none."""
    return min(reasons, key=PRECEDENCE.__getitem__, default=None)
