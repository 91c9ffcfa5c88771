"""Our copy of Great Expectations: the same classes, in a tenth of the time, and nobody else's imports are touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path as File
from typing import Any

import pytest

from sluicegate_adapters.engines.great_expectations import gx, private
from sluicegate_adapters.engines.great_expectations.arguments import read_arguments
from sluicegate_adapters.engines.great_expectations.catalogue import EXPECTATIONS, Path
from tests.unit.engines.gx_cases import CASES, NOW, batch, native, run
from tests.unit.engines.real_gx import real_expectation, real_type_engine, real_verdict

_ROOT = File(__file__).parents[3]


def python(script: str) -> str:
    """What a script prints in a process of its own, warnings being errors."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("COV_", "COVERAGE"))}
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.mark.parametrize("side", ["holds", "breaks"])
@pytest.mark.parametrize("name", sorted(name for name in CASES if EXPECTATIONS[name].path is not Path.PANDAS))
def test_ours_judges_as_the_real_one_does_when_it_is_told_the_same(name: str, side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given, judge = getattr(CASES[name], side), gx.judge
    judged: list[tuple[dict[str, Any], dict[str, Any], gx.Judged]] = []

    def listen(expectation: Any, told: dict[str, Any], engine: Any = None, exact: dict[str, Any] | None = None) -> gx.Judged:
        found = judge(expectation, told, engine, exact)
        judged.append((told, exact or {}, found))
        return found

    monkeypatch.setattr(gx, "judge", listen)
    rows = batch()
    assert not run([native(name, given)], rows)["c"].error
    [(told, exact, ours)] = judged
    engine = real_type_engine() if "type" in name else None
    expectation = real_expectation(name, read_arguments(name, given, rows.schema, NOW).plain)
    real = real_verdict(expectation.copy(update=exact), told, engine)
    assert type(expectation) is not type(gx.build(name, {**given}, "c"))
    assert (ours.success, ours.result) == (bool(real.success), real.result)
    assert not real.exception_info or not real.exception_info["raised_exception"]


FIGURES = """
import sys
from tests.unit.engines.gx_cases import CASES, batch, native, run
from sluicegate_adapters.engines.great_expectations.catalogue import EXPECTATIONS, Path
names = [name for name in CASES if EXPECTATIONS[name].path is not Path.PANDAS]
results = run([native(name, CASES[name].breaks, name) for name in names], batch())
assert {result.native.value for result in results.values()} == {"failed"}, results
tops = {name.partition(".")[0] for name in sys.modules}
print(*sorted(tops & {"altair", "boto3", "great_expectations", "pandas", "requests", "scipy", "sqlalchemy"}))
print(sum(name.startswith("_sluicegate_gx") for name in sys.modules))
"""


def test_no_verdict_on_figures_imports_pandas_scipy_charts_or_data_sources() -> None:
    heavy, _, count = python(FIGURES).rpartition("\n")
    assert heavy == ""
    assert int(count) < 300  # of 690


BOTH = """
import logging, sys, warnings
showing = warnings.showwarning
from tests.unit.engines.gx_cases import batch, run_one
broken = {"kind": "expect_column_values_to_match_strftime_format", "column": "word", "strftime_format": "%Y"}
assert run_one("expect_column_values_to_be_unique", column="id").native.value == "passed"
assert run_one(**broken).native.value == "failed"
assert warnings.showwarning is showing and "great_expectations" not in sys.modules
warnings.simplefilter("ignore")
import great_expectations, pandas, scipy.stats, altair, sqlalchemy
assert scipy.stats.norm.cdf(0) == 0.5 and altair.Chart and sqlalchemy.select and type(pandas) is type(sys)
source = great_expectations.get_context(mode="ephemeral").data_sources.add_pandas("p").add_dataframe_asset("a")
whole = source.add_batch_definition_whole_dataframe("b").get_batch({"dataframe": pandas.DataFrame({"a": [1, 1, None]})})
result = whole.validate(great_expectations.expectations.ExpectColumnValuesToBeUnique(column="a"))
assert not result.success and "expect_column_values_to_be_unique" in str(result)  # written with marshmallow's classes
assert run_one("expect_column_values_to_be_unique", column="grp").failing == 4
assert run_one(**broken).native.value == "failed"
print("both")
"""


def test_the_process_may_import_the_real_one_and_what_it_stands_on_afterwards() -> None:
    assert python(BOTH) == "both"


TOGETHER = """
import importlib, threading, warnings
from concurrent.futures import ThreadPoolExecutor
from sluicegate_adapters.engines.great_expectations import gx
from tests.unit.engines.gx_cases import CASES
from tests.unit.engines.gx_cases import batch, run_one
warnings.simplefilter("ignore")
names = sorted(CASES)
start = threading.Barrier(8)

def work(place):
    start.wait()
    if place < 2:
        return [importlib.import_module(name) for name in (("scipy.stats", "pandas"), ("pandas", "great_expectations"))[place]]
    return [run_one(name, **CASES[name].breaks) for name in names[place - 2 :: 6]]

with ThreadPoolExecutor(8) as pool:
    done = list(pool.map(work, range(8)))
assert done[0][0].norm.cdf(0) == 0.5
found = [result for part in done[2:] for result in part]
assert len(found) == len(CASES) and all(result.native.value == "failed" for result in found), found
print("together")
"""


@pytest.mark.slow
def test_many_threads_import_and_judge_at_once_while_others_import_the_same_things() -> None:
    assert python(TOGETHER) == "together"


STAND_INS = """
import sys
from sluicegate_adapters.engines.great_expectations import private
late = private.module("util").pd
kinds = late.DataFrame, late.Series
assert "pandas" not in sys.modules and not any(isinstance(item, kinds) for item in (1, [], "x")) and not issubclass(int, kinds)
import pandas
frame = pandas.DataFrame({"a": [1]})
assert isinstance(frame, kinds) and isinstance(frame["a"], kinds) and not isinstance(frame.index, kinds)
assert issubclass(pandas.DataFrame, kinds) and late.DataFrame is pandas.DataFrame and late.__version__ == pandas.__version__
stats = private.module("expectations.core.expect_column_kl_divergence_to_be_less_than").stats
assert "scipy" not in sys.modules
assert stats.norm.cdf(0) == 0.5 and stats.norm is sys.modules["scipy.stats"].norm
print("late")
"""


def test_what_is_late_is_the_real_thing_as_soon_as_it_is_used() -> None:
    assert python(STAND_INS) == "late"


def test_what_gx_can_do_without_is_absent_to_it_and_to_nobody_else() -> None:
    import sqlalchemy

    assert not private.module("compatibility.sqlalchemy").sqlalchemy
    assert sys.modules["sqlalchemy"] is sqlalchemy


def test_a_module_that_gx_lacks_is_an_import_error() -> None:
    with pytest.raises(ModuleNotFoundError):
        private.module("nowhere")
    with pytest.raises(AttributeError):
        _ = private.module("core").nothing_such


CURIOUS = """
import sys
from tests.unit.engines.gx_cases import run_one
assert run_one("expect_column_values_to_be_unique", column="id").native.value == "passed"
before = set(sys.modules)
for module in list(sys.modules.values()):
    hasattr(module, "unheard_of")
woken = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(woken & {"_sluicegate_gx", "_sluicegate_marshmallow", "altair", "great_expectations", "pandas", "scipy"}))
"""


def test_whoever_looks_through_all_modules_wakes_none_of_them() -> None:
    assert python(CURIOUS) == "[]"
