"""Ids that follow from what they name, so that the same cause has the same id on every replay."""

import unicodedata
from hashlib import sha1
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, Field

from schemas.instants import DAY

NAMESPACE: Final = UUID("6f1b0f7a-5d3c-5c1e-9a53-3a3f8f1f7c11")
_BEGUN: Final = sha1(NAMESPACE.bytes, usedforsecurity=False)
_VARIANTS: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
SUFFIX_CREDIT: Final = "+credit"
# A command leads to fewer facts than this.
FACTS_MAX: Final = 1_000_000

ID: Final = r"[A-Za-z0-9][A-Za-z0-9._:+\-]{0,127}"
# A card of any id has store credit, and that its own where it is of another currency: up to 156.
SUBJECT: Final = ID + r"(?:\+credit){0,4}"


def _of_a_card(id: str) -> str:
    if id.endswith(SUFFIX_CREDIT):
        raise ValueError(f"an id without {SUFFIX_CREDIT} at its end: that names store credit")
    return id


Id = Annotated[str, Field(pattern=rf"^{ID}$")]
AccountId = Annotated[str, Field(pattern=rf"^{SUBJECT}$")]
CardId = Annotated[
    str,
    Field(pattern=rf"^{ID}$", json_schema_extra={"not": {"pattern": r"\+credit$"}}),
    AfterValidator(_of_a_card),
]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:+\-]{0,63}$")]


def derived(*parts: str) -> str:
    """uuid5 over the parts, joined by `|`, in Scrip's namespace.

    Written out here because every fact needs one, and the library takes four times as long.
    """
    begun = _BEGUN.copy()  # the namespace is hashed already: a third less than from the start
    begun.update("|".join(parts).encode())
    text = begun.hexdigest()
    variant = _VARIANTS[text[16]]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


def fact_id(topic: str, subject: str, command: str, number: int) -> str:
    """The id of a command's fact of this `number` (design: identity is an input)."""
    return derived(topic, subject, command, str(number))


def first_number(time: int) -> int:
    """From which number facts are counted of a command that claims this `time` (ms UTC).

    A command's id may come again once its answer is forgotten, but never with a time of the same
    day, so that its facts have other ids.
    """
    return time // DAY * FACTS_MAX


def credit_account(owner_kind: str, owner: str, currency: str) -> str:
    """The account id of an owner's store credit in one currency."""
    return derived(owner_kind, owner, currency)


def card_credit(card: str) -> str:
    """The store-credit account that takes value which cannot return to its card."""
    return card + SUFFIX_CREDIT


def same_person(one: str, other: str) -> bool:
    """Do two names mean one person, however they are written (case, spaces, width)?"""
    return _as_meant(one) == _as_meant(other)


def _as_meant(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
