"""Each verb as its user types it: exit code, what it says, its JSON; never a traceback, never a changed file that shouldn't be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sluicegate.cli.main import main

_CONTRACT = """\
data_contract:
  name: orders
  version: 1.2.0
  owner: shop@example.com
  description: What was ordered.
  schema:
    - {name: order_id, type: integer, primary_key: true}
    - {name: customer, type: string, classification: pii}
    - {name: amount, type: "decimal(18,2)", required: true}
  sla:
    availability: {uptime_percentage: 99}
  quality_checks:
    checks:
      - {type: range, name: amount is not negative, column: amount, min: 0}
      - {type: not_null, name: customer is known, column: customer, tolerance: 50%, warn_tolerance: 10%}
      - {type: row_count, name: some rows, min: 1}
  violation_handling:
    quarantine: {retention_days: 7}
    notification: {channels: [mail], recipients: [a@example.com]}
"""
_PROFILE = """\
target: {type: parquet, path: "data/{dataset}"}
quarantine: {type: local, path: held}
history: {path: history.sqlite}
"""
_GOOD = "order_id,customer,amount\n1,ada,1.00\n2,bob,2.00\n"
_WARNS = "order_id,customer,amount\n1,ada,1.00\n2,bob,2.00\n3,,3.00\n"
_BAD = "order_id,customer,amount\n1,ada-lovelace,-1.00\n2,bob,2.00\n"
_BLOCKED = "order_id,customer,amount\n1,ada,1.00\n1,bob,2.00\n"


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a contract, a profile and some batches; we are in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("SLUICEGATE_CONFIG", str(tmp_path / "gate.yaml"))
    files = {
        "orders.yaml": _CONTRACT,
        "gate.yaml": _PROFILE,
        "good.csv": _GOOD,
        "warns.csv": _WARNS,
        "bad.csv": _BAD,
        "blocked.csv": _BLOCKED,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


class Said:
    """What one call said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        self.words = " ".join(out.split())

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def type_(capsys: pytest.CaptureFixture[str]) -> Any:
    def typed(*arguments: str) -> Said:
        code = main(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert "internal error" not in err
        return Said(code, out, err)

    return typed


def test_a_good_batch_is_committed_and_said_so(type_: Any, shop: Path) -> None:
    said = type_("run", "orders.yaml", "good.csv", "--batch-id", "one")
    assert said.code == 0
    assert "COMMITTED: 2 rows are in data/orders" in said.words
    assert "✓ amount is not negative" in said.out
    assert "· " in said.out
    assert list(shop.glob("data/orders/**/*.parquet"))


def test_a_batch_is_not_committed_twice(type_: Any) -> None:
    type_("run", "orders.yaml", "good.csv", "--batch-id", "one")
    assert "had been committed before" in type_("run", "orders.yaml", "good.csv", "--batch-id", "one").words
    conflict = type_("run", "orders.yaml", "warns.csv", "--batch-id", "one")
    assert conflict.code == 4
    assert conflict.err.startswith("error: ")


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--fail-on-warnings",), 1)])
def test_warnings_are_told_and_fail_only_when_asked(options: tuple[str, ...], code: int, type_: Any) -> None:
    said = type_("run", "orders.yaml", "warns.csv", *options)
    assert said.code == code
    assert "COMMITTED WITH WARNINGS" in said.out
    assert "! customer is known" in said.out


def test_check_changes_nothing_and_names_the_command_that_would(type_: Any, shop: Path) -> None:
    said = type_("check", "orders.yaml", "good.csv", "--now", "2026-01-01T06:00")
    assert said.code == 0
    assert "PASSED: nothing was changed; a run would commit the batch" in said.words
    assert "next: sluicegate run orders.yaml good.csv --now 2026-01-01T06:00" in said.out
    assert "clock 2026-01-01 06:00 UTC" in said.words
    assert not (shop / "data").exists()


def test_the_next_command_reads_the_batch_as_this_one_did(type_: Any, shop: Path) -> None:
    (shop / "good.csv").rename(shop / "good.txt")
    said = type_("check", "orders.yaml", "good.txt", "--format", "csv")
    assert "next: sluicegate run orders.yaml good.txt --format csv" in said.out
    assert type_("run", "orders.yaml", "good.txt", "--format", "csv").code == 0


def test_a_bad_batch_is_quarantined_and_found_again(type_: Any) -> None:
    said = type_("run", "orders.yaml", "bad.csv")
    assert said.code == 3
    assert "QUARANTINED: nothing was committed" in said.words
    held = type_("quarantine", "list", "--json").json["items"]
    assert [item["dataset"] for item in held] == ["orders"]
    quarantine_id = held[0]["quarantine_id"]
    assert f"next: sluicegate quarantine show {quarantine_id}" in said.out
    shown = type_("quarantine", "show", quarantine_id)
    assert shown.code == 0
    assert "✗ amount is not negative" in shown.out
    assert "bad.csv" in shown.words
    assert type_("quarantine", "show", quarantine_id, "--json").json["quarantine_id"] == quarantine_id


def test_values_of_classified_columns_are_nowhere(type_: Any, shop: Path) -> None:
    for arguments in (("run", "orders.yaml", "bad.csv"), ("run", "orders.yaml", "bad.csv", "--json"), ("history", "--json")):
        said = type_(*arguments)
        assert "ada-lovelace" not in said.out + said.err
        assert "-1.0" in said.out or arguments[0] == "history"
    for path in shop.rglob("*manifest*.json"):
        assert "ada-lovelace" not in path.read_text("utf-8")


def test_the_quarantine_can_be_searched(type_: Any) -> None:
    assert "nothing is in quarantine" in type_("quarantine", "list").out
    type_("run", "orders.yaml", "bad.csv")
    table = type_("quarantine", "list").out
    assert "STATUS" in table
    assert "orders" in table
    assert type_("quarantine", "list", "--dataset", "other", "--json").json["items"] == []
    assert "that fits" in type_("quarantine", "list", "--status", "deleted").out
    wrong = type_("quarantine", "list", "--status", "nowhere")
    assert wrong.code == 2
    assert "quarantined" in wrong.err
    missing = type_("quarantine", "show", "q-none")
    assert missing.code == 2
    assert "q-none" in missing.err


def test_a_batch_that_breaks_the_schema_is_blocked(type_: Any) -> None:
    said = type_("run", "orders.yaml", "blocked.csv")
    assert said.code == 4
    assert "BLOCKED: nothing was committed; the batch stays where it was" in said.words
    assert type_("quarantine", "list", "--json").json["items"] == []


def test_json_carries_the_whole_verdict(type_: Any) -> None:
    found = type_("run", "orders.yaml", "bad.csv", "--json").json
    assert found["exit_code"] == 3
    assert found["action"] == "quarantined"
    assert found["verdict"]["decision"] == "quarantine"
    failed = [item for item in found["verdict"]["checks"] if item["outcome"] == "failed"]
    assert [(item["name"], item["rows"], item["failing"]) for item in failed] == [("amount is not negative", 2, 1)]
    assert type_("check", "orders.yaml", "warns.csv", "--json", "--fail-on-warnings").json["exit_code"] == 1


def test_quiet_is_one_line_and_verbose_is_everything(type_: Any) -> None:
    assert type_("check", "orders.yaml", "good.csv", "-q", "--batch-id", "b").out == "checked commit b\n"
    assert "contract sha256" in type_("check", "orders.yaml", "good.csv", "-v").words


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("run", "nowhere.yaml", "good.csv"), 2, "nowhere.yaml"),
        (("run", "orders.yaml", "nowhere.csv"), 2, "nowhere.csv"),
        (("run", "orders.yaml"), 2, "no batch was named"),
        (("run", "orders.yaml", "good.csv", "--now", "yesterday"), 2, "not a time"),
        (("run", "orders.yaml", "good.csv", "--batch-id", "../up"), 2, "../up"),
        (("run", "orders.yaml", "good.csv", "--format", "xls"), 2, "xls"),
        (("run", "orders.yaml", "good.csv", "--config", "nowhere.yaml"), 2, "nowhere.yaml"),
        (("run", "good.csv", "good.csv"), 2, "good.csv"),
        (("plan", "orders.yaml", "--engine", "spark"), 2, "spark"),
        (("contract", "show", "nowhere.yaml"), 2, "nowhere.yaml"),
        (("history", "--limit", "0"), 2, "--limit"),
    ],
)
def test_a_mistake_is_one_message_and_one_exit_code(arguments: tuple[str, ...], code: int, told: str, type_: Any) -> None:
    said = type_(*arguments)
    assert said.code == code
    assert said.out == ""
    assert told in said.err
    assert type_(*arguments, "--json").json["error"]["exit_code"] == code


