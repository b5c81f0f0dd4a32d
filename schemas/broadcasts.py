"""What is told to every partition of every command topic, in log order: policy, periods, time."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from schemas.identifiers import Name

BROADCAST_SOURCES: Final = frozenset({"service/policy", "service/ledger", "service/story"})


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PolicyChanged(_Told):
    """From here on the partition knows this version; in force from `effective` (ms UTC)."""

    version: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    effective: int


class PeriodClosed(_Told):
    """The entity's books are closed up to and including the ISO day `until`."""

    entity: Name
    until: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class ClockMoved(_Told):
    """The story's clock stands at this record's timestamp."""


BROADCASTS: Final[dict[str, type[PolicyChanged | PeriodClosed | ClockMoved]]] = {
    "policy_changed": PolicyChanged,
    "period_closed": PeriodClosed,
    "clock_moved": ClockMoved,
}
