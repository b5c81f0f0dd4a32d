"""Brings words into the format's alphabet, and refuses those that cannot be or are reserved."""

import re
import unicodedata

from schemas.errors import ScripError

COMPANY_MAX = 16
DESCRIPTION_MAX = 10
NAME_MAX = 22
ACCOUNT_MAX = 17

RETRY = "RETRY PYMT"
REVERSAL = "REVERSAL"

# Words that banks act on; as an ordinary description they would say what is not so.
RESERVED_DESCRIPTIONS = frozenset(
    {
        RETRY,
        REVERSAL,
        "RETURN FEE",
        "ACCTVERIFY",
        "RECLAIM",
        "NONSETTLED",
        "PAYROLL",
        "PURCHASE",
    }
)

# Letters and signs that Unicode does not decompose, with what typists put for them.
_REPLACEMENTS = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-",
        "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l",
        "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
    }
)  # fmt: skip

_ACCOUNT = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z -]{0,15}[0-9A-Za-z])?", re.ASCII)


class NachaError(ScripError):
    """A record cannot be written or read; mend the named field, or the line if one is named.

    `line` counts from 1 in the file; 0 where no file is being read.
    """

    def __init__(self, field: str, reason: str, line: int = 0) -> None:
        where = f"line {line}: " if line else ""
        super().__init__(f"{where}{field}: {reason}")
        self.field = field
        self.reason = reason
        self.line = line


def printable(text: str, field: str) -> str:
    """The text in printable ASCII: accents dropped, ligatures spelt out, the rest an error.

    >>> printable("Café Łódź", "name")
    'Cafe Lodz'
    """
    decomposed = unicodedata.normalize("NFKD", text.translate(_REPLACEMENTS))
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    plain = plain.translate(_REPLACEMENTS).strip(" ")
    require_printable(plain, field)
    return plain


def company_name(text: str) -> str:
    """The company name, 1 to 16 characters: it stands on every statement, so it is never cut."""
    return _bounded(printable(text, "company name"), COMPANY_MAX, "company name")


def description(text: str) -> str:
    """An ordinary description of a batch, 1 to 10 characters; reserved words are refused.

    >>> description("Settlement")
    'Settlement'
    """
    plain = _bounded(printable(text, "description"), DESCRIPTION_MAX, "description")
    if is_reserved(plain):
        raise NachaError("description", f"{plain!r} is reserved")
    return plain


def is_reserved(words: str) -> bool:
    """True for a reserved description in any case and spacing."""
    return " ".join(words.upper().split()) in RESERVED_DESCRIPTIONS


def receiver_name(text: str) -> str:
    """A receiver's name, cut at 22 characters: it is for reading; the account is what is paid."""
    plain = printable(text, "receiving company name")[:NAME_MAX].rstrip(" ")
    if not plain:
        raise NachaError("receiving company name", "is missing")
    return plain


def account_problem(number: str) -> str | None:
    """What is wrong with an account number, or None; it is never cut, changed or filled.

    >>> account_problem("744-5678-99") is None, account_problem("1" * 18)
    (True, 'is longer than 17 characters')
    """
    if len(number) > ACCOUNT_MAX:
        return f"is longer than {ACCOUNT_MAX} characters"
    if not _ACCOUNT.fullmatch(number):
        return "is not letters, digits, blanks and hyphens between letters or digits"
    if not number.strip("0 -"):
        return "is all zeros"
    return None


def require_printable(value: str, field: str) -> None:
    """Refuses every character but blank to tilde: the format has no others."""
    for character in value:
        if not " " <= character <= "~":
            raise NachaError(field, f"{character!r} is not printable ASCII")


def is_digits(value: str) -> bool:
    """True for one or more of 0-9; `str.isdigit` also takes ² and digits of other scripts."""
    return value.isascii() and value.isdigit()


def _bounded(text: str, length_max: int, field: str) -> str:
    if not text:
        raise NachaError(field, "is missing")
    if len(text) > length_max:
        raise NachaError(field, f"{text!r} has more than {length_max} characters")
    return text
