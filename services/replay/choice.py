"""What a replay is about: facts chosen by time, partition, account and type."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from schemas.errors import ScripError
from schemas.message import Published


class ChoiceRefusedError(ScripError):
    """What was chosen cannot be there. Nothing was planned; the message says what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Every condition that is given must hold; nothing given chooses everything.

    `since` ≤ the fact's time < `until` (ms UTC); types are without version. Accounts are always
    rebuilt from their first fact: time and type say whose journals and items are worked out.
    """

    since: int | None = None
    until: int | None = None
    partitions: tuple[int, ...] = ()
    accounts: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    def reads(self, partition: int) -> bool:
        """Is this partition read?"""
        return not self.partitions or partition in self.partitions

    def names(self, account: str) -> bool:
        """Is this account rebuilt?"""
        return not self.accounts or account in self.accounts

    def includes(self, fact: Published) -> bool:
        """Are the journals and items of this fact worked out?"""
        return (
            self.names(fact.subject)
            and (not self.types or fact.type.partition(".")[0] in self.types)
            and (self.since is None or fact.time >= self.since)
            and (self.until is None or fact.time < self.until)
        )

    def as_json(self) -> dict[str, Any]:
        """As it is written into a plan."""
        return {name: value for name, value in asdict(self).items() if value not in (None, ())}


def chosen(said: dict[str, Any]) -> Choice:
    """The choice a plan was made with."""
    fields: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in said.items()}
    return Choice(**fields)


def require_fit(choice: Choice, partitions: int, types: Collection[str]) -> None:
    """Can what is chosen be there at all? A slip of the pen must not look like books in order.

    `types` are without version. Raises ChoiceRefusedError.
    """
    for type in choice.types:
        if type not in types:
            raise ChoiceRefusedError(f"no type {type!r}; there are {', '.join(sorted(types))}")
    for number in choice.partitions:
        if not 0 <= number < partitions:
            raise ChoiceRefusedError(f"no partition {number}; there are 0 to {partitions - 1}")
    if choice.since is not None and choice.until is not None and choice.since >= choice.until:
        raise ChoiceRefusedError("--since is not before --until: nothing is between them")


def require_accounts(choice: Choice, seen: Collection[str]) -> None:
    """Has every account that is named a fact among what was read? Raises ChoiceRefusedError."""
    unknown = [account for account in choice.accounts if account not in seen]
    if unknown:
        raise ChoiceRefusedError(f"no fact of {', '.join(unknown)} is where it was looked for")
