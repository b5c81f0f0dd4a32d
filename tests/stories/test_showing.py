"""What `scrip story` prints for people."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from services.stories.cli import story_of
from services.stories.performing import told
from services.stories.reading import read_story
from services.stories.showing import show

STORY = """
policy:
  network: {currency: USD, parent: HQ}
  entities: {HQ: {}, E1: {}}
  locations: {T1: {entity: E1, jurisdiction: JP}}
  programmes: {gift: {kind: card, currency: JPY}, dinar: {kind: card, currency: KWD}}
cards: {c1: gift, c2: dinar, c3: gift}
story:
  - {at: "2026-05-01T10:00:00+09:00", do: sell_card, id: s1, card: c1, value: 15000, tender: cash,
     place: {location: T1}}
  - {at: "2026-05-01T11:00:00+09:00", do: redeem, id: r1, account: c1, amount: 4000,
     place: {location: T1}}
  - {at: "2026-05-01T11:30:00+09:00", do: repeat, id: r1}
  - {at: "2026-05-01T12:00:00+09:00", do: sell_card, id: s2, card: c2, value: 2500, tender: cash,
     place: {location: T1}}
"""


def test_amounts_are_shown_with_the_decimals_of_their_currency() -> None:
    story = read_story("story.yaml", STORY, lambda path: path)
    out = io.StringIO()
    show(story, told(story), Console(file=out, width=160))
    lines = [line.split() for line in out.getvalue().splitlines()]
    for wanted in (
        ["redeem", "r1", "accepted", "11,000", "0"],
        ["repeat", "r1", "accepted", "(again)", "11,000", "0"],
        ["c1", "Activated", "11,000", "0", "11,000", "paid", "11,000", "of", "T1"],
        ["c2", "Activated", "2.500", "0.000", "2.500", "paid", "2.500", "of", "T1"],
        ["c3", "Prepared"],
        ["value_loaded", "1020", "15,000"],
        ["(JPY,", "debit"],
        ["(KWD,", "debit"],
        ["2100", "-11,000"],
        ["2100", "-2.500"],
    ):
        assert any(_within(wanted, line) for line in lines), wanted
    assert ["c3", "Prepared"] in lines  # in stock it has no amounts


def test_a_run_says_why_it_held_items_back() -> None:
    path = Path(__file__).parent / "rules" / "value-in-another-currency-waits.yaml"
    story = story_of(path)
    out = io.StringIO()
    show(story, told(story), Console(file=out, width=160))
    assert "  held back: 1 (not the currency of bank files)\n" in out.getvalue()


@pytest.mark.parametrize(
    ("currencies", "network", "of"),
    [
        (("JPY", "KWD"), "USD", None),
        (("JPY", "KWD"), "JPY", "JPY"),
        (("JPY",), "USD", "JPY"),
    ],
)
def test_a_trial_balance_is_of_one_currency(
    currencies: tuple[str, ...], network: str, of: str | None
) -> None:
    text = STORY.replace("currency: USD", f"currency: {network}")
    if len(currencies) == 1:
        text = text.replace("currency: KWD", f"currency: {currencies[0]}")
    found = told(read_story("story.yaml", text, lambda path: path))
    by_currency = found["trial_balance_by_currency"]
    assert set(by_currency) == set(currencies)
    assert found["trial_balance"] == (by_currency[of] if of else {})


def _within(words: list[str], line: list[str]) -> bool:
    return any(line[at : at + len(words)] == words for at in range(len(line)))
