"""``--report`` as it is typed: what can't be written is told before the run, what was decided stands, and no run leaves a report that looks like success."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import sluicegate.report.page
from sluicegate import Gate
from sluicegate.cli.main import main
from sluicegate.errors import StorageError, UsageError

CONTRACT = """\
data_contract:
  name: orders
  version: 1.2.0
  owner: shop@example.com
  schema:
    - {name: order_id, type: integer, primary_key: true}
    - {name: customer, type: string, classification: pii}
    - {name: amount, type: "decimal(18,2)", required: true}
  quality_checks:
    checks:
      - {type: range, name: amount is not negative, column: amount, min: 0}
"""
KINDS = ("html", "junit", "github", "json", "markdown")


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    (tmp_path / "orders.yaml").write_text(CONTRACT)
    (tmp_path / "good.csv").write_text("order_id,customer,amount\n1,ada-lovelace,1.00\n2,bob,2.00\n")
    (tmp_path / "bad.csv").write_text("order_id,customer,amount\n1,ada-lovelace,-1.00\n2,bob,2.00\n")
    return tmp_path


def run(*words: str) -> int:
    return main(["run", "orders.yaml", *words, "--now", "2026-03-01T06:00:00Z"])


def test_every_kind_is_written_and_none_has_a_classified_value(shop: Path) -> None:
    code = run("bad.csv", *(word for kind in KINDS for word in ("--report", f"{kind}=out.{kind}")))
    assert code == 3
    texts = {kind: (shop / f"out.{kind}").read_text(encoding="utf-8") for kind in KINDS}
    assert all("amount is not negative" in text for text in texts.values())
    assert not any("lovelace" in text for text in texts.values())
    assert json.loads(texts["json"])["action"] == "quarantined"
    assert {file.name for file in shop.iterdir() if file.name.endswith(".tmp")} == set()


def test_the_json_report_is_what_json_prints(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("bad.csv", "--json", "--report", "json=out.json")
    assert json.loads(capsys.readouterr().out) == json.loads((shop / "out.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("word", ["markdown", "markdown=-", "junit=-", "json"])
def test_a_document_on_standard_output_stands_there_alone(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("bad.csv", "--report", word)
    out = capsys.readouterr().out
    assert out.startswith({"mark": "### ", "juni": "<?xml", "json": "{"}[word[:4]])
    assert "✗ amount is not negative" not in out


def test_annotations_go_among_what_else_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    run("bad.csv", "--report", "github")
    out = capsys.readouterr().out
    assert "✗ amount is not negative" in out
    assert "::error file=orders.yaml,line=11,col=9,title=amount is not negative::" in out


def test_what_github_reads_beside_the_annotations_holds_no_commands(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    (shop / "bad.csv").write_text('order_id,customer,amount\n1,"::error::x",-1.00\n')
    run("bad.csv", "--report", "github")
    lines = capsys.readouterr().out.splitlines()
    token = lines[0].removeprefix("::stop-commands::")
    assert len(token) == 32
    resumed = lines.index(f"::{token}::")
    assert not [line for line in lines[1:resumed] if line.startswith("::") and token not in line and "::error file" in line]
    assert all(line.startswith("::error ") for line in lines[resumed + 1 :])


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("pdf=x.pdf", "'pdf' is not known"),
        ("html", "html needs a path"),
        ("html=nowhere/x.html", "there is no folder nowhere"),
        ("html=folder", "that is a folder"),
        ("html=bad.csv", "bad.csv is what the run reads"),
        ("json=./orders.yaml", "orders.yaml is what the run reads"),
        ("html=good.csv/x", "good.csv"),
    ],
)
def test_what_can_t_be_written_is_told_before_the_run(
    shop: Path, word: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "folder").mkdir()
    before = {file: file.read_bytes() for file in (shop / "bad.csv", shop / "orders.yaml")}
    assert run("bad.csv", "--report", word) == 2
    err = capsys.readouterr().err
    assert told in err
    assert "hint: " in err
    assert not (shop / ".sluicegate").exists()
    assert {file: file.read_bytes() for file in before} == before


def test_no_report_is_laid_over_the_profile(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "gate.yaml").write_text("history: {path: history.sqlite}\n")
    assert run("bad.csv", "--config", "gate.yaml", "--report", "html=gate.yaml") == 2
    assert "gate.yaml is what the run reads" in capsys.readouterr().err
    assert (shop / "gate.yaml").read_text() == "history: {path: history.sqlite}\n"


def test_no_report_is_laid_among_the_files_that_are_read(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "batch").mkdir()
    (shop / "batch" / "1.json").write_text('[{"order_id": 1, "customer": "a", "amount": 1}]')
    for batch in ("batch", "batch/*.json"):
        assert run(batch, "--report", "json=batch/report.json") == 2
        assert "is what the run reads" in capsys.readouterr().err
    assert [file.name for file in (shop / "batch").iterdir()] == ["1.json"]
    assert run("batch/*.json", "--report", "html=batch/report.html") == 0


@pytest.mark.parametrize(
    "words",
    [["--report", "json", "--report", "junit"], ["--report", "json=a", "--report", "html=./a"], ["--json", "--report", "junit"]],
)
def test_two_reports_never_share_a_place(words: list[str], shop: Path) -> None:
    assert run("bad.csv", *words) == 2
    assert not (shop / ".sluicegate").exists()


def test_what_was_decided_stands_though_the_report_can_t_be_written_any_more(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "out").mkdir()
    decided = Gate.run

    def and_then_the_folder_goes(self: Gate, *given: Any, **options: Any) -> Any:
        outcome = decided(self, *given, **options)
        for file in (shop / "out").iterdir():
            file.unlink()
        (shop / "out").rmdir()
        return outcome

    monkeypatch.setattr(Gate, "run", and_then_the_folder_goes)
    assert run("bad.csv", "--report", "html=out/x.html", "--report", "json=x.json") == 3
    assert "warning: the report out/x.html can't be written: No such file or directory" in capsys.readouterr().err
    assert json.loads((shop / "x.json").read_text(encoding="utf-8"))["exit_code"] == 3


def test_a_fault_of_ours_in_a_report_is_a_warning(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    made = sluicegate.report.page.page

    def page(report: Any) -> str:
        if hasattr(report, "facts"):
            raise KeyError("figures")
        return made(report)

    monkeypatch.setattr(sluicegate.report.page, "page", page)
    assert run("good.csv", "--report", "html=x.html") == 0
    assert "warning: --report html=x.html could not be made: KeyError\n" in capsys.readouterr().err


def test_a_contract_with_faults_is_an_error_in_every_report(shop: Path) -> None:
    (shop / "orders.yaml").write_text(CONTRACT.replace("owner", "ownr"))
    assert run("bad.csv", *(word for kind in KINDS for word in ("--report", f"{kind}=out.{kind}"))) == 2
    assert all("ownr" in (shop / f"out.{kind}").read_text(encoding="utf-8") for kind in KINDS)
    assert ET.parse(shop / "out.junit").find(".//error") is not None
    assert "::error file=orders.yaml,line=4,col=3" in (shop / "out.github").read_text(encoding="utf-8")


def test_a_batch_that_can_t_be_read_is_an_error_in_every_report(shop: Path) -> None:
    (shop / "torn.csv").write_text("order_id,customer,amount\n1,ada-lovelace,1.00,x,y\n")
    assert run("torn.csv", *(word for kind in KINDS for word in ("--report", f"{kind}=out.{kind}"))) == 4
    texts = [(shop / f"out.{kind}").read_text(encoding="utf-8") for kind in KINDS]
    assert not any("lovelace" in text for text in texts)
    assert all("torn.csv" in text for text in texts)


def test_a_killed_run_leaves_no_report_that_looks_like_success(shop: Path) -> None:
    (shop / "rules").mkdir()
    (shop / "rules" / "deadly.py").write_text("import os, signal\ndef kill(batch):\n    os.kill(os.getpid(), signal.SIGKILL)\n")
    (shop / "orders.yaml").write_text(CONTRACT + "    custom:\n      - {name: deadly, function: deadly.kill}\n")
    (shop / "out.xml").write_text("the report of a run that passed")
    command = [sys.executable, "-c", "import sys; from sluicegate.cli.main import main; main()", "run", "orders.yaml", "good.csv"]
    done = subprocess.run([*command, "--report", "junit=out.xml"], check=False, timeout=60, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    (error,) = ET.parse(shop / "out.xml").iter("error")
    assert "has not come to its end" in (error.get("message") or "")


def test_a_link_stays_one_and_a_pipe_is_written_to(shop: Path) -> None:
    (shop / "real.md").write_text("old")
    (shop / "link.md").symlink_to("real.md")
    reading, writing = os.pipe()
    assert run("good.csv", "--report", "markdown=link.md", "--report", f"github=/dev/fd/{writing}") == 0
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        assert [line.partition(" ")[0] for line in pipe] == ["::notice"]
    assert (shop / "link.md").is_symlink()
    assert (shop / "real.md").read_text(encoding="utf-8").startswith("### ✅ orders")


def test_a_pipe_that_nobody_reads_does_not_hold_the_run_up(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(shop / "pipe")
    assert run("good.csv", "--report", "json=pipe") == 0
    assert "warning: the report pipe can't be written" in capsys.readouterr().err


def test_the_chart_goes_back_over_earlier_batches_of_this_tenant_only(shop: Path) -> None:
    for day, broken in enumerate((0, 1, 2), 1):
        rows = [f"{i},x,{-1 if i < broken else 1}" for i in range(4)]
        (shop / f"{day}.csv").write_text("\n".join(["order_id,customer,amount", *rows]) + "\n")
        main(["run", "orders.yaml", f"{day}.csv", "--now", f"2026-03-0{day}T06:00:00Z", "--report", "html=out.html"])
    assert "in the last 3 batches: 0\xa0% to 50\xa0%, now 50\xa0%; 2 refused batches" in (shop / "out.html").read_text(
        encoding="utf-8"
    )
    (shop / "job.yaml").write_text("tenant_id: other\ndata_contract: {contract_path: orders.yaml}\n")
    main(["check", "job.yaml", "3.csv", "--now", "2026-03-09T06:00:00Z", "--report", "html=out.html"])
    assert "in the last" not in (shop / "out.html").read_text(encoding="utf-8")


def test_a_run_with_an_earlier_clock_does_not_show_what_came_later(shop: Path) -> None:
    for day in (3, 1):
        (shop / f"{day}.csv").write_text(f"order_id,customer,amount\n{day},x,{1 - 2 * (day == 3)}\n")
        main(["run", "orders.yaml", f"{day}.csv", "--now", f"2026-03-0{day}T06:00:00Z", "--report", "html=out.html"])
    assert "<figure>" not in (shop / "out.html").read_text(encoding="utf-8")


def test_a_secret_of_the_profile_is_in_no_report_that_a_program_makes(shop: Path) -> None:
    (shop / "gate.yaml").write_text("target: {type: parquet, path: data}\nsources: {s3: {secret_access_key: hunter2hunter2}}\n")
    (shop / "orders.yaml").write_text(CONTRACT.replace("amount is not negative", "hunter2hunter2 is not negative"))
    with Gate.from_config("gate.yaml") as gate:
        outcome = gate.run("orders.yaml", "bad.csv")
        texts = [gate.report(outcome, kind) for kind in KINDS]
    assert all("*** is not negative" in text.replace("\\*", "*") for text in texts)
    assert not any("hunter2" in text for text in texts)


def test_a_program_makes_reports_of_its_outcomes(shop: Path) -> None:
    with Gate.from_config() as gate:
        outcome = gate.run("orders.yaml", "bad.csv")
        text = gate.report(outcome, "html", "out.html")
        assert (shop / "out.html").read_text(encoding="utf-8") == text
        assert "QUARANTINED" in text
        assert gate.report(outcome, "junit").startswith("<?xml")
        with pytest.raises(UsageError, match="there is no report 'pdf'"):
            gate.report(outcome, "pdf")
        with pytest.raises(StorageError, match="can't be written"):
            gate.report(outcome, "json", "nowhere/x.json")