def test_plan_needs_no_data_and_shows_what_is_skipped(type_: Any) -> None:
    said = type_("plan", "orders.yaml")
    assert said.code == 0
    assert "── duckdb" in said.out
    assert '"amount"' in said.out
    assert "── skipped · 1 check" in said.out
    checks = type_("plan", "orders.yaml", "--json").json["checks"]
    assert {item["engine"] for item in checks} == {"duckdb", ""}
    assert all(item["translation"]["text"] for item in checks if item["engine"])


def test_plan_shows_the_one_scan_and_what_reads_the_batch_by_itself(type_: Any, shop: Path) -> None:
    (shop / "scan.yaml").write_text(
        """
        data_contract:
          name: orders
          owner: shop@example.com
          version: "1"
          quality_checks:
            checks:
              - {type: not_null, column: id}
              - {type: unique, columns: [id, amount]}
              - {type: monotonic, column: id, name: in order}
        """
    )
    said = type_("plan", "scan.yaml")
    assert 'SELECT count("id")\nFROM batch\n-- and how often each value of this key occurs: "amount", "id"' in said.out
    assert "# in order\n# reads the batch by itself: it compares rows with those before them" in said.out
    assert said.out.count("by itself") == 1
    document = type_("plan", "scan.yaml", "--json").json
    assert document["scan"] == {"statements": ['SELECT count("id")\nFROM batch'], "keys": [["amount", "id"]]}
    asked = {item["name"]: (item["questions"], item["own_path"]) for item in document["checks"]}
    assert asked["in order"] == ([], "it compares rows with those before them")
    assert ([{"aggregate": "count(*)"}, {"aggregate": 'count("id")'}], "") in asked.values()
    assert ([{"key": ["amount", "id"]}], "") in asked.values()


