"""Says whether a routing number can exist: check digit, prefix range, and not all zeros."""

from schemas.bank_text import is_digits

_WEIGHTS = (3, 7, 1, 3, 7, 1, 3, 7)


def check_digit(first_eight: str) -> int:
    """The ninth digit that makes eight digits a routing number (weights 3, 7, 1, modulo 10).

    >>> check_digit("02100002")
    1
    """
    total = sum(int(d) * weight for d, weight in zip(first_eight, _WEIGHTS, strict=True))
    return -total % 10


def problem(routing: str) -> str | None:
    """What is wrong with a routing number, or None.

    The check digit alone lets 000000000 and unassigned prefixes pass; the ABA assigns 00-12,
    21-32, 61-72 and 80.

    >>> problem("021000021") is None, problem("000000000")
    (True, 'is all zeros')
    """
    if len(routing) != 9 or not is_digits(routing):
        return "is not nine digits"
    if routing == "0" * 9:
        return "is all zeros"
    if not _is_assigned(int(routing[:2])):
        return f"begins with {routing[:2]}, which is assigned to no bank"
    if int(routing[8]) != check_digit(routing[:8]):
        return "does not match its check digit"
    return None


def _is_assigned(prefix: int) -> bool:
    return prefix <= 12 or 21 <= prefix <= 32 or 61 <= prefix <= 72 or prefix == 80
