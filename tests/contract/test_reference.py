"""The generated pages of docs/reference are fresh, and every refusal has its story."""

from pathlib import Path

import pytest

from schemas.refusals import Reason
from services.reference import __main__ as reference
from services.reference.refusals import MEANINGS


def test_the_pages_are_fresh() -> None:
    assert reference.stale() == [], "run: python -m services.reference"


def test_a_stale_and_a_missing_page_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "PAGES", tmp_path)
    (tmp_path / "rights.md").write_text("everybody may do everything")
    assert reference.stale() == ["refusals.md", "rights.md"]


def test_every_refusal_is_explained_and_shown_by_a_story_of_its_name() -> None:
    shown = reference.shown()
    assert set(MEANINGS) == set(Reason)
    for reason in Reason:
        own = [one for one in shown.get(reason.value, ()) if f"/{reason.value}" in one.story]
        assert own, f"no story tests/stories/refusals/{reason.value}*.yaml is refused so"
