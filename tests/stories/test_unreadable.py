"""A story that cannot be read names the line, the path, the value and what is allowed."""

import subprocess
import sys
from pathlib import Path

import pytest

from schemas.lined import FileUnreadableError
from services.stories.cli import BROKEN, HOLDS, UNREADABLE, run_story
from services.stories.reading import Story, read_story

FRAME = """\
policy:
  network: {currency: USD, parent: HQ}
  entities: {HQ: {}}
  channels: {pos: {may: [issue, redeem]}}
  programmes: {gift: {kind: card, currency: USD}, credit: {kind: credit, currency: EUR}}
cards: {c1: gift}
credits: {k1: {programme: credit, owner: {customer: u1}}}
story:
  - {at: 2026-05-01T10:00:00-04:00, do: sell_card, id: s1, card: c1, value: 5000, tender: cash}
"""
AT = "at: 2026-05-02T10:00:00-04:00"


def nothing_beside(name: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", name)


def read(text: str) -> Story:
    return read_story("a.yaml", text, nothing_beside)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (f"{{{AT}, do: sel_card}}", "story.1.do: 'sel_card' — allowed: adjust_balance,"),
        (f"{{{AT}, do: activate, id: a, account: c1}}", "story.1.do: 'activate'"),
        (f"{{{AT}}}", "story.1.do: nothing"),
        ("{do: restart}", "story.1.at: nothing — allowed: RFC 3339"),
        ("{at: 2026-05-02, do: restart}", "story.1.at: '2026-05-02'"),
        ("{at: 2026-05-02T10:00:00, do: restart}", "story.1.at"),
        (
            "{at: 2026-05-01T13:59:59Z, do: restart}",
            "story.1.at: '2026-05-01T13:59:59Z' — allowed: 2026-05-01T14:00:00.000Z or later",
        ),
        (f"{{{AT}, do: redeem, account: c1, amount: 5}}", "story.1.id: nothing"),
        (f"{{{AT}, do: redeem, id: 7, account: c1, amount: 5}}", "story.1.id: 7"),
        (f"{{{AT}, do: redeem, id: 'a b', account: c1, amount: 5}}", "story.1.id: 'a b'"),
        (
            f"{{{AT}, do: redeem, id: r, account: c9, amount: 5}}",
            "story.1.account: 'c9' — allowed: a card or credit of the story: c1, k1",
        ),
        (f"{{{AT}, do: sell_card, id: r, card: c9, value: 5, tender: cash}}", "story.1.card: 'c9'"),
        (f"{{{AT}, do: redeem, id: r, card: c1, amount: 5}}", "story.1.card: an unknown key"),
        (
            f"{{{AT}, do: transfer_balance, id: r, account: c1, to: c9, reason: x}}",
            "story.1.to: 'c9'",
        ),
        (
            f"{{{AT}, do: redeem, id: r, account: c1, amount: 5, place: {{channel: web}}}}",
            "story.1.place.channel: 'web' — allowed: pos",
        ),
        (f"{{{AT}, do: redeem, id: r, account: c1, amount: 5, x: 1}}", "story.1.x: an unknown key"),
        (f"{{{AT}, do: redeem, id: r, account: c1}}", "story.1.amount: nothing"),
        (
            f"{{{AT}, do: redeem, id: r, account: c1, amount: '5'}}",
            "story.1.amount: '5' — allowed: minor units (an integer), or {minor, currency}",
        ),
        (f"{{{AT}, do: redeem, id: r, account: c1, amount: 5.0}}", "story.1.amount: 5.0"),
        (f"{{{AT}, do: redeem, id: r, account: c1, amount: true}}", "story.1.amount: True"),
        (
            f"{{{AT}, do: redeem, id: r, account: c1, amount: {{minor: 5.5, currency: USD}}}}",
            "story.1.amount.minor: 5.5",
        ),
        (
            f"{{{AT}, do: redeem, id: r, account: c1, amount: 5, allow_partial: 'yes'}}",
            "story.1.allow_partial: 'yes'",
        ),
        (
            f"{{{AT}, do: redeem, id: r, account: c1, amount: 5, lines: [{{line: a, amount: 5}}]}}",
            "story.1.lines.0.line: 'a'",
        ),
        (
            f"{{{AT}, do: redeem, id: r, account: c1, amount: 5, time: noon}}",
            "story.1.time: 'noon'",
        ),
        (f"{{{AT}, do: issue_credit, id: r, account: c1, amount: 5, origin: promo}}", "owner"),
        (f"{{{AT}, do: repeat, id: zz}}", "story.1.id: 'zz' — allowed: the id of an earlier step"),
        (f"{{{AT}, do: restart, x: 1}}", "story.1.x: an unknown key"),
        (f"{{{AT}, do: run_settlement}}", "story.1.id: nothing"),
        (f"{{{AT}, do: run_settlement, id: '2026:w18'}}", "story.1.id: '2026:w18' — allowed: text"),
        (f"{{{AT}, do: run_settlement, id: '2026+w18'}}", "story.1.id: '2026+w18' — allowed: text"),
        (f"{{{AT}, do: run_settlement, id: {'r' * 101}}}", "story.1.id: 'rrr"),
        (f"{{{AT}, do: bank_return, run: r, location: F1, code: 1}}", "story.1.code: 1"),
        (f"{{{AT}, do: garbage, topic: x}}", "story.1.topic: 'x'"),
        (f"{{{AT}, do: set_policy, policy: gone.yaml}}", "story.1.policy: 'gone.yaml'"),
        (
            f"{{{AT}, do: set_policy, policy: {{network: {{currency: USD, parent: HQ}}}}}}",
            "story.1.policy.entities",
        ),
        ("just words", "story.1: 'just words'"),
    ],
)
def test_a_step_that_cannot_be_read_is_named_with_its_line(step: str, said: str) -> None:
    with pytest.raises(FileUnreadableError) as unreadable:
        read(f"{FRAME}  - {step}\n")
    assert str(unreadable.value).startswith("a.yaml:10: ")
    assert said in str(unreadable.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("parent: HQ", "parent: XX", "a.yaml:2: policy.network.parent: 'XX' — allowed: "),
        ("kind: card", "kind: cart", "a.yaml:5: policy.programmes.gift.kind: 'cart'"),
        ("currency: USD, parent", "money: USD, parent", "a.yaml:2: policy.network.money"),
        ("{c1: gift}", "{c1: nosuch}", "a.yaml:6: cards.c1: 'nosuch' — allowed: a card programme"),
        ("{c1: gift}", "{c1: credit}", "a.yaml:6: cards.c1: 'credit'"),
        ("{c1: gift}", "{c1: gift, c1: gift}", "a.yaml:6: cards: 'c1' a second time"),
        ("{c1: gift}", "{1: gift}", "a.yaml:6: cards: the key '1'"),
        ("{customer: u1}", "{}", "a.yaml:7: credits.k1.owner"),
        ("credits: {k1", "credits: {c1", "a.yaml:7: credits.c1: 'c1' — allowed: a name that no"),
        ("cards:", "card:", "a.yaml:6: card: an unknown key"),
        ("story:", "story: []\nmore:", "story: "),
        ("policy:\n", "policy: [\n", "a.yaml:"),
        ("cards:", "accounts: {a: {routing: '1', number: '2'}}\ncards:", "accounts.a.routing"),
        (
            "cards:",
            f"accounts: {{a: {{routing: '021000021', number: '2', holder: {'h' * 81}}}}}\ncards:",
            "accounts.a.holder: 'hhh",
        ),
    ],
)
def test_a_frame_that_cannot_be_read_is_named_with_its_line(old: str, new: str, said: str) -> None:
    with pytest.raises(FileUnreadableError) as unreadable:
        read(FRAME.replace(old, new, 1))
    assert said in str(unreadable.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "x", "a: &x [*x]", "\x01", "a: !!python/name:os.system x"]
)
def test_what_is_no_story_at_all_is_said_so(text: str) -> None:
    with pytest.raises(FileUnreadableError):
        read(text)


