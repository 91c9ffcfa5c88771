"""Rules as functions: what they are given, what they may return, and how they may misbehave."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluicegate.batch.source import Batch, open_batch
from sluicegate.checks.contract_check import ContractCheck, NativeCheck, Tolerance
from sluicegate.checks.model import NotNull
from sluicegate.checks.questions import ROWS
from sluicegate.ports.engine import NativeOutcome, Result, RunContext, Translation, Unsupported
from sluicegate.testing.batches import MemoryBatch
from sluicegate_adapters.engines.python_rules.engine import PythonEngine

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TABLE = pa.table(
    {
        "i": pa.array([1, -2, None, 2**60 + 1], pa.int64()),
        "s": ["a", "b", "", None],
        "d": [Decimal("0.10"), None, Decimal("2.00"), Decimal("-1.00")],
        "b": [True, False, None, True],
        "t": pa.array([NOW, None, None, None], pa.timestamp("us", "UTC")),
    }
)
EXACT = Tolerance()
HEADER = """
import duckdb, pandas as pd, polars as pl, pyarrow as pa, pyarrow.compute as pc, numpy as np
from datetime import date, datetime
from decimal import Decimal
from sluicegate.ports.rules import RuleContext, RuleResult
"""


@pytest.fixture(scope="module")
def batch() -> Iterator[Batch]:
    with open_batch(TABLE, batch_id="b1") as opened:
        yield opened


def check(
    kind: str, *, columns: tuple[str, ...] = (), file: str = "", tolerance: Tolerance = EXACT, **params: Any
) -> ContractCheck:
    promise = NativeCheck(engine="python", kind=kind, body={"params": params, "columns": list(columns)})
    return ContractCheck(id=kind, name=kind, promise=promise, file=file, tolerance=tolerance)


def context(*allowed: Path | str, **settings: Any) -> RunContext:
    return RunContext(
        now=NOW, settings={"rules": [str(item) for item in allowed]} | settings, parameters={"batch_id": "b1", "dataset": "x"}
    )


@pytest.fixture
def rule(tmp_path: Path, batch: Batch) -> Any:
    """Runs the function ``rule`` of some source text."""

    def run(source: str, **options: Any) -> Result:
        name = f"rules{len(list(tmp_path.glob('*.py')))}"  # a module is imported once
        (tmp_path / f"{name}.py").write_text(HEADER + source)
        (result,) = PythonEngine().run([check(f"{name}:rule", **options)], batch.view(), context(tmp_path))
        return result

    return run


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        ("", "DuckDBPyRelation"),
        (": duckdb.DuckDBPyRelation", "DuckDBPyRelation"),
        (": pa.Table", "Table"),
        (": pa.RecordBatchReader", "RecordBatchReader"),
        (": pd.DataFrame", "DataFrame"),
        (": pl.DataFrame", "DataFrame"),
        (": pl.LazyFrame", "LazyFrame"),
        (": 'pa.Table'", "Table"),
    ],
)
@pytest.mark.parametrize("future", [False, True])
def test_the_annotation_decides_the_form_and_only_declared_columns_are_loaded(
    rule: Any, annotation: str, kind: str, future: bool
) -> None:
    names = (
        "x.collect_schema().names()"
        if kind == "LazyFrame"
        else "x.schema.names"
        if kind in {"Table", "RecordBatchReader"}
        else "list(x.columns)"
    )
    source = f"def rule(x{annotation}):\n    return type(x).__name__ == {kind!r} and {names} == ['s', 'i']\n"
    if future:
        source = "x = 1\n" + source
    result = rule(source, columns=("s", "i"))
    assert (result.native, result.error) == (NativeOutcome.PASSED, "")


def test_annotations_that_exist_for_type_checkers_only_are_understood(tmp_path: Path, batch: Batch) -> None:
    (tmp_path / "rules.py").write_text(
        "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import polars as pl\n"
        "def rule(x: pl.DataFrame, low: int = 0) -> bool:\n    return x.columns == ['i'] and low == 3\n"
        "def other(x: DataFrame) -> bool:\n    return True\n"
    )
    checks = [check("rules:rule", columns=("i",), low=3), check("rules:other")]
    found = list(PythonEngine().run(checks, batch.view(), context(tmp_path)))
    assert found[0].native is NativeOutcome.PASSED
    assert "annotated DataFrame" in found[1].error


def test_all_columns_are_loaded_where_none_are_declared(rule: Any) -> None:
    assert rule("def rule(x: pa.Table):\n    return x.schema.names == ['i', 's', 'd', 'b', 't']\n").native is NativeOutcome.PASSED


def test_pandas_keeps_big_integers_and_booleans_beside_nulls(rule: Any) -> None:
    source = (
        "def rule(x: pd.DataFrame):\n"
        "    return bool(x['i'][3] == 2**60 + 1 and str(x['i'].dtype) == 'Int64' and str(x['b'].dtype) == 'boolean')\n"
    )
    assert rule(source).native is NativeOutcome.PASSED


@pytest.mark.parametrize(
    ("body", "rows", "failing"),
    [
        ("return 0", 4, 0),
        ("return 2", 4, 2),
        ("return np.int64(2)", 4, 2),
        ("return pa.scalar(2)", 4, 2),
        ("return [True, False, None, True]", 3, 1),
        ("return pc.greater(x['i'], 0)", 3, 1),
        ("return pc.greater(x['i'], 0).combine_chunks()", 3, 1),
        ("return x.to_pandas()['i'] > 0", 4, 2),
        ("return pd.Series([1, -2, None, 4], dtype='Int64') > 0", 3, 1),
        ("return pd.Series([True, None, False, True], dtype=object)", 3, 1),
        ("return pl.from_arrow(x)['i'] > 0", 3, 1),
        ("return np.array([True, True, False, False])", 4, 2),
        ("return x.filter(pc.less(x['i'], 0))", 4, 1),
        ("return x.to_reader()", 4, 4),
        ("return x.to_batches()[0].slice(0, 2)", 4, 2),
        ("return x.to_pandas().iloc[:3]", 4, 3),
        ("return pl.from_arrow(x).filter(pl.col('i') < 0)", 4, 1),
        ("return pl.from_arrow(x).lazy().filter(pl.col('i') < 0)", 4, 1),
        ("return duckdb.from_arrow(x).filter('i < 0')", 4, 1),
        ("return RuleResult(failing=1, rows=3)", 3, 1),
        ("return RuleResult(failing=0)", 4, 0),
    ],
)
def test_counts_masks_and_failing_rows_are_figures(rule: Any, body: str, rows: int, failing: int) -> None:
    result = rule(f"def rule(x: pa.Table):\n    {body}\n", columns=("i", "s"))
    assert (result.error, result.rows, result.failing) == ("", rows, failing)
    assert result.native is (NativeOutcome.FAILED if failing else NativeOutcome.PASSED)


@pytest.mark.parametrize(
    ("body", "passed"),
    [
        ("True", True),
        ("False", False),
        ("np.bool_(True)", True),
        ("pc.all(pa.array([True, False]))", False),
        ("RuleResult(passed=False)", False),
        ("RuleResult(passed=True, failing=3)", True),
        ("RuleResult(passed=np.bool_(False), failing=np.int64(0))", False),
    ],
)
def test_a_bool_is_a_verdict_and_no_count(rule: Any, body: str, passed: bool) -> None:
    result = rule(f"def rule(x):\n    return {body}\n")
    assert result.native is (NativeOutcome.PASSED if passed else NativeOutcome.FAILED)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("pass", "returned nothing"),
        ("return None", "returned nothing"),
        ("return float('nan')", "returned a float"),
        ("return 0.0", "returned a float"),
        ("return Decimal(0)", "returned a Decimal"),
        ("return 'ok'", "returned a str"),
        ("return {}", "returned a dict"),
        ("return -1", "-1 failing rows of 4"),
        ("return 5", "5 failing rows of 4"),
        ("return [True]", "mask has 1 entries, the batch 4 rows"),
        ("return []", "mask has 0 entries"),
        ("return [1, 0, 1, 0]", "something else than booleans"),
        ("return [{'i': 1}]", "something else than booleans"),
        ("return np.array([1, 0, 1, 0])", "array of int64"),
        ("return np.array([[True, True, True, True]])", "2-dimensional"),
        ("return pd.Series([1, 0, 1, 0])", "Series of int64"),
        ("return pd.Series(['a', True, None, 1], dtype=object)", "something else than booleans"),
        ("return pl.Series([1, 0, 1, 0])", "column of int64"),
        ("return pa.array([1, 0, 1, 0])", "column of int64"),
        ("return x.to_pandas()[['i']] > 0", "nothing but booleans"),
        ("return pa.concat_tables([x, x])", "8 failing rows of 4"),
        ("return (y for y in [True])", "returned a generator"),
        ("return pa.scalar(None, pa.bool_())", "NULL where a bool is meant"),
        ("return RuleResult()", "neither passed nor failing"),
        ("return RuleResult(passed=1)", "passed that is no bool"),
        ("return RuleResult(failing=True)", "failing that is no int"),
        ("return RuleResult(failing=-1)", "negative figure"),
        ("return RuleResult(failing=1, evidence='row 3')", "a str as evidence"),
        ("return type", "returned a type"),
    ],
)
def test_whatever_is_no_answer_is_an_error_and_never_a_pass(rule: Any, body: str, message: str) -> None:
    result = rule(f"def rule(x: pa.Table):\n    {body}\n", columns=("i",))
    assert result.native is None
    assert message in result.error
    assert result.error_hint
    assert not result.engine_broke


@pytest.mark.parametrize(
    "definition", ["async def rule(x):\n    return True", "def rule(x):\n    yield True", "async def rule(x):\n    yield True"]
)
def test_async_and_generator_functions_are_refused_before_any_data_is_loaded(rule: Any, definition: str) -> None:
    assert "async or generator" in rule(definition).error


def test_a_coroutine_that_a_plain_function_returns_is_an_error(rule: Any) -> None:
    assert "returned a coroutine" in rule("async def later():\n    return True\ndef rule(x):\n    return later()\n").error


@pytest.mark.parametrize(
    ("raised", "shown"),
    [
        ("raise ValueError('secret 42')", "raised ValueError in rules0.py:7"),
        ("raise SystemExit(0)", "raised SystemExit"),
        ("raise KeyboardInterrupt", "raised KeyboardInterrupt"),
        ("raise BaseException('secret')", "raised BaseException"),
        ("raise RecursionError", "raised RecursionError"),
        ("import nothing_like_it", "nothing_like_it is not installed"),
        ("return x.filter('no_such_column > 1')", "raised BinderException"),
        ("return x.project('error(s)')", "raised InvalidInputException"),
    ],
)
def test_a_rule_that_raises_is_its_own_error_and_keeps_its_data_to_itself(rule: Any, raised: str, shown: str) -> None:
    result = rule(f"def rule(x):\n    {raised}\n")
    assert shown in result.error
    assert "secret" not in result.error
    assert (result.native, result.engine_broke) == (None, False)


def test_memory_that_runs_out_is_the_engines_fault(rule: Any) -> None:
    assert rule("def rule(x):\n    raise MemoryError\n").engine_broke


def test_one_rule_that_breaks_leaves_the_others_alone(tmp_path: Path, batch: Batch) -> None:
    (tmp_path / "rules.py").write_text("def bad(x):\n    raise SystemExit(3)\ndef good(x):\n    return True\n")
    found = PythonEngine().run([check("rules:bad"), check("rules:good")], batch.view(), context(tmp_path))
    assert [result.native for result in found] == [None, NativeOutcome.PASSED]


def test_results_come_as_they_are_known_so_that_a_rule_that_never_returns_loses_only_itself(tmp_path: Path, batch: Batch) -> None:
    (tmp_path / "rules.py").write_text(
        "import threading\nwaiting, release = threading.Event(), threading.Event()\n"
        "def quick(x):\n    return True\ndef endless(x):\n    waiting.set()\n    release.wait()\n    return True\n"
    )
    found: list[Result] = []

    def collect() -> None:
        for result in PythonEngine().run([check("rules:quick"), check("rules:endless")], batch.view(), context(tmp_path)):
            found.append(result)  # noqa: PERF402 - one by one is the point

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    module = None
    while module is None:
        module = next(
            (
                m
                for name, m in sys.modules.copy().items()
                if name.startswith("_sluicegate_rules_") and getattr(m, "waiting", None)
            ),
            None,
        )
    module.waiting.wait()
    assert [result.check_id for result in found] == ["rules:quick"]
    module.release.set()
    thread.join()


def test_printing_goes_to_stderr_for_the_rules_thread_only(rule: Any, capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    assert rule("print('on import')\ndef rule(x):\n    print('in the rule')\n    return True\n").native is NativeOutcome.PASSED
    print("mine")  # noqa: T201
    captured = capsys.readouterr()
    assert captured.out == "mine\n"
    assert captured.err == "on import\nin the rule\n"
    assert sys.stdout is before


def test_an_abandoned_rule_does_not_take_other_threads_output_along(capsys: pytest.CaptureFixture[str]) -> None:
    from sluicegate_adapters.engines.python_rules.output import prints_to_stderr

    inside, leave = threading.Event(), threading.Event()

    def abandoned() -> None:
        with prints_to_stderr():
            print("from the rule")  # noqa: T201
            inside.set()
            leave.wait()

    thread = threading.Thread(target=abandoned)
    thread.start()
    inside.wait()
    print('{"json": true}')  # noqa: T201
    leave.set()
    thread.join()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ('{"json": true}\n', "from the rule\n")


@pytest.mark.parametrize(
    ("signature", "params", "expected"),
    [
        ("low: int", {"low": 3}, "low == 3 and type(low) is int"),
        ("low: float", {"low": Decimal("0.5")}, "low == 0.5 and type(low) is float"),
        ("low: float", {"low": 1}, "type(low) is float"),
        ("low: Decimal", {"low": Decimal("0.1")}, "low == Decimal('0.1')"),
        ("low", {"low": Decimal("0.5")}, "type(low) is float"),
        ("low: list[float]", {"low": [Decimal("0.5"), 1]}, "low == [0.5, 1]"),
        ("low: dict", {"low": {"a": [Decimal("0.5")]}}, "low == {'a': [0.5]}"),
        ("low: tuple[str, ...]", {"low": ["a", "b"]}, "low == ('a', 'b')"),
        ("low: int | None = None", {}, "low is None"),
        ("low: int | None", {"low": None}, "low is None"),
        ("low: bool", {"low": True}, "low is True"),
        ("day: date", {"day": "2013-01-01"}, "day == date(2013, 1, 1)"),
        ("since: datetime", {"since": "2 hours ago"}, "since.hour == 10"),
        ("*, low=1, high: int", {"high": 2}, "(low, high) == (1, 2)"),
        ("**params", {"a": 1, "b": Decimal("0.5")}, "params == {'a': 1, 'b': 0.5}"),
        ("context", {}, "context.batch_id == 'b1' and context.dataset == 'x' and context.rows == 4"),
        ("context: RuleContext, low: int", {"low": 1}, "context.now.year == 2026"),
        ("context", {"context": "mine"}, "context == 'mine'"),
    ],
)
def test_params_arrive_as_the_rule_wants_them(rule: Any, signature: str, params: Mapping[str, Any], expected: str) -> None:
    result = rule(f"def rule(x, {signature}):\n    return bool({expected})\n", **params)
    assert (result.error, result.native) == ("", NativeOutcome.PASSED)


@pytest.mark.parametrize(
    ("signature", "params", "message", "hint"),
    [
        (", low: int", {}, "'low' has no value", "params: {low"),
        (", threshold: int", {"treshold": 1}, "no parameter 'treshold'", "did you mean 'threshold'?"),
        ("", {"low": 1}, "no parameter 'low'", "its parameters are: none"),
        (", low: int", {"low": "3"}, "'low' is int, and the contract gives str", ""),
        (", low: int", {"low": True}, "'low' is int, and the contract gives bool", ""),
        (", low: int", {"low": Decimal("0.5")}, "'low' is int, and the contract gives Decimal", ""),
        (", low: int", {"low": None}, "'low' is int, and the contract gives NoneType", ""),
        (", low: str", {"low": 3}, "'low' is str", ""),
        (", day: date", {"day": "soon"}, "'day' is date", ""),
        (", low, /", {"low": 3}, "can't be given by name", ""),
    ],
)
def test_params_that_do_not_fit_are_told_before_the_rule_runs(
    rule: Any, signature: str, params: Mapping[str, Any], message: str, hint: str
) -> None:
    result = rule(f"def rule(x{signature}):\n    raise AssertionError\n", **params)
    assert message in result.error
    assert hint in result.error_hint


@pytest.mark.parametrize(
    "definition", ["def rule():\n    return True", "def rule(*, x):\n    return True", "def rule(x: int):\n    return True"]
)
def test_a_function_that_takes_no_batch_is_refused(rule: Any, definition: str) -> None:
    assert "parameter" in rule(definition).error


def test_a_column_that_the_batch_lacks_is_named(rule: Any) -> None:
    result = rule("def rule(x):\n    return True\n", columns=("ss",))
    assert "no column 'ss'" in result.error
    assert "did you mean 's'?" in result.error_hint


def test_evidence_shows_columns_of_the_batch_only(rule: Any) -> None:
    mask = rule("def rule(x: pa.Table):\n    return [True, False, None, False]\n", columns=("i", "s"))
    assert mask.evidence.columns == ("i", "s")
    assert mask.evidence.rows == ((-2, "b"), (2**60 + 1, None))
    table = rule("def rule(x):\n    return x.project('s, i AS leaked, d').filter('d < 0')\n", columns=("s", "d", "i"))
    assert table.evidence.columns == ("s", "d")
    assert table.evidence.rows == ((None, Decimal("-1.00")),)
    given = rule("def rule(x: pd.DataFrame):\n    return RuleResult(failing=1, message='one', evidence=x[['t']].head(1))\n")
    assert (given.evidence.rows, given.message) == (((NOW,),), "one")
    assert rule("def rule(x):\n    return x.project('i AS y')\n").evidence is None


def test_a_tolerance_is_held_against_the_figures(rule: Any) -> None:
    source = "def rule(x):\n    return 1\n"
    assert rule(source, tolerance=Tolerance(rows=1)).native is NativeOutcome.PASSED
    assert rule(source, tolerance=Tolerance(percent=Decimal(10))).native is NativeOutcome.FAILED


def test_a_rule_can_not_change_the_batch_for_others(tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text(
        "def vandal(x):\n    x.query('y', 'CREATE OR REPLACE VIEW batch AS SELECT 0 AS a')\n    return True\n"
        "def next(x):\n    return x.aggregate('sum(a)').fetchall() == [(3,)]\n"
    )
    for batch in (MemoryBatch("SELECT * FROM (VALUES (1), (2)) t(a)"), open_batch(pa.table({"a": [1, 2]})).view()):
        found = list(PythonEngine().run([check("rules:vandal"), check("rules:next")], batch, context(tmp_path)))
        assert found[1].native is NativeOutcome.PASSED
        assert batch.connect().execute("SELECT sum(a) FROM batch").fetchone() == (3,)


def test_an_empty_batch_has_no_failing_rows(tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text(
        "import pandas as pd\nimport pyarrow as pa\nimport pyarrow.compute as pc\n"
        "def mask(x: pa.Table):\n    return pc.greater(x['a'], 0)\ndef rows(x):\n    return x.filter('a > 0')\n"
        "def series(x: pd.DataFrame):\n    return x['a'] > 0\ndef frame(x: pd.DataFrame):\n    return x[x['a'] > 0]\ndef none(x):\n    return []\n"
    )
    checks = [check(f"rules:{name}") for name in ("mask", "rows", "series", "frame", "none")]
    found = list(PythonEngine().run(checks, MemoryBatch("SELECT 1 AS a LIMIT 0"), context(tmp_path)))
    assert [(result.error, result.rows, result.failing, result.native) for result in found] == [
        ("", 0, 0, NativeOutcome.PASSED)
    ] * 5


def test_awkward_column_names_reach_the_rule_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text(
        "import pyarrow as pa\ndef rule(x: pa.Table):\n    return x.schema.names == ['select', 'a \"b\"', 'Ü x']\n"
    )
    view = MemoryBatch('SELECT 1 AS "select", 2 AS "a ""b""", 3 AS "Ü x"')
    (result,) = PythonEngine().run([check("rules:rule", columns=("select", 'a "b"', "Ü x"))], view, context(tmp_path))
    assert result.native is NativeOutcome.PASSED


