"""Charge backs: the facts of them, and the command that follows a sale's value to other accounts.

One command goes from account to account and back to the card that was sold. It carries what may
still be taken, so that no two accounts take the same, and it travels the way the value went, on the
same partitions, so that it never overtakes value that is on its way.
"""

from dataclasses import dataclass

from schemas.message import CommandModel
from schemas.value import AccountFact, Part, Where


class FollowChargeBack(CommandModel):
    """The `sale` of `card` was charged back, and value of it may be here. Never refusable.

    `left_minor` of its face may still be taken, and of what the books owe no more than
    `lost_minor`, which was booked as lost. Then it goes on to `ahead`, and to where this account
    sent value of sales, unless it is among `seen`. `first`: whom the value came to is frozen;
    asked again, only where something is taken.
    """

    card: str
    sale: str
    tender: str
    left_minor: int
    lost_minor: int
    ahead: list[str]
    seen: list[str]
    first: bool


@dataclass(kw_only=True)
class Followed:
    """A charge back goes on from here: to account `to`, then `ahead`, and home to `card`.

    `seen`, `first`: as the command that follows has them.
    """

    card: str
    to: str
    ahead: list[str]
    seen: list[str]
    first: bool


@dataclass(kw_only=True)
class SaleChargedBack(AccountFact):
    """The sale's payment was taken back: `parts` unspent (Σ = `minor`) are taken back here.

    `spent_minor` is by how much the loss at `sale_where` grew, where it was sold (without: where
    its parts came in): at first what of the price is not in `parts`; less than 0 for what was
    found, or came back, later. `card`: the card that was sold, where this is another account.
    After it `left_minor` of its face may still be taken and `lost_minor` is lost: at the card, or
    where `follow` leads.
    """

    sale: str
    minor: int
    spent_minor: int
    tender: str
    parts: list[Part]
    sale_where: Where | None = None
    card: str | None = None
    left_minor: int | None = None
    lost_minor: int | None = None
    follow: Followed | None = None


@dataclass(kw_only=True)
class ChargeBackPassed:
    """A charge back found nothing to take or freeze here, and went on.

    Not an `AccountFact`: there may be no account. It changes and posts nothing.
    """

    sale: str
    tender: str
    left_minor: int
    lost_minor: int
    follow: Followed
    where: Where


FACTS: dict[str, type] = {
    "sale_charged_back.v1": SaleChargedBack,
    "charge_back_passed.v1": ChargeBackPassed,
}
