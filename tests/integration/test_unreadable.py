"""A batch with broken lines at the gate: refused as a whole, every line told, and on record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sluicegate import Gate
from sluicegate.cli.main import main
from sluicegate.errors import BatchUnreadable
from tests.integration.rows_shop import committed, gate_of, open_shop


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    monkeypatch.chdir(open_shop(tmp_path))
    (tmp_path / "torn.csv").write_text("id,amount,note\n1,1.00,Ann\n2,2.00\n3,3.00,Bob,0171\n")
    return gate_of(tmp_path)


def test_the_command_tells_every_line_and_no_value_of_it(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "rows.yaml", "torn.csv", "--config", "gate.yaml"]) == 4
    told = capsys.readouterr().err
    assert "line 3: the row has 2 columns where the header has 3: 9,9.99\n" in told
    assert "line 4: the row has more than 3 columns where the header has 3: 9,9.99,xxx,9999\n" in told
    assert "Bob" not in told
    assert not [*gate.quarantine_store.list()]
    assert not Path("data").exists()


def test_json_has_the_lines_as_a_list(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "rows.yaml", "torn.csv", "--config", "gate.yaml", "--json"]) == 4
    error = json.loads(capsys.readouterr().out)["error"]
    assert [(line["line"], line["text"]) for line in error["lines"]] == [(3, "9,9.99"), (4, "9,9.99,xxx,9999")]
    assert error["more_lines"] == 0


def test_a_terminal_is_not_flooded(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    Path("torn.csv").write_text("id,amount,note\n" + "1\n" * 150)
    assert main(["check", "rows.yaml", "torn.csv", "--config", "gate.yaml"]) == 4
    told = capsys.readouterr().err
    assert told.count("the row has 1 column") == 21
    assert "and 130 more; --json has the first 100" in told


def test_the_history_knows_of_a_batch_that_could_not_be_read(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BatchUnreadable):
        gate.run("rows.yaml", "torn.csv", batch_id="b1")
    (run,) = gate.history.runs()
    assert (run.action, run.decision, run.batch_id, run.rows) == ("unreadable", "block", "b1", 0)
    assert [line["line"] for line in run.verdict["error"]["lines"]] == [3, 4]
    assert main(["history", "--config", "gate.yaml"]) == 0
    assert "unreadable" in capsys.readouterr().out


def test_a_history_that_can_not_be_written_hides_no_fault_of_the_batch(gate: Gate) -> None:
    Path("history.sqlite").mkdir()
    with pytest.raises(BatchUnreadable):
        gate.check("rows.yaml", "torn.csv")


def test_what_the_job_says_of_its_files_holds_unless_the_caller_says_otherwise(
    gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("latin.csv").write_bytes("id;amount;note\n1;1.00;Zoë\n2;2.00;b\n3;3.00;c\n".encode("latin-1"))
    Path("job.yaml").write_text(
        "data_contract: {contract_path: rows.yaml}\nsource: {path: latin.csv, options: {encoding: utf-16, delimiter: ';'}}\n"
    )
    with pytest.raises(BatchUnreadable):
        gate.check("job.yaml")
    assert gate.check("job.yaml", options={"encoding": "latin-1"}).passed
    words = ["check", "job.yaml", "--config", "gate.yaml", "--option", "encoding=cp1252"]
    assert main(words) == 0
    assert "--option encoding=cp1252" in capsys.readouterr().out


def test_a_quarantined_batch_is_read_again_in_its_own_encoding(gate: Gate) -> None:
    Path("latin.csv").write_bytes("id,amount,note\n1,-1.00,Zoë\n2,-2.00,b\n3,-3.00,c\n".encode("latin-1"))
    item = gate.run("rows.yaml", "latin.csv", options={"encoding": "latin-1"}).manifest
    assert item is not None
    assert (item.scope, item.options) == ("batch", {"encoding": "latin-1"})
    assert gate.replay(item.quarantine_id, contract="loose.yaml").passed
    assert sorted(note for _, _, note in committed(gate.profile.base)) == ["Zoë", "b", "c"]
