"""What a replay is about: facts chosen by time, partition, account and type."""

from dataclasses import asdict, dataclass
from typing import Any

from schemas.message import Published


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
