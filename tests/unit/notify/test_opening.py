"""Opening a channel's notifier, also one by a stranger who is careless with secrets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sluicegate import plugins
from sluicegate.errors import ConfigError, PluginError
from sluicegate.notify.model import Channel, NotificationSettings
from sluicegate.notify.opening import open_notifier, open_notifiers
from sluicegate.redact import redacted

CARELESS = """
from sluicegate.errors import ConfigError

class Refusing:
    def __init__(self, settings, base):
        raise ConfigError(f"url: {settings['url']!r} and {settings['more']} won't do", hint=f"not {settings['url']}")

class Breaking:
    def __init__(self, settings, base):
        raise RuntimeError(f"can't parse {settings['url']}")

class Lost:
    secrets = frozenset()

    def __init__(self, settings, base):
        self.url = settings["url"]

    def services(self, recipients):
        raise RuntimeError(f"no way to {self.url}")
"""
SETTINGS = {"url": "careless://kaliningrad", "more": ["port 25", {"key": "smolensk"}]}


@pytest.fixture
def careless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution with such notifiers, installed for the time of a test."""
    (tmp_path / "careless.py").write_text(CARELESS)
    info = tmp_path / "careless-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: careless\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[sluicegate.notifiers]\nrefusing = careless:Refusing\nbreaking = careless:Breaking\nastray = careless:Lost\nlost = nowhere_at_all:Lost\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    plugins._registered.cache_clear()
    yield
    plugins._registered.cache_clear()


@pytest.mark.usefixtures("careless")
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("refusing", "url: '…' and"),
        ("breaking", "'breaking' can't be opened: RuntimeError"),
        ("astray", "'astray' can't be opened: RuntimeError"),
    ],
)
def test_what_a_strangers_notifier_says_is_told_without_its_settings(kind: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        open_notifier(Channel(name="c", type=kind, settings=SETTINGS), tmp_path)
    assert message in caught.value.message
    assert not any(word in str(caught.value) for word in ("kaliningrad", "smolensk", "port 25"))
    assert caught.value.__suppress_context__, "a traceback would show it"


@pytest.mark.usefixtures("careless")
def test_a_notifier_that_cannot_be_loaded_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="pip install nowhere-at-all"):
        open_notifier(Channel(name="c", type="lost"), tmp_path)


def test_only_enabled_channels_are_opened_and_their_secrets_are_known_from_then_on() -> None:
    slack = Channel(name="a", type="slack", settings={"webhook_url": "https://hooks.slack.com/services/T0/B0/vladivostok"})
    off = Channel(name="b", type="slack", enabled=False)
    assert open_notifiers(NotificationSettings(channels={"a": slack, "b": off})).keys() == {"a"}
    assert "vladivostok" not in redacted("it said vladivostok")
