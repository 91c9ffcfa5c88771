"""A run asks no more of the machine than it did: statements, bytes, rows in Python, imports, files, fsyncs, requests."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cost.figures import as_toml, differences
from tests.cost.references import FIGURES, REFERENCES, count
from tests.s3.servers import running_server

HELD = tomllib.loads(FIGURES.read_text())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("s3")) as url:
        yield url


@pytest.mark.parametrize("name", REFERENCES)
def test_a_reference_costs_what_it_cost(name: str, tmp_path: Path, server: str) -> None:
    counted = count(REFERENCES[name], tmp_path, server)
    found = list(differences(HELD.get(name, {}), counted))
    assert not found, "\n".join([f"{name}:", *found, "", "its statements:", *counted["told"]])


def test_nothing_is_held_that_is_not_counted() -> None:
    assert set(HELD) == set(REFERENCES)


def test_a_figure_that_grows_and_one_that_shrinks_are_both_told() -> None:
    held = {"statements": 5, "fsyncs": 7, "libraries": ["duckdb", "soda"], "modules": 10}
    counted = {"statements": 6, "requests": 1, "libraries": ["duckdb", "pandas"], "modules": 10, "told": ["SELECT 1"]}
    assert [line.partition(":")[0] for line in differences(held, counted)] == [
        "fsyncs", "libraries", "libraries", "requests", "statements",
    ]  # fmt: skip
    assert not list(differences(held, held))


def test_figures_are_read_back_as_they_were_written() -> None:
    figures = {"a b": {"statements": 5, "libraries": ["duckdb"]}}
    assert tomllib.loads(as_toml(figures)) == figures


def test_what_is_counted_is_there_to_be_counted() -> None:
    """A wrapper that misses everything would hold zeros for ever."""
    for name, figures in HELD.items():
        wanted = {"statements", "statements that read the batch", "rows in Python", "modules", "files opened"}
        wanted |= {"databases"} if REFERENCES[name].verb == "check" else {"requests"} if REFERENCES[name].s3 else {"fsyncs"}
        assert wanted <= {key for key, value in figures.items() if value}, name
