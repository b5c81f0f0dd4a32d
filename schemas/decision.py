"""What a core answers: facts or one refusal. A core is a module with these names.

- `ROWS: dict[str, type]`: the kinds of its rows. A row key is `subject` (kind "", the public row),
  `subject/kind` or `subject/kind/id`; a row is a slots dataclass.
- `keys(command) -> tuple[str, ...]`: the rows a decision on this command needs; nothing else is
  loaded, and a key that has no row is absent.
- `decide(rows, command, terms) -> Accepted | Refused`: answers, never raises, changes nothing.
- `touched(fact) -> tuple[str, ...]`: the rows `evolve` needs for this fact.
- `evolve(rows, fact) -> dict[str, row | None]`: the rows that changed (None: gone). Total: no
  rules, no clock; it may reuse and change the row objects it is given.
- `forward(fact) -> tuple[Outgoing, ...]`: commands that leave in the fact's transaction.
- `dues(key, row) -> tuple[Due, ...]`: what falls due for this row, for the sweeper.
- `DUE_FROM: dict[str, tuple[str, ...]]`: by kind of row, the fields (however deep in it) one of
  which is not after its first due; a kind without has no dues. `FORGOTTEN_FROM: dict[str,
  tuple[str, int]]`: the field and the milliseconds after it before which it is not forgotten.
- `first_due(row) -> int | None`, optional: the same bound for a subject's own row as an object,
  which is four times as quick to look at as its bytes.
- `forgotten_at(key, row) -> int | None`: from this instant the row counts as absent (ms UTC).
- `account_view(rows, subject) -> dict | None`: what `enquire` and reports show.
- `subjects(command) -> tuple[str, ...]`, optional: every subject a command is about (a batch names
  many cards). All must lie in the command's own partition, else it is misrouted. A fact belongs to
  the subject of its `Decided`, or to the command's where that is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.refusals import Reason

Rows = Mapping[str, Any]


@dataclass(slots=True)
class Decided:
    """A fact to be: `type` with version, `body` a slots dataclass, the entities it concerns.

    Nobody changes it; freezing it would cost a tenth of deciding.
    `location` is the place whose timezone dates it. The runner adds id, time, policy and dates.
    `subject` is whose fact it is where one command is about several; None: the command's.
    """

    type: str
    body: Any
    entities: tuple[str, ...] = ()
    location: str | None = None
    subject: str | None = None


@dataclass(slots=True)
class Accepted:
    """The command counts: its facts in order (none: accepted, nothing changes).

    `covered` and `due` (minor units) answer partial requests; `account` answers an enquiry.
    `remember` False: no answer is kept (enquiries, and sweeps).
    `later`: another service decides; the answer comes with the `belated` of a later command.
    """

    facts: tuple[Decided, ...] = ()
    covered: int | None = None
    due: int | None = None
    balance: dict[str, int] | None = None
    account: dict[str, Any] | None = None
    remember: bool = True
    later: bool = False
    belated: "Belated | None" = None


@dataclass(slots=True, frozen=True)
class Belated:
    """The answer to an earlier `command` on this subject, which was told that it comes later.

    The facts beside it are that command's, after `told` (the types it made at once). `reason`:
    it is refused after all.
    """

    command: str
    told: tuple[str, ...]
    reason: Reason | None = None
    detail: str | None = None


@dataclass(slots=True, frozen=True)
class Refused:
    """The command does not count: the first reason by precedence, and what was wrong.

    `fact` is the refusal as it is recorded; None for an enquiry, which leaves no trace.
    """

    reason: Reason
    detail: str | None = None
    fact: Decided | None = None


Decision = Accepted | Refused


@dataclass(slots=True, frozen=True)
class Due:
    """At `at` (ms UTC) this command is due for `subject`; its id is uuid5(what, due)."""

    at: int
    type: str
    subject: str
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Derived:
    """What a deriving worker makes of one fact: type with version, subject, body, dates."""

    type: str
    subject: str
    body: Any
    dates: dict[str, dict[str, str]] = field(default_factory=dict)
