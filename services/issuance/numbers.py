"""What is printed on a card and typed at a till: digital codes, numbers, barcodes, check digits.

Chance is an argument: the press draws the bits and digits, here they only take their form.
"""

from collections.abc import Sequence
from typing import Final

CODE_BITS: Final = 80
CODE_LENGTH: Final = CODE_BITS // 5
GROUP: Final = 4
CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CROCKFORD_CHECK: Final = CROCKFORD + "*~$=U"
_SAID_OTHERWISE: Final = str.maketrans("OIL", "011", "- ")


def crockford_code(bits: int) -> str:
    """80 random bits → 16 characters and a check character, without groups."""
    assert 0 <= bits < 1 << CODE_BITS
    code = "".join(CROCKFORD[bits >> shift & 31] for shift in range(CODE_BITS - 5, -1, -5))
    return code + CROCKFORD_CHECK[bits % 37]


def grouped(code: str) -> str:
    """As printed: in groups of four."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def normalised(typed: str) -> str:
    """What people type, as it was meant: upper case, no separators, O is 0 and I and L are 1."""
    return typed.strip().upper().translate(_SAID_OTHERWISE)


def is_crockford_code(code: str) -> bool:
    """Is a normalised text a code whose check character is right?"""
    body, check = code[:CODE_LENGTH], code[CODE_LENGTH:]
    if len(code) != CODE_LENGTH + 1 or any(character not in CROCKFORD for character in body):
        return False
    bits = 0
    for character in body:
        bits = bits << 5 | CROCKFORD.index(character)
    return check == CROCKFORD_CHECK[bits % 37]


def luhn_digit(digits: str) -> str:
    """The check digit that makes `digits` and itself pass Luhn."""
    return str(-_luhn_sum(digits + "0") % 10)


def is_luhn(number: str) -> bool:
    """Are these digits, the last of which is their right check digit?"""
    return number.isascii() and number.isdigit() and _luhn_sum(number) % 10 == 0


def _luhn_sum(number: str) -> int:
    total = 0
    for place, character in enumerate(reversed(number)):
        digit = int(character)
        total += digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4)
    return total


def digits_needed(pattern: str) -> int:
    """How many random digits a number template takes."""
    return pattern.count("#")


def digits_of(value: int, count: int) -> list[int]:
    """The last `count` decimal digits of a value, leading zeros too."""
    return [value // 10**place % 10 for place in reversed(range(count))]


def numbered(pattern: str, digits: Sequence[int]) -> str:
    """A number from its template: `#` a random digit, `C` the Luhn digit of what is before it."""
    assert len(digits) == digits_needed(pattern)
    assert all(0 <= digit <= 9 for digit in digits)
    chosen = iter(digits)
    number = ""
    for sign in pattern:
        match sign:
            case "#":
                number += str(next(chosen))
            case "C":
                number += luhn_digit(number)
            case _:
                number += sign
    return number


def ean13(digits: str) -> str:
    """Twelve digits and their EAN-13 check digit."""
    assert len(digits) == 12
    return digits + str(-_ean_sum(digits) % 10)


def is_ean13(number: str) -> bool:
    """Are these thirteen digits with the right check digit?"""
    if len(number) != 13 or not (number.isascii() and number.isdigit()):
        return False
    return (_ean_sum(number[:12]) + int(number[12])) % 10 == 0


def _ean_sum(digits: str) -> int:
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))


def last4(identifier: str) -> str:
    """What may be shown and sent of an identifier."""
    return identifier[-4:]
