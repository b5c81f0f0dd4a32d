"""The page of refusals: each reason in order of precedence, what it means and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.refusals import Reason

# What is meant, and what whoever is told so may do.
MEANINGS: Final[dict[Reason, tuple[str, str]]] = {
    Reason.UNREADABLE: (
        "the message is no command: a field is missing, unknown or of a wrong type or form",
        "mend the message; its bytes are among the dead letters",
    ),
    Reason.ID_REUSED: (
        "this id was used on this subject with another type or other data",
        "take a new id for a new command",
    ),
    Reason.TOO_OLD: (
        "`time` lies more than 35 days before the record's arrival",
        "send it with a new id and time, if it is still meant",
    ),
    Reason.TOO_EARLY: (
        "`time` lies more than 1 day after the record's arrival",
        "set the sender's clock",
    ),
    Reason.NOT_PERMITTED: (
        "the sealed source lacks the right, names another channel, or the command is not for this "
        "kind of account",
        "see rights.md; policy says what a channel may",
    ),
    Reason.UNKNOWN_PROGRAMME: (
        "policy has no such programme, or none for this currency or plan",
        "mend the command, or apply a policy that has it",
    ),
    Reason.UNKNOWN_ACCOUNT: (
        "no value ever came to this account; a card that was never sold is none yet",
        "check the id; it is remembered for a day only",
    ),
    Reason.UNKNOWN_CARD: ("issuance has no such card", "check the id"),
    Reason.UNKNOWN_HOLD: ("no hold of this id was ever seen here", "name the hold's command"),
    Reason.UNKNOWN_CAPTURE: (
        "no such capture, or its `refund_days` are over",
        "name the capture's command; issue credit instead",
    ),
    Reason.UNKNOWN_SALE: ("the card was not sold (or imported) so", "name the sale's command"),
    Reason.UNKNOWN_RETURN: ("no return of this id is under way", "reserve it first"),
    Reason.WRONG_CURRENCY: (
        "an amount is in another currency than the account, or the target's differs",
        "use the account's currency",
    ),
    Reason.AMOUNT_NOT_POSITIVE: ("an amount is 0 or less", "name a positive amount"),
    Reason.ALREADY_PREPARED: ("a card of the batch is there already, or named twice", "new ids"),
    Reason.TEMPLATE_FULL: (
        "a template has no room for so many cards",
        "raise its capacity, or use another template",
    ),
    Reason.NOT_CANCELLED: ("only a cancelled card of stock is restored", "nothing"),
    Reason.NOT_PREPARED: (
        "the card is not Prepared: being sold, live, Blank or cancelled; or the sale has ended",
        "take another card",
    ),
    Reason.NOT_ACTIVE: (
        "the card is on its way back, was returned, or waits in stock for its next life",
        "cancel the return, or take another card",
    ),
    Reason.ACCOUNT_CANCELLED: ("the account was cancelled", "its value moved or was 0"),
    Reason.ACCOUNT_FROZEN: (
        "nothing new goes out of a frozen account",
        "unfreeze it; open holds may be captured and released",
    ),
    Reason.ACCOUNT_EXPIRED: (
        "what is on the account has expired, swept or not",
        "`extend_validity`, by two people",
    ),
    Reason.ALREADY_USED: ("a one-time card was used", "its remainder is store credit, if any"),
    Reason.HOLD_ALREADY_OPEN: ("a one-time card has one hold at most", "release it first"),
    Reason.HOLD_LAPSED: (
        "the hold (or return) ended by time, and policy or balance does not honour it late",
        "place a new hold",
    ),
    Reason.HOLD_CLOSED: (
        "the hold (or return) was released, captured for good, or moved to another account",
        "nothing is open under this id",
    ),
    Reason.RETURN_WINDOW_CLOSED: ("`returns.within_days` are over", "refund it otherwise"),
    Reason.NOT_UNUSED: (
        "value has moved since the sale or import, or a hold is open",
        "an unused card only can go back",
    ),
    Reason.LOCATION_NOT_ALLOWED: (
        "the place is unknown, not the channel's, not the programme's, or of another franchise",
        "policy says where",
    ),
    Reason.DENOMINATION_NOT_OFFERED: (
        "the programme does not offer this value, price, load or validity",
        "policy says which",
    ),
    Reason.LIMIT_EXCEEDED: (
        "more than `balance_max`, `per_day_max`, the order's total, 50 holds or 100 lots",
        "a smaller amount, or tomorrow",
    ),
    Reason.AMOUNT_EXCEEDS_HOLD: ("more than is left under the hold", "increase the hold"),
    Reason.AMOUNT_EXCEEDS_CAPTURE: (
        "more than what is left of the capture, or of a line of it",
        "a smaller amount",
    ),
    Reason.LINES_DO_NOT_ADD_UP: (
        "the lines are less than the amount, named twice, or differ from it on a refund",
        "more than the amount is split tender and is scaled",
    ),
    Reason.INSUFFICIENT_FUNDS: (
        "less is available than asked for; with `allow_partial`: nothing",
        "ask for less, or `allow_partial`",
    ),
    Reason.WOULD_BE_NEGATIVE: ("an adjustment below what is available", "adjust by less"),
    Reason.BALANCE_NOT_ZERO: ("an account is cancelled at 0 and without holds", "empty it first"),
    Reason.APPROVAL_REQUIRED: (
        "a second person is needed, through a channel with the right `approve`",
        "`approved_by`: somebody else than `place.staff`",
    ),
    Reason.CASH_OUT_NOT_ALLOWED: (
        "the law of the place (else of the value) does not give it, or a hold is open",
        "policy's `law` says where, below what, since when",
    ),
    Reason.ALREADY_ISSUED: ("this membership assignment has had its credit", "nothing"),
}
HEAD: Final = """# Refusals

Generated by `python -m services.reference`. Of several reasons the first of this list counts. A
refusal is an answer and a fact (`issuance_refused`, `redemption_refused`, with `detail`), but for
`unreadable` (a dead letter, and an answer where there is an address) and for enquiries, which leave
no trace. A command sent again has the same answer again. The stories named show each reason;
“told by” are the commands that are refused so in stories.

| # | reason | it means | what to do | told by | stories |
|---|---|---|---|---|---|
"""
SHOWN_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """A story in which a command was refused so: its path below `tests/stories`."""

    story: str
    command: str


def page(shown: Mapping[str, Sequence[Shown]]) -> str:
    """The text of `docs/reference/refusals.md`; `shown` is {reason: stories}."""
    return HEAD + "".join(
        _row(number, reason, shown.get(reason.value, ()))
        for number, reason in enumerate(Reason, start=1)
    )


def _row(number: int, reason: Reason, shown: Sequence[Shown]) -> str:
    means, remedy = MEANINGS[reason]
    commands = ", ".join(f"`{name}`" for name in sorted({one.command for one in shown}))
    own = sorted({one.story for one in shown}, key=lambda story: (reason.value not in story, story))
    links = ", ".join(f"[{_name(story)}](../../tests/stories/{story})" for story in own[:SHOWN_MAX])
    return f"| {number} | `{reason.value}` | {means} | {remedy} | {commands} | {links} |\n"


def _name(story: str) -> str:
    return story.rpartition("/")[2].removesuffix(".yaml")