@pytest.mark.parametrize(
    "streams", [">&-", "2>&-", ">&- 2>&- <&-", ">/dev/full", "--json >/dev/full", "--json >&-", ">/dev/full 2>/dev/full"]
)
def test_where_the_report_goes_changes_neither_the_end_nor_the_exit_code(streams: str, shop: Path) -> None:
    tool = Path(sys.executable).with_name("sluicegate")
    done = subprocess.run(
        f"{tool} run orders.yaml bad.csv {streams}", shell=True, cwd=shop, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert bool(done.stdout) == (">" not in streams.replace("2>&-", ""))
    assert all(line.startswith("warning: ") for line in done.stderr.splitlines())
    told = "warning: the report can't be written: No space left on device" in done.stderr
    assert told == ("/dev/full" in streams and "2>" not in streams)
    assert list(shop.glob("held/**/manifest.json"))


@pytest.mark.parametrize("batch", ["good.csv", "bad.csv"])
def test_the_command_leaves_nothing_open_behind_it(batch: str, shop: Path) -> None:
    tool = Path(sys.executable).with_name("sluicegate")
    (shop / "tmp").mkdir()
    environ = os.environ | {"TMPDIR": str(shop / "tmp")}
    done = subprocess.run([tool, "run", "orders.yaml", batch], cwd=shop, env=environ, capture_output=True, check=False)
    assert done.returncode == (3 if batch == "bad.csv" else 0), done.stderr
    assert not list((shop / "tmp").iterdir()), "the databases' folders"
    assert [path.name for path in shop.rglob("history.sqlite*")] == ["history.sqlite"], "its log is closed"


def test_history_shows_runs_and_how_they_moved(type_: Any) -> None:
    assert "no run is on record" in type_("history").out
    type_("run", "orders.yaml", "good.csv")
    type_("run", "orders.yaml", "bad.csv")
    said = type_("history")
    assert said.code == 0
    assert "ACTION       FAILED" in said.out  # a narrow terminal leaves out what matters less
    assert "quarantined" in said.out
    assert "▁█  1 in the last run" in said.out
    runs = type_("history", "--json", "--limit", "1").json["runs"]
    assert [run["action"] for run in runs] == ["quarantined"]
    assert type_("history", "--dataset", "other", "--json").json == {"runs": []}


def test_doctor_finds_everything_in_order(type_: Any) -> None:
    said = type_("doctor")
    assert said.code == 0
    assert "everything that a run needs is here" in said.out
    found = {item["name"]: item["status"] for item in type_("doctor", "--json").json["findings"]}
    assert {
        "engine duckdb",
        "engine soda",
        "engine great_expectations",
        "engine python",
        "quarantine store s3",
        "source s3",
        "target",
        "quarantine",
    } <= found.keys()
    assert "broken" not in found.values()


def test_doctor_says_what_is_broken(type_: Any, shop: Path) -> None:
    (shop / "gate.yaml").write_text("target: {type: nowhere}\n", "utf-8")
    said = type_("doctor")
    assert said.code != 0
    assert "✗" in said.out
    (shop / "gate.yaml").write_text("tarkget: 1\n", "utf-8")
    said = type_("doctor", "--json")
    assert said.code == 2
    assert not said.json["healthy"]


def test_lint_tells_every_fault_with_its_place(type_: Any, shop: Path) -> None:
    assert type_("contract", "lint", "orders.yaml").code == 0
    (shop / "wrong.yaml").write_text(_CONTRACT.replace("min: 0", "minn: 0").replace("owner", "ownr"), "utf-8")
    said = type_("contract", "lint", "orders.yaml", "wrong.yaml")
    assert said.code == 2
    assert "wrong.yaml:4:3: fault" in said.out
    assert "2 faults in 1 file" in said.err
    files = type_("contract", "lint", "wrong.yaml", "nowhere.yaml", "--json").json["files"]
    assert [len(item["faults"]) for item in files] == [2, 1]


def test_show_puts_the_contract_in_words(type_: Any) -> None:
    said = type_("contract", "show", "orders.yaml")
    assert said.code == 0
    for words in (
        "orders 1.2.0",
        "amount is not negative",
        "classified columns: customer",
        "kept 7 days",
        "a@example.com by mail",
        "orders.yaml:7",
    ):
        assert words in said.words
    found = type_("contract", "show", "orders.yaml", "--json").json
    assert [item["name"] for item in found["checks"]][-3:] == ["amount is not negative", "customer is known", "some rows"]


def test_lint_tells_in_order_what_each_engine_says_of_its_checks(type_: Any, shop: Path) -> None:
    checks = """\
  quality_checks:
    great_expectations:
      checks:
        - {name: expect_colum, column: amount}
    soda:
      checks:
        - row_cont > 0
    checks:
      - {type: not_null, column: amount, engine: duckbd}
"""
    (shop / "engines.yaml").write_text(_CONTRACT.partition("  quality_checks:")[0] + checks, "utf-8")
    said = type_("contract", "lint", "engines.yaml")
    assert said.code == 2
    lines = said.out.splitlines()
    assert [line.partition(":")[2].partition(":")[0] for line in lines] == ["15", "18", "20"]
    for line, words in zip(
        lines, ("exports no expectation called 'expect_colum'", "no metric 'row_cont'", "did you mean 'duckdb'?"), strict=True
    ):
        assert words in line


def test_init_writes_a_contract_that_lints_clean_and_never_over_another(type_: Any, shop: Path) -> None:
    said = type_("contract", "init", "sales", "--from", "good.csv")
    assert said.code == 0
    assert "wrote sales.contract.yaml" in said.out
    assert "order_id" in (shop / "sales.contract.yaml").read_text("utf-8")
    assert type_("contract", "lint", "sales.contract.yaml").code == 0
    assert "next: sluicegate contract lint 'next year.contract.yaml'" in type_("contract", "init", "next year").out
    again = type_("contract", "init", "sales")
    assert again.code == 2
    assert "is there already" in again.err
    type_("contract", "init", "other")
    assert type_("contract", "init", "other", "--output", "-").out == (shop / "other.contract.yaml").read_text("utf-8")
    assert "data_contract:" in type_("contract", "init", "other", "--output", "-", "--json").json["contract"]
    assert type_("contract", "init", " ").code == 2
    assert type_("contract", "init", "x", "--output", "no/such/folder/x.yaml").code == 6
