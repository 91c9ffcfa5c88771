"""``notify preview``: what would leave, of samples and of runs on record, and what a template's author is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sluicegate.cli.main import main

_CONTRACT = """\
data_contract:
  name: orders
  version: 1.0.0
  owner: tests
  quality_checks:
    checks:
      - {type: range, column: n, min: 1}
  violation_handling:
    on_quality_violation: quarantine
    notification: {channels: [hook]}
"""
_PROFILE = """\
target: {type: parquet, path: data}
quarantine: {type: local, path: held}
history: {path: history.sqlite}
"""
_CHANNELS = """\
review_url: https://gate.example.com/{quarantine_id}
templates:
  recovered: "{contract_name} is well"
channels:
  hook: {type: apprise, url: "json://127.0.0.1:9/hook", templates: {quarantined: "{{ contract_name }}: {{ violation_count }}"}}
  mail: {type: email, smtp: {host: 127.0.0.1, port: 9, tls: none}, sender: gate@example.org}
"""


class Place:
    """A folder in which commands are typed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        for name, text in (("orders.yaml", _CONTRACT), ("gate.yaml", _PROFILE), ("bad.csv", "n\n0\n1\n"), ("good.csv", "n\n1\n")):
            (folder / name).write_text(text)

    def types(self, *words: str) -> tuple[int, str, str]:
        code = main([*words, "--config", str(self.folder / "gate.yaml")])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def asks(self, *words: str) -> Any:
        return json.loads(self.types("notify", "preview", *words, "--json")[1])

    def runs(self, batch: str, *words: str) -> str:
        found = self.types("run", str(self.folder / "orders.yaml"), str(self.folder / batch), *words, "--json")
        return str(json.loads(found[1])["run_id"])

    def tells(self) -> None:
        """From here on there are notifications."""
        (self.folder / "gate.yaml").write_text(_PROFILE + "notifications: notifications.yaml\n")
        (self.folder / "notifications.yaml").write_text(_CHANNELS)


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    return Place(tmp_path, capsys)


def test_a_sample_is_told_where_nothing_is_configured_yet(place: Place) -> None:
    code, said, _ = place.types("notify", "preview")
    assert code == 0
    assert said.startswith("orders: batch 2026-01-31 quarantined, 2 checks failed\n\nNothing was committed")
    assert place.types("notify", "preview", "--template", "recovered")[1].startswith("orders passes again\n")


def test_a_page_is_the_whole_output_so_that_it_can_be_opened(place: Place) -> None:
    page = place.types("notify", "preview", "--format", "html")[1]
    assert page.startswith("<!doctype html>")
    assert page.endswith("</html>\n")


def test_a_templates_file_is_tried_on_a_run_of_long_ago(place: Place) -> None:
    run = place.runs("bad.csv", "--batch-id", "b-1")
    template = place.folder / "mine.j2"
    template.write_text("Subject: look at {{ batch_id }}\n{{ violations_list }}\n{{ quarantine_id }} {{ decision }} {{ rows }}\n")
    found = place.asks("--template", str(template), "--run", run)
    assert found["title"] == "look at b-1"
    assert "1 of 2 rows (50.00 %)" in found["body"]
    assert found["body"].endswith(" quarantine 2")
    assert (found["of"], found["format"], found["severity"]) == (run, "text", "error")
    assert "\nNext: sluicegate quarantine show q-" in place.asks("--run", run)["body"]


def test_a_channels_templates_and_format_are_used_on_what_was_told(place: Place) -> None:
    place.tells()
    run = place.runs("bad.csv", "--no-notify")
    found = place.asks("--channel", "hook", "--run", run)
    assert found["body"] == "orders: 1"
    assert found["link"].startswith("https://gate.example.com/q-")
    assert place.asks("--channel", "mail", "--run", run)["format"] == "html"
    assert "quarantine show" in place.asks("--channel", "mail", "--run", run)["body"]
    assert place.asks("--channel", "hook", "--template", "recovered")["body"] == "orders is well"


def test_every_fault_of_a_template_has_its_line(place: Place) -> None:
    template = place.folder / "mine.j2"
    template.write_text("{{ contract_nam }}\n\n{{ rows | nubmer }}{{ batchid }}\n")
    code, _, told = place.types("notify", "preview", "--template", str(template))
    assert code == 2
    assert f"{template}:3:1: there is no filter 'nubmer' (did you mean 'number'?)" in told
    template.write_text("{contract_nam}\n\n{batchid}\n")
    _, _, told = place.types("notify", "preview", "--template", str(template))
    assert [line.partition(": ")[0] for line in told.splitlines()[:2]] == [f"{template}:1:1", f"{template}:3:1"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--template", "recoverd"], "did you mean 'recovered'?"),
        (["--run", "r-none"], "no run 'r-none' is on record"),
        (["--run", "r-none", "--template", "recovered"], "leave one of them out"),
        (["--channel", "hok"], "did you mean 'hook'?"),
        (["--format", "htm"], "did you mean 'html'?"),
        (["--template", "."], "can't be read: Is a directory"),
    ],
)
def test_what_can_not_be_shown_is_a_sentence_and_exit_code_2(place: Place, words: list[str], told: str) -> None:
    place.tells()
    code, _, said = place.types("notify", "preview", *words)
    assert code == 2
    assert told in said


def test_a_run_that_tells_nobody_says_so(place: Place) -> None:
    code, _, said = place.types("notify", "preview", "--run", place.runs("good.csv"))
    assert (code, "it passed, or changed nothing" in said) == (2, True)


def test_without_notifications_there_is_no_channel_to_preview(place: Place) -> None:
    code, _, said = place.types("notify", "preview", "--channel", "hook")
    assert (code, "names no file of notifications" in said) == (2, True)


def test_batches_that_can_not_be_read_and_replays_are_recalled_as_such(place: Place) -> None:
    (place.folder / "torn.parquet").write_bytes(b"PAR1 and no more")
    place.types("run", str(place.folder / "orders.yaml"), str(place.folder / "torn.parquet"), "--batch-id", "torn")
    place.runs("bad.csv", "--batch-id", "b-1")
    item = json.loads(place.types("quarantine", "list", "--json")[1])["items"][0]["quarantine_id"]
    place.types("quarantine", "release", item, "--by", "ada", "--reason", "agreed")
    runs = json.loads(place.types("history", "--json")[1])["runs"]
    by_action = {(run["action"], bool(run["quarantine_id"])): run["run_id"] for run in runs}
    torn = place.asks("--run", by_action["unreadable", False])
    assert torn["title"] == "orders: batch torn could not be read"
    assert "\nNext: sluicegate history --contract orders --config " in torn["body"]
    assert place.asks("--run", by_action["committed", True])["title"] == "orders: batch b-1 replayed and committed"
