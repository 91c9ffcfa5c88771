"""Start-up is a feature: nothing is imported that a run doesn't use, and what is slow to import doesn't keep the scan waiting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "_sluicegate_gx", "altair", "apprise", "boto3", "botocore", "duckdb", "great_expectations", "jinja2", "numpy", "pandas", "polars", "pyarrow", "pydantic", "rich",
    "pyiceberg", "requests", "scipy", "smtplib", "soda", "sqlalchemy",
)  # fmt: skip
CONTRACT = """\
data_contract:
  name: numbers
  version: "1"
  owner: nobody@example.com
  quality_checks:
    checks:
      - {type: not_null, column: a}
      - {type: unique, columns: [a]}
      - {type: range, column: a, min: 0}
      - {type: aggregate, column: a, function: mean, min: 0}
"""
WITH_GX = """\
      - {type: not_null, column: a, engine: great_expectations, name: not null (GX)}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "numbers.csv").write_text("a\n1\n2\n3\n")
    (tmp_path / "contract.yaml").write_text(CONTRACT)
    (tmp_path / "with_gx.yaml").write_text(CONTRACT + WITH_GX)
    return tmp_path


def python(script: str, folder: Path) -> list[str]:
    """Run a script in a process of its own; the heavy modules that it has imported in the end."""
    report = f"\nimport sys, json\nprint('\\n' + json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("COV_", "COVERAGE"))}
    command = [sys.executable, "-c", script + report]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    imported: list[str] = json.loads(done.stdout.splitlines()[-1])
    return imported


def test_importing_sluicegate_imports_nothing_heavy(folder: Path) -> None:
    assert python("import sluicegate", folder) == []
    assert python("import sluicegate\nsluicegate.Gate, sluicegate.gated, sluicegate.load_contract", folder) == []


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["check", "--help"], ["--version"], ["plan", "contract.yaml"], ["contract", "lint", "contract.yaml"]],
)
def test_asking_for_help_or_a_plan_imports_nothing_heavy(arguments: list[str], folder: Path) -> None:
    script = f"from sluicegate.cli.main import main\ntry:\n    code = main({arguments!r})\nexcept SystemExit as done:\n    code = done.code\nassert not code, code"
    assert set(python(script, folder)) <= {"duckdb"}


def test_every_engine_loads_without_what_it_runs_on(folder: Path) -> None:
    script = (
        "from sluicegate.plugins import known, load\nfor name in known('sluicegate.engines'): load('sluicegate.engines', name)()"
    )
    assert python(script, folder) == []


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_run_of_canonical_checks_imports_duckdb_and_no_other_engine(verb: str, folder: Path) -> None:
    script = f"from sluicegate.cli.main import main\nassert main([{verb!r}, 'contract.yaml', 'numbers.csv']) == 0"
    assert set(python(script, folder)) <= {"duckdb", "pyarrow", "numpy"}


MEET = """
import importlib.abc, sys, threading
import_begun, scan_done = threading.Event(), threading.Event()

class Meet(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "great_expectations" and not import_begun.is_set():
            import_begun.set()
            if not scan_done.wait(60):
                raise ImportError("the scan waits for the import of Great Expectations to end")
        return None

sys.meta_path.insert(0, Meet())
from sluicegate_adapters.engines.duckdb.engine import DuckdbEngine
scan = DuckdbEngine.run

def scan_while_importing(self, checks, batch, context):
    if not import_begun.wait(60):
        raise RuntimeError("Great Expectations is imported only when the scan is over")
    yield from scan(self, checks, batch, context)
    scan_done.set()

DuckdbEngine.run = scan_while_importing
from sluicegate import Gate
outcome = Gate.from_config().check("with_gx.yaml", "numbers.csv")
assert [item.outcome.value for item in outcome.verdict.outcomes] == ["passed"] * 5, outcome.verdict.outcomes
"""


@pytest.mark.slow
def test_great_expectations_is_imported_while_the_scan_runs(folder: Path) -> None:
    """The import can't end before the scan does, nor the scan begin before the import: they overlap, or this fails."""
    assert set(python(MEET, folder)) <= {"_sluicegate_gx", "duckdb", "jinja2", "numpy", "pyarrow", "pydantic"}