class TestPlaces:
    """Rules are imported from nowhere but the places that the profile allows."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        rules = tmp_path / "rules"
        (rules / "deep").mkdir(parents=True)
        (rules / "__init__.py").touch()
        (rules / "flights.py").write_text(
            "from .helpers import answer\nfrom os import getcwd\ndef rule(x):\n    return answer\nclass Rule: ...\nnumber = 3\n"
        )
        (rules / "helpers.py").write_text("answer = True\n")
        (rules / "deep/inner.py").write_text("def rule(x):\n    return True\n")
        (rules / "broken.py").write_text("def rule(x:\n")
        (rules / "needy.py").write_text("import nothing_like_it\n")
        (rules / "raising.py").write_text("raise SystemExit('secret')\n")
        (rules / "odd-name.py").write_text("def rule(x):\n    return True\n")
        (tmp_path / "outside.py").write_text("def rule(x):\n    return True\n")
        return rules

    def run(self, batch: Batch, kind: str, *allowed: Path | str, file: str = "", **settings: Any) -> Result:
        (result,) = PythonEngine().run([check(kind, file=file)], batch.view(), context(*allowed, **settings))
        return result

    @pytest.mark.parametrize(
        "kind",
        ["flights:rule", "deep.inner:rule", "flights.py:rule", "deep/inner.py:rule", "rules/flights.py:rule", "odd-name.py:rule"],
    )
    def test_modules_and_files_of_an_allowed_folder_run(self, batch: Batch, folder: Path, kind: str) -> None:
        result = self.run(batch, kind, folder, file=str(folder.parent / "contract.yaml"))
        assert (result.error, result.native) == ("", NativeOutcome.PASSED)

    def test_an_absolute_file_a_single_file_and_a_package_may_be_allowed(
        self, batch: Batch, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(folder.parent)
        (folder.parent / "acme_rules").mkdir()
        (folder.parent / "acme_rules/__init__.py").touch()
        (folder.parent / "acme_rules/sub.py").write_text("def rule(x):\n    return True\n")
        assert self.run(batch, f"{folder / 'deep/inner.py'}:rule", folder).native is NativeOutcome.PASSED
        for kind in ("outside:rule", "outside.py:rule"):
            assert self.run(batch, kind, folder.parent / "outside.py").native is NativeOutcome.PASSED
        assert self.run(batch, "acme_rules.sub:rule", "acme_rules").native is NativeOutcome.PASSED

    @pytest.mark.parametrize(
        "kind",
        [
            "os:getcwd",
            "outside:rule",
            "../outside.py:rule",
            "..outside:rule",
            "/etc/passwd.py:rule",
            "json.decoder:rule",
            "sys:exit",
        ],
    )
    def test_whatever_is_elsewhere_is_refused_by_the_settings_name(self, batch: Batch, folder: Path, kind: str) -> None:
        result = self.run(batch, kind, folder, "acme_rules", file=str(folder / "contract.yaml"))
        assert "none of the places that engines.python.rules allows" in result.error

    def test_a_link_out_of_the_folder_does_not_lead_out(self, batch: Batch, folder: Path) -> None:
        (folder / "link.py").symlink_to(folder.parent / "outside.py")
        assert "none of the places" in self.run(batch, "link.py:rule", folder).error

    def test_without_the_setting_no_rule_runs(self, batch: Batch) -> None:
        result = self.run(batch, "flights:rule")
        assert "the profile allows no rules" in result.error
        assert "engines.python.rules" in result.error_hint

    @pytest.mark.parametrize("wrong", [{"a": 1}, 3, [3], ["relative/folder"], ["/no/such/folder"]])
    def test_a_setting_that_is_wrong_is_told(self, batch: Batch, wrong: object) -> None:
        assert "engines.python.rules" in self.run(batch, "flights:rule", rules=wrong).error

    @pytest.mark.parametrize(
        ("kind", "message"),
        [
            ("flights:roule", "there is no function 'roule'"),
            ("flights:number", "not a function but int"),
            ("flights:Rule", "not a function but type"),
            ("flights:getcwd", "only imported there"),
            ("broken:rule", "broken.py:"),
            ("needy:rule", "No module named 'nothing_like_it'"),
            ("raising:rule", "its module raised SystemExit"),
            ("flights", "names no rule"),
        ],
    )
    def test_a_rule_that_can_not_be_imported_is_an_error_without_data(
        self, batch: Batch, folder: Path, kind: str, message: str
    ) -> None:
        result = self.run(batch, kind, folder)
        assert message in result.error
        assert "secret" not in result.error

    def test_two_places_with_the_same_module_are_an_error_not_a_guess(self, batch: Batch, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "second").mkdir()
        (tmp_path / "second/flights.py").write_text("def rule(x):\n    return False\n")
        assert "is in 2 of the places" in self.run(batch, "flights:rule", folder, tmp_path / "second").error

    def test_a_rules_module_shadows_no_library(self, batch: Batch, folder: Path) -> None:
        (folder / "json.py").write_text("def rule(x):\n    import json\n    return json.loads('true')\n")
        assert self.run(batch, "json:rule", folder).native is NativeOutcome.PASSED


def test_plan_shows_the_call_without_importing_the_rule() -> None:
    found = PythonEngine().translate(check("flights:plausible_speed", columns=("distance", "air_time"), max_mph=720), None)
    assert isinstance(found, Translation)
    assert (found.language, found.text) == ("python", "flights:plausible_speed(batch[distance, air_time], max_mph=720)")
    assert (found.questions, found.own_path) == ((ROWS,), "a rule reads the columns that its contract lists")


def test_canonical_checks_and_other_engines_checks_are_unsupported_by_name() -> None:
    canonical = ContractCheck(id="c", name="c", promise=NotNull(column="a"))
    foreign = ContractCheck(id="c", name="c", promise=NativeCheck(engine="soda", kind="x", body={}))
    assert PythonEngine().translate(canonical, None) == Unsupported("Python runs rules, not canonical checks")
    assert isinstance(PythonEngine().translate(foreign, None), Unsupported)


def test_the_versions_that_decide_are_told() -> None:
    assert set(PythonEngine().versions()) == {"python", "duckdb", "pyarrow"}
