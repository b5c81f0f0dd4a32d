"""The list of settings that is committed is the one that the settings make."""

from pathlib import Path

from services.runtime.settings import Settings, env_example

ROOT = Path(__file__).parents[3]


def test_the_committed_list_of_settings_is_fresh() -> None:
    assert (ROOT / ".env.example").read_text() == env_example()


def test_every_setting_is_listed_with_what_it_means() -> None:
    listed = env_example()
    for name, described in Settings.model_fields.items():
        assert f"# {described.description}\nSCRIP_{name.upper()}=" in listed
