from __future__ import annotations

import json
from argparse import Namespace

import pytest

from sluicegate.cli import doctor
from sluicegate.cli.main import main
from sluicegate.cli.screen import Screen
from sluicegate.errors import ContractError, Fault, StorageError


def _verb_that(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_options: Namespace, _screen: Screen) -> int:
        raise error

    monkeypatch.setattr(doctor, "doctor", broken)


def test_an_error_is_one_message_with_its_cure_and_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _verb_that(StorageError("the disk is full", hint="make room"), monkeypatch)
    assert main(["doctor"]) == 6
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err == "error: the disk is full\n  hint: make room\n"


def test_an_error_is_a_document_with_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _verb_that(StorageError("the disk is full", hint="make room"), monkeypatch)
    assert main(["doctor", "--json"]) == 6
    found = json.loads(capsys.readouterr().out)
    assert found == {"error": {"type": "StorageError", "message": "the disk is full", "hint": "make room", "exit_code": 6}}


def test_all_faults_of_a_contract_are_told_one_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ContractError((Fault("c.yaml", 1, 2, "wrong", "right"), Fault("c.yaml", 0, 0, "empty")))
    _verb_that(error, monkeypatch)
    assert main(["doctor"]) == 2
    assert capsys.readouterr().err == "c.yaml:1:2: wrong (right)\nc.yaml: empty\n2 faults; nothing was run\n"
    assert main(["doctor", "--json"]) == 2
    assert [item["line"] for item in json.loads(capsys.readouterr().out)["error"]["faults"]] == [1, 0]


def test_a_fault_of_ours_is_one_line_and_the_traceback_only_on_demand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SLUICEGATE_DEBUG", raising=False)
    cause = ValueError("jane@example.org is no number")
    error = ZeroDivisionError("jane@example.org\nsecond line")
    error.__cause__ = cause
    _verb_that(error, monkeypatch)
    assert main(["doctor"]) == 70
    brief = capsys.readouterr().err
    assert brief.startswith("internal error: ZeroDivisionError in test_main.py:")
    assert len(brief.splitlines()) == 2
    assert main(["doctor", "--verbose"]) == 70
    told = capsys.readouterr().err
    assert "raise error" in told
    assert "ValueError (its text may quote data" in told
    assert main(["doctor", "--json"]) == 70
    machine = capsys.readouterr().out
    assert json.loads(machine)["error"]["exit_code"] == 70
    assert "jane" not in brief + told + machine, "what an exception says may quote the batch"
    monkeypatch.setenv("SLUICEGATE_DEBUG", "1")
    assert main(["doctor"]) == 70
    assert "ValueError: jane@example.org is no number" in capsys.readouterr().err


def test_an_interrupt_is_130_without_a_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _verb_that(KeyboardInterrupt(), monkeypatch)
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_broken_command_line_answers_in_json_if_that_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chek", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["hint"] == "did you mean 'check'?"


@pytest.mark.parametrize("typed", [["--help"], ["--version"], ["run", "-h"]])
def test_help_is_exit_code_0(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(typed) == 0
    assert capsys.readouterr().out.startswith(("usage: sluicegate", "sluicegate "))
