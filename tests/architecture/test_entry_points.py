"""Adapters come in by entry point: ours load, and what is wrong with a stranger's is told in words."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from sluicegate import plugins
from sluicegate.errors import PluginError

ROOT = Path(__file__).parents[2]
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
BUILT_IN = [(group, name) for group, entries in DECLARED.items() for name in entries if group.startswith("sluicegate.")]


@pytest.mark.parametrize(("group", "name"), BUILT_IN)
def test_every_built_in_adapter_is_known_and_loads(group: str, name: str) -> None:
    assert name in plugins.known(group)
    assert callable(plugins.load(group, name))


@pytest.mark.parametrize(("group", "name"), [item for item in BUILT_IN if item[0] == "sluicegate.engines"])
def test_an_engine_goes_by_the_name_that_it_is_registered_under(group: str, name: str) -> None:
    engine = plugins.load(group, name)()
    assert engine.name == name


def test_a_name_that_nobody_registered_is_answered_with_the_near_one_and_all_known() -> None:
    with pytest.raises(PluginError) as caught:
        plugins.load("sluicegate.engines", "duckbd")
    assert "no engine is called 'duckbd'" in str(caught.value)
    assert "did you mean 'duckdb'?" in caught.value.hint
    assert "great_expectations" in caught.value.hint


def test_a_group_without_adapters_says_that_none_are_known() -> None:
    with pytest.raises(PluginError, match="known: none"):
        plugins.load("sluicegate.lineage_sinks", "anything")


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """Entry points that a test adds."""
    entries: list[EntryPoint] = []
    monkeypatch.setattr(plugins, "entry_points", lambda group: EntryPoints(entries).select(group=group))
    plugins._registered.cache_clear()
    yield entries
    plugins._registered.cache_clear()


def test_an_adapter_whose_dependency_is_missing_says_what_to_install(
    registered: list[EntryPoint], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_adapter.py").write_text("import some_missing_driver.core\n")
    monkeypatch.syspath_prepend(tmp_path)
    registered.append(EntryPoint("broken", "broken_adapter:Engine", "sluicegate.engines"))
    with pytest.raises(PluginError) as caught:
        plugins.load("sluicegate.engines", "broken")
    assert "the engine 'broken' can't be loaded" in str(caught.value)
    assert caught.value.hint == "pip install some-missing-driver"


def test_an_adapter_that_lacks_what_its_entry_point_names_is_told_in_words(registered: list[EntryPoint]) -> None:
    registered.append(EntryPoint("typo", "sluicegate.errors:NoSuchThing", "sluicegate.engines"))
    with pytest.raises(PluginError, match="can't be loaded"):
        plugins.load("sluicegate.engines", "typo")


def test_two_adapters_of_one_name_are_refused_rather_than_one_chosen(registered: list[EntryPoint]) -> None:
    registered += [EntryPoint("twin", f"sluicegate.errors:{name}", "sluicegate.engines") for name in ("Fault", "EngineError")]
    with pytest.raises(PluginError, match="two distributions register the engine 'twin'"):
        plugins.load("sluicegate.engines", "twin")


def test_the_same_entry_point_listed_twice_is_one_adapter(registered: list[EntryPoint]) -> None:
    registered += [EntryPoint("once", "sluicegate.errors:Fault", "sluicegate.engines")] * 2
    assert plugins.known("sluicegate.engines") == ("once",)
    assert plugins.load("sluicegate.engines", "once")
