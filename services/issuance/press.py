"""The press makes secrets: codes, numbers, PINs and account ids; the only place with chance."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from schemas.errors import ScripError
from schemas.identifiers import derived
from schemas.issuance import CARDS_PER_COMMAND_MAX
from schemas.message import Outgoing
from schemas.policy import PolicyDocument, Template
from schemas.topics import ISSUANCE_COMMANDS
from services.issuance.directory import Directory, Secret, SecretTakenError
from services.issuance.numbers import (
    CODE_BITS,
    CODE_LENGTH,
    crockford_code,
    digits_needed,
    ean13,
    last4,
    numbered,
)
from services.issuance.templates import TEMPLATE_ABSENT, left
from services.runtime.murmur2 import partition_of

DRAWS_MAX: Final = 20
TEMPLATE_ABSENT_NAME: Final = "(digital)"


class TemplateFullError(ScripError):
    """A template has no room for the batch; make fewer cards, or a new template."""


@dataclass(frozen=True, slots=True)
class PressedCard:
    """A new card with its secrets, for whoever issues it; `repr` shows none of them."""

    account: str
    last4: str
    identifiers: tuple[Secret, ...] = field(repr=False)
    pin: str | None = field(repr=False)


class Press:
    """Makes cards into the directory; what it returns is the only copy of their secrets."""

    def __init__(self, directory: Directory, partitions: int) -> None:
        self._directory = directory
        self._partitions = partitions

    def make(self, policy: PolicyDocument, programme: str, count: int) -> list[PressedCard]:
        """So many new cards of a programme; TemplateFullError where they do not fit."""
        templates = templates_of(policy, programme)
        for name, template in templates.items():
            room = left(template, self._directory.made(name))
            if count > room:
                raise TemplateFullError(f"template {name} has room for {room} more")
        return [self._card(_random_id(), templates) for _ in range(count)]

    def rekey(self, policy: PolicyDocument, programme: str, account: str) -> PressedCard:
        """New secrets for a Blank card; the old ones are gone when this returns."""
        return self._card(account, templates_of(policy, programme), again=True)

    def _card(
        self, account: str, templates: Mapping[str, Template], *, again: bool = False
    ) -> PressedCard:
        register = self._directory.rekey if again else self._directory.register
        for _ in range(DRAWS_MAX):
            drawn = tuple(s for name, t in templates.items() for s in _identifiers(name, t))
            pin = _pin(templates)
            try:
                register(account, drawn, pin)
            except SecretTakenError:
                continue
            return PressedCard(account, last4(drawn[0].text[:CODE_LENGTH]), drawn, pin)
        raise TemplateFullError(f"no free identifier in {DRAWS_MAX} draws of {list(templates)}")

    def commands(
        self,
        programme: str,
        batch: str,
        cards: list[PressedCard],
        value: dict[str, Any] | None = None,
    ) -> Iterator[Outgoing]:
        """The `prepare_cards` of a batch: the cards of one partition together, secrets left out."""
        by_partition: dict[int, list[PressedCard]] = {}
        for card in cards:
            partition = partition_of(card.account.encode(), self._partitions)
            by_partition.setdefault(partition, []).append(card)
        for together in by_partition.values():
            for start in range(0, len(together), CARDS_PER_COMMAND_MAX):
                some = together[start : start + CARDS_PER_COMMAND_MAX]
                yield _prepare(programme, batch, some, value)


def templates_of(policy: PolicyDocument, programme: str) -> dict[str, Template]:
    """The templates of a programme by name; one digital one where it names none."""
    names = policy.programmes[programme].templates
    if not names:
        return {TEMPLATE_ABSENT_NAME: TEMPLATE_ABSENT}
    return {name: policy.templates[name] for name in names}


def _prepare(
    programme: str, batch: str, cards: list[PressedCard], value: dict[str, Any] | None
) -> Outgoing:
    first = cards[0].account
    entries: list[dict[str, Any]] = [{"card": c.account, "last4": c.last4} for c in cards]
    if value is not None:
        entries = [{**entry, "value": value} for entry in entries]
    return Outgoing(
        ISSUANCE_COMMANDS.name,
        derived("prepare", batch, first),
        "prepare_cards",
        first,
        {"programme": programme, "batch": batch, "cards": entries},
    )


def _identifiers(name: str, template: Template) -> Iterator[Secret]:
    if template.number is None:
        yield Secret("code", name, crockford_code(secrets.randbits(CODE_BITS)))
    else:
        yield Secret("number", name, numbered(template.number, _digits(template.number)))
    if template.barcode == "ean13":
        # 20 to 29 are the prefixes GS1 leaves to a shop's own use.
        inside = "".join(str(secrets.randbelow(10)) for _ in range(11))
        yield Secret("barcode", f"{name}/ean13", ean13("2" + inside))


def _digits(pattern: str) -> list[int]:
    return [secrets.randbelow(10) for _ in range(digits_needed(pattern))]


def _pin(templates: Mapping[str, Template]) -> str | None:
    length = max((template.pin or 0 for template in templates.values()), default=0)
    return f"{secrets.randbelow(10**length):0{length}d}" if length else None


def _random_id() -> str:
    return str(UUID(bytes=secrets.token_bytes(16), version=4))
