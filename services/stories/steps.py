"""What a story can say: one kind of step for each thing that happens, checked and ready to go."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas import issuance, redemption
from schemas.identifiers import Id, Name
from schemas.instants import Instant
from schemas.policy import BasisPoints
from schemas.topics import COMMAND_TOPICS, ISSUANCE_COMMANDS, REDEMPTION_COMMANDS, Topic
from services.settlement.directory import HOLDER_MAX
from services.settlement.filing import RUN_NAME

SOURCE: Final = "service/story"
PRESS: Final = "service/press"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something happens at `at` (ms UTC); `number` counts from 0, `do` is its name."""

    number: int
    line: int
    at: int
    do: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandStep(Step):
    """A command is published: `name` is the card or account as the story says it.

    `body` is its data as on the wire, `time` what the sender claims (ms UTC). `asks` False: nobody
    waits for an answer.
    """

    id: str
    topic: Topic
    subject: str
    name: str
    source: str
    time: int
    body: dict[str, Any]
    asks: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep(Step):
    """A settlement run starts; `dry` ones claim nothing."""

    id: str
    dry: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnStep(Step):
    """The bank returns an entry of a run; without `attempt` or `trace` the latest fitting one."""

    run: str
    location: str
    code: str
    attempt: int | None
    amount: int | None
    trace: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionStep(Step):
    """The bank says that a location's account details have changed."""

    run: str
    location: str
    code: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakageStep(Step):
    """Breakage of a programme is recognised; `rate_bp` instead of policy's rate."""

    id: str
    programme: str
    rate_bp: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseStep(Step):
    """An entity's books are closed up to and including the ISO day `until`."""

    id: str
    entity: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyStep(Step):
    """Another policy: `document` as plain JSON, in force from `effective` (ms UTC)."""

    document: dict[str, Any]
    effective: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartStep(Step):
    """Every worker stops and is restored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatStep(Step):
    """An earlier command or run comes again."""

    of: CommandStep | RunStep


@dataclass(frozen=True, slots=True, kw_only=True)
class GarbageStep(Step):
    """Bytes that are no command; without a key they go to partition 0."""

    topic: Topic
    key: bytes | None
    value: bytes


COMMANDS: Final[dict[str, tuple[tuple[Topic, type[BaseModel]], ...]]] = {}
for _topic, _owner in ((ISSUANCE_COMMANDS, issuance), (REDEMPTION_COMMANDS, redemption)):
    for _name, _model in _owner.COMMANDS.items():
        if _name not in _owner.INTERNAL_COMMANDS:
            COMMANDS[_name] = (*COMMANDS.get(_name, ()), (_topic, _model))
COMMANDS["rekeyed"] = ((ISSUANCE_COMMANDS, issuance.Rekeyed),)

# Who a command is about is named by one of these fields.
SUBJECT_FIELDS: Final = {ISSUANCE_COMMANDS: "card", REDEMPTION_COMMANDS: "account"}
# These bring new cards: their names need not stand under `cards`.
BRINGING: Final = ("prepare_cards", "import_cards")
# The press asks nobody.
ANSWERLESS: Final = ("rekeyed",)


class Said(BaseModel):
    """What every step may say; `at` is checked before anything else."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    at: Instant
    do: str
    id: Id | None = None


class RunSaid(Said):
    """`run_settlement`; its id becomes the name of the bank's file."""

    id: Annotated[str, Field(pattern=rf"^{RUN_NAME}$")]
    dry: bool = False


class ReturnSaid(Said):
    """`bank_return`."""

    run: Id
    location: Name
    code: Annotated[str, Field(pattern=r"^R\d\d$")]
    attempt: Annotated[int, Field(ge=0, le=2)] | None = None
    amount: Annotated[int, Field(ge=0)] | None = None
    trace: str | None = None


class CorrectionSaid(Said):
    """`bank_correction`."""

    run: Id
    location: Name
    code: Annotated[str, Field(pattern=r"^C\d\d$")]
    value: str


class BreakageSaid(Said):
    """`recognize_breakage`."""

    programme: Name
    rate_bp: BasisPoints | None = None


class CloseSaid(Said):
    """`close_period`."""

    entity: Name
    until: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class PolicySaid(Said):
    """`set_policy`."""

    policy: str | dict[str, Any]


class RepeatSaid(Said):
    """`repeat`: `card` or `account` tells which, where two subjects use the id."""

    id: Id
    card: str | None = None
    account: str | None = None

    @model_validator(mode="after")
    def _one(self) -> "RepeatSaid":
        if self.card is not None and self.account is not None:
            raise ValueError("a card or an account, not both")
        return self


class GarbageSaid(Said):
    """`garbage`."""

    topic: str | None = None
    key: str | None = None
    bytes: str | bytes | None = None


class AccountSaid(BaseModel):
    """A bank account of `accounts`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    routing: str
    number: str
    type: Literal["checking", "savings"] = "checking"
    holder: Annotated[str, Field(max_length=HOLDER_MAX)] | None = None
    holder_type: Literal["business", "consumer"] = "business"


class StorySaid(BaseModel):
    """The frame of a story; programmes and owners are checked against the policy."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    policy: str | dict[str, Any]
    cards: dict[Id, Name] = Field(default_factory=dict)
    credits: dict[Id, "CreditSaid"] = Field(default_factory=dict)
    accounts: dict[Name, AccountSaid] = Field(default_factory=dict)
    story: list[dict[str, Any]] = Field(min_length=1)


class CreditSaid(BaseModel):
    """A credit account of `credits`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    programme: Name
    owner: redemption.Owner


OPERATIONS: Final[dict[str, type[Said]]] = {
    "run_settlement": RunSaid,
    "bank_return": ReturnSaid,
    "bank_correction": CorrectionSaid,
    "recognize_breakage": BreakageSaid,
    "close_period": CloseSaid,
    "set_policy": PolicySaid,
    "restart": Said,
    "repeat": RepeatSaid,
    "garbage": GarbageSaid,
}
GARBAGE_TOPICS: Final = {topic.name: topic for topic in COMMAND_TOPICS}