def test_every_fault_is_said_at_once() -> None:
    with pytest.raises(FileUnreadableError) as unreadable:
        read(FRAME + f"  - {{{AT}, do: x}}\n  - {{{AT}, do: y}}\n")
    assert [fault.line for fault in unreadable.value.faults] == [10, 11]


def test_a_card_that_a_step_prepares_need_not_stand_under_cards() -> None:
    step = f"{{{AT}, do: prepare_cards, id: p, card: c7, programme: gift, batch: b, cards: []}}"
    assert "c7" in read(f"{FRAME}  - {step}\n").stock


def test_a_policy_that_begins_later_is_brought_to_a_minute_before_the_first_step() -> None:
    later = FRAME.replace("policy:\n", "policy:\n  effective: 2030-01-01T00:00:00Z\n")
    assert read(later).policy["effective"] == "2026-05-01T13:59:00.000Z"
    assert read(FRAME).policy["effective"] == "2026-05-01T13:59:00.000Z"


def test_an_unreadable_story_ends_with_2_and_a_told_one_with_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(FRAME)
    bad.write_text(FRAME + "  - {}\n")
    assert run_story(good, as_json=True, live=False) == HOLDS
    assert run_story(bad, as_json=True, live=False) == UNREADABLE
    assert run_story(tmp_path / "none.yaml", as_json=True, live=False) == UNREADABLE
    assert "bad.yaml:10: story.1" in capsys.readouterr().err
    assert BROKEN == 1


def test_nothing_but_the_report_stands_on_standard_output(tmp_path: Path) -> None:
    story = tmp_path / "good.yaml"
    story.write_text(FRAME)
    told = "import sys; from pathlib import Path; from services.stories.cli import run_story; "
    told += f"sys.exit(run_story(Path({str(story)!r}), as_json=True, live=False))"
    run = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True)
    assert run.stdout.startswith(b"{")
    assert run.stderr == b""
