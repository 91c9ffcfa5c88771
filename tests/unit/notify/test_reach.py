"""Whom a contract wants told and nobody will be."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluicegate.contract.loader import load_contract
from sluicegate.contract.model import Contract
from sluicegate.notify.reach import inspect, unreachable

HEAD = """data_contract:
  name: orders
  version: 1
  owner: shop
  schema: [{name: id}]
  violation_handling:
    notification:
"""
FILE = """
channels:
  slack: {webhook_url: "https://hooks.slack.com/services/T0/B0/${HOOK:-x}"}
  email: {smtp: localhost, sender: gate@example.com, recipients: [team@example.com]}
  nobody: {type: email, smtp: localhost, sender: gate@example.com}
  teams: {enabled: false}
"""


def contract(folder: Path, *lines: str) -> Contract:
    path = folder / "orders.yaml"
    path.write_text(HEAD + "".join(f"      {line}\n" for line in lines))
    return load_contract(path, environ={})


def told(folder: Path, *lines: str, file: str | None = FILE) -> list[tuple[int, int, str]]:
    """Place and sentence of each fault."""
    path = None if file is None else folder / "notifications.yaml"
    if path:
        path.write_text(str(file))
    found = inspect(path, {})
    assert found.faults == ()
    faults = unreachable(contract(folder, *lines), found.settings, found.notifiers)
    assert {fault.file for fault in faults} <= {str(folder / "orders.yaml")}
    return [(fault.line, fault.column, f"{fault.message} ({fault.hint})") for fault in faults]


@pytest.mark.parametrize(
    "lines",
    [
        ["channels: [email, slack]", "recipients: [me@example.com]"],
        ["channels: email", "recipients: [team@example.com]"],
        ["channels: nobody", "recipients: ['Me <me@example.com>']"],
        ["channels: slack"],
        ["channels: []"],
    ],
)
def test_whoever_is_reached_is_no_fault(lines: list[str], tmp_path: Path) -> None:
    assert told(tmp_path, *lines) == []


@pytest.mark.parametrize(
    ("lines", "place", "sentence"),
    [
        (["channels: [email, slak]"], (8, 25), "the channel 'slak' is not defined: nobody is told by it (did you mean 'slack'?)"),
        (["channels:", "- email", "- teams"], (10, 9), "the channel 'teams' is not enabled"),
        (["recipients: [me@example.com]"], (8, 20), "no channel that would reach them (notification.channels: [email])"),
        (
            ["channels: [slack]", "recipients: [me@example.com]"],
            (9, 20),
            "none of the contract's channels reaches 'me@example.com'",
        ),
        (["channels: [email]", "recipients: ['@oncall']"], (9, 20), "none of the contract's channels reaches '@oncall'"),
        (["channels: [nobody]"], (8, 18), "the channel 'nobody' has nobody to tell"),
    ],
)
def test_what_leads_nowhere_is_told_with_its_line(
    lines: list[str], place: tuple[int, int], sentence: str, tmp_path: Path
) -> None:
    ((line, column, found),) = told(tmp_path, *lines)
    assert (line, column) == place
    assert sentence in found


def test_without_a_file_a_contract_that_wants_somebody_told_is_worth_a_sentence(tmp_path: Path) -> None:
    ((*place, sentence),) = told(tmp_path, "channels: [email]", "recipients: [me@example.com]", file=None)
    assert place == [8, 18]
    assert "nobody is told: the profile names no file of notifications" in sentence
    assert told(tmp_path, "channels: []", file=None) == []


def test_default_channels_reach_the_recipients_of_a_contract_that_names_no_channel(tmp_path: Path) -> None:
    assert told(tmp_path, "recipients: [me@example.com]", file=FILE + "default_channels: [email]") == []
    assert len(told(tmp_path, "recipients: [me@example.com]", file=FILE + "default_channels: [slack]")) == 1


def test_names_alone_need_no_notifier(tmp_path: Path) -> None:
    path = tmp_path / "notifications.yaml"
    path.write_text(FILE)
    settings = inspect(path, {}).settings
    assert unreachable(contract(tmp_path, "channels: [slack]", "recipients: [me@example.com]"), settings) == ()
    assert len(unreachable(contract(tmp_path, "channels: [slak]"), settings)) == 1


def test_of_a_faulty_file_the_names_are_known_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "notifications.yaml"
    path.write_text("channels: {email: {smtp: localhost}, slack: {webhook: x}}")
    found = inspect(path, {})
    assert len(found.faults) == 2
    assert found.settings is not None
    assert found.settings.channels.keys() == {"email", "slack"}
    assert found.notifiers == {}
    path.write_text("channels: [")
    assert inspect(path, {}).settings is None
