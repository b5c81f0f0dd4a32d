"""Who takes part in a story: its cards and credits by name, and what its policies let them do."""

from dataclasses import dataclass

from schemas.identifiers import SUFFIX_CREDIT, card_credit
from schemas.policy import PolicyDocument
from services.stories.steps import CreditSaid


@dataclass(slots=True)
class Cast:
    """Who takes part: programmes of cards by name, credits, ids on the wire, policies so far."""

    cards: dict[str, str]
    credits: dict[str, CreditSaid]
    subjects: dict[str, str]
    policies: list[PolicyDocument]

    def currency(self, name: str) -> str:
        """The currency in which amounts about a card or account are meant."""
        card = name.removesuffix(SUFFIX_CREDIT)
        programme = self.cards.get(card)
        if programme is None and name in self.credits:
            programme = self.credits[name].programme
        return self.currency_of(programme)

    def currency_of(self, programme: str | None) -> str:
        """A programme's currency; the network's for one that nobody knows."""
        for document in reversed(self.policies):
            known = document.programmes.get(programme) if programme is not None else None
            if known is not None:
                return known.currency
        return self.policies[0].network.currency

    def has_channel(self, channel: str) -> bool:
        """Does any policy so far know the channel, or leave channels open?"""
        return any(d.channels is None or channel in d.channels for d in self.policies)

    def channels(self) -> str:
        """What may be said as a channel."""
        return ", ".join(sorted({c for d in self.policies for c in d.channels or {}})) or "none"

    def bring(self, card: str, programme: str) -> None:
        """A card that a step prepares or imports."""
        self.cards.setdefault(card, programme)
        self.subjects.setdefault(card, card)
        self.subjects.setdefault(card + SUFFIX_CREDIT, card_credit(card))
