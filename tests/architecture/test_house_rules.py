"""The house's own rules, held by reading the sources: who may import whom and when, how long, how public."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "adapters").rglob("*.py")])
EVERYTHING = sorted(
    path for folder in ("src", "adapters", "tests", "benchmarks", "contracts") for path in (ROOT / folder).rglob("*.py")
)
HEAVY = {
    "apprise", "boto3", "botocore", "duckdb", "great_expectations", "jinja2", "numpy", "pandas", "polars", "pyarrow", "rich", "scipy", "soda",
    "pyiceberg", "sqlalchemy", "pydantic", "requests", "smtplib", "urllib3",
}  # fmt: skip
LINES_AT_MOST = 450
LINES_OF_TESTS_AT_MOST = 600  # a table of cases may be long


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_import_linter_finds_the_floors_and_doors_kept() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def when_imported(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when the module is imported: not functions' bodies, not what only type checkers read."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            yield from when_imported(statement.orelse)
            continue
        yield statement
        for inner in ("body", "orelse", "finalbody"):
            yield from when_imported(getattr(statement, inner, []))
        for handler in getattr(statement, "handlers", []):
            yield from when_imported(handler.body)


def imported(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.Import):
        return {alias.name.partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
        return {statement.module.partition(".")[0]}
    return set()


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_heavy_is_imported_before_it_is_needed(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {module for statement in when_imported(tree.body) for module in imported(statement)}
    assert not found & HEAVY, (
        f"import {', '.join(sorted(found & HEAVY))} inside the function that needs it: start-up is a feature"
    )


def test_the_rule_about_heavy_imports_sees_what_it_should() -> None:
    guarded = "try:\n    import duckdb\nexcept ImportError:\n    import pandas as pd\n"
    hidden = "if TYPE_CHECKING:\n    import pyarrow\ndef f():\n    import rich\nclass A:\n    import soda.scan\n"
    tree = ast.parse(guarded + hidden)
    assert {module for statement in when_imported(tree.body) for module in imported(statement)} == {"duckdb", "pandas", "soda"}


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_what_is_shipped_imports_no_benchmark_and_no_test(path: Path) -> None:
    assert not re.findall(r"^\s*(?:from|import) (?:benchmarks|tests)\b", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("path", [path for path in SOURCES if not path.stem.startswith("_")], ids=name)
def test_a_public_module_says_what_it_offers_and_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    listed = [node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"]
    assert listed, "a public module has __all__"
    assert ast.get_docstring(tree), "a module's docstring says what lives here"
    assert not [each for each in ast.literal_eval(listed[0].value) if each.startswith("_") and each != "__version__"]


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.stem == "__init__" and path.parent.name != "sluicegate"], ids=name
)
def test_a_room_says_what_lives_in_it(path: Path) -> None:
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    living = {module.stem for module in path.parent.glob("*.py")} - {"__init__"}
    assert told
    assert living <= set(re.findall(r"``(\w+)``", told)), "name each module in the package's docstring"


@pytest.mark.parametrize("path", EVERYTHING, ids=name)
def test_a_file_is_short_and_finished(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= (LINES_AT_MOST if path in SOURCES else LINES_OF_TESTS_AT_MOST)
    unfinished = re.findall(r"#.*\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b.*", text)
    assert not unfinished


@pytest.mark.parametrize("path", [path for path in EVERYTHING if "tests" in path.parts], ids=name)
def test_no_test_waits_for_time_to_pass(path: Path) -> None:
    calls = {
        ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
    }
    assert not calls & {"time.sleep", "sleep"}


@pytest.mark.parametrize("path", [path for path in SOURCES if "engines" in path.parts], ids=name)
def test_an_engine_uses_no_clock_of_its_own(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"datetime\.now\(|date\.today\(|utcnow\(|time\.time\(|\bcurrent_timestamp\b|\bnow\(\)(?!`)", text)


def forks(source: str) -> bool:
    """Whether a module makes children that live on with what this process had: a pytest worker's threads are not among it."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return any(
        re.match(r"os\.fork|.*(get_context|Popen|Process)\(.?fork|.*set_start_method", ast.unparse(call)) for call in calls
    )


def test_nobody_forks_but_a_program_that_has_used_nothing_yet() -> None:
    """A child that is forked where DuckDB, Arrow or an S3 client has threads may wait for ever for a lock that nobody has any more."""
    found = {name(path) for path in EVERYTHING if path != Path(__file__) and forks(path.read_text(encoding="utf-8"))}
    assert found == {"tests/crash/foreman.py", "tests/integration/telling_crew.py"}


def test_the_rule_about_forks_sees_what_it_should() -> None:
    assert forks("import os\nif os.fork() == 0: pass")
    assert forks("import multiprocessing as m\nm.get_context('fork').Process(target=f)")
    assert not forks("import multiprocessing as m\nm.get_context('spawn')\n'os.fork()'")
