"""A charge back follows the value of its sale to the accounts it went to, and comes home.

It goes where `receive_value` went, account by account, so that it never comes before the value does
and what may still be taken is in one hand; an account is asked once where it sent value, so that
it comes to an end.
"""

from typing import Final

from schemas.charge_backs import ChargeBackPassed, FollowChargeBack, Followed, SaleChargedBack
from schemas.decision import Accepted, Decided
from schemas.identifiers import SUFFIX_CREDIT, card_credit, derived
from schemas.message import Fact, Outgoing
from schemas.topics import REDEMPTION_COMMANDS
from schemas.value import Where
from services.redemption.case import Case, accepted, unchanged
from services.redemption.changes import sale_named
from services.redemption.charge_backs import Taken, after, facts_of, sent_to, take
from services.redemption.rights import place_of
from services.redemption.rows import Account
from services.redemption.standing import NOT_ACTIVE

CHARGE_BACK_PASSED = "charge_back_passed.v1"
# Of so many accounts it is looked where they sent value; what went further is not found.
FOLLOWED_MAX: Final = 50


def follow(case: Case, body: FollowChargeBack) -> Accepted:
    """Take back what came here of a sale that was charged back, freeze, and go on.

    What else is here stays, as what is held does. It is frozen too: who spends the proceeds of a
    fraud is asked first, and what comes back here can be taken when it is asked again.
    """
    account, subject = case.account, case.command.subject
    taken = take(case, sale_named(body.card, body.sale), body.left_minor, body.lost_minor)
    left, lost = body.left_minor - taken.minor, body.lost_minor - taken.funded
    home = subject == body.card
    if home and not body.ahead:
        return _at_home(case, body, taken)
    frozen = account.frozen or bool(taken.draws) or (body.first and _came(account, body))
    onward = _onward(subject, sent_to(account), body, left)
    if not taken.draws and frozen == account.frozen:
        return _passed(body, onward, case.where)
    back = SaleChargedBack(
        **case.told(*after(account, taken), frozen),
        sale=body.sale,
        minor=taken.minor,
        spent_minor=-taken.funded,
        tender=body.tender,
        parts=taken.parts,
        card=None if home else body.card,
        left_minor=left,
        lost_minor=lost,
        follow=onward,
    )
    return accepted(*facts_of(case, taken, back))


def _came(account: Account, body: FollowChargeBack) -> bool:
    """Did value of the sale come to this account, as long as it lives?"""
    trail = account.trail
    dead = account.state in NOT_ACTIVE or account.state == "Cancelled"
    return trail is not None and not dead and sale_named(body.card, body.sale) in trail.of_sales


def _at_home(case: Case, body: FollowChargeBack, taken: Taken) -> Accepted:
    """The end: the card knows again what may still be taken, and what is lost in all."""
    account = case.account
    if account.sale is None or account.sale.sale != body.sale:
        return unchanged(account)
    back = SaleChargedBack(
        **case.told(*after(account, taken), account.frozen or bool(taken.draws)),
        sale=body.sale,
        minor=taken.minor,
        spent_minor=-taken.funded,
        tender=body.tender,
        parts=taken.parts,
        sale_where=account.sale.where,
        left_minor=body.left_minor - taken.minor,
        lost_minor=body.lost_minor - taken.funded,
    )
    return accepted(*facts_of(case, taken, back))


def nobody(subject: str, body: FollowChargeBack, where: Where) -> Accepted:
    """No account is here: what came went on to the store credit of the card, and so does this."""
    return _passed(body, _onward(subject, [], body, body.left_minor), where)


def _passed(body: FollowChargeBack, onward: Followed, where: Where) -> Accepted:
    passed = ChargeBackPassed(
        sale=body.sale,
        tender=body.tender,
        left_minor=body.left_minor,
        lost_minor=body.lost_minor,
        follow=onward,
        where=where,
    )
    return Accepted((Decided(CHARGE_BACK_PASSED, passed, (where.entity,), where.location),))


def _onward(subject: str, receivers: list[str], body: FollowChargeBack, left: int) -> Followed:
    """From an account first seen to wherever it sent value; home once nothing may be taken.

    Who is met again has more since, for it was sent by one met later.
    """
    ahead, seen = body.ahead, body.seen
    if subject not in seen and len(seen) < FOLLOWED_MAX:
        again = [place for one in receivers if one in seen for place in (one, *_aside(one))]
        first = [one for one in receivers if one not in seen]
        found = dict.fromkeys([*_aside(subject), *again, *first])
        ahead = [*(one for one in found if one not in ahead), *ahead]
        seen = [*seen, subject]
    to, *more = ahead if left and ahead else [body.card]
    return Followed(card=body.card, to=to, ahead=more, seen=seen, first=body.first)


def _aside(subject: str) -> tuple[str, ...]:
    """The store credit of a card: what the card could not take, or keep, went there."""
    return () if subject.endswith(SUFFIX_CREDIT) else (card_credit(subject),)


def forward(fact: Fact, body: SaleChargedBack | ChargeBackPassed) -> tuple[Outgoing, ...]:
    """The command that follows the value, in the fact's own transaction."""
    onward = body.follow
    if onward is None:
        return ()
    return (
        Outgoing(
            topic=REDEMPTION_COMMANDS.name,
            id=derived("follow_charge_back", fact.id, onward.to),
            type="follow_charge_back",
            subject=onward.to,
            body={
                "card": onward.card,
                "sale": body.sale,
                "tender": body.tender,
                "left_minor": body.left_minor,
                "lost_minor": body.lost_minor,
                "ahead": onward.ahead,
                "seen": onward.seen,
                "first": onward.first,
                "place": place_of(body.where),
            },
        ),
    )
