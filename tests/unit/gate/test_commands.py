from __future__ import annotations

from pathlib import Path

import pytest

from sluicegate.gate.commands import Commands, as_typed


def test_commands_can_be_copied_whatever_the_paths_are() -> None:
    commands = Commands(contract="/a b/orders.yaml", config="/etc/gate.yaml", batch=("/data/x;y.csv",))
    assert commands.show("q-1") == "sluicegate quarantine show q-1 --config /etc/gate.yaml"
    assert commands.replay("q-1") == "sluicegate quarantine replay q-1 --with '/a b/orders.yaml' --config /etc/gate.yaml"
    assert commands.look("orders") == "sluicegate check '/a b/orders.yaml' '/data/x;y.csv' --config /etc/gate.yaml"


def test_an_item_that_only_its_contract_finds_is_shown_with_it() -> None:
    assert Commands(contract="c.yaml", elsewhere=True).show("q-1") == "sluicegate quarantine show q-1 --at c.yaml"


def test_of_a_table_in_memory_the_history_is_looked_at() -> None:
    assert Commands(contract="c.yaml").look("orders") == "sluicegate history --contract orders"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("s3://bucket/a.csv", ("s3://bucket/a.csv",)),
        ("/data/*.csv", ("/data/*.csv",)),
        (["/a.csv", Path("/b.csv")], ("/a.csv", "/b.csv")),
        (object(), ()),
        (["/a.csv", object()], ()),
    ],
)
def test_a_batch_is_named_by_its_files_if_it_has_some(source: object, words: tuple[str, ...]) -> None:
    assert as_typed(source) == words
