"""What Soda's import leaves out is not there until somebody uses it, and then it is the real thing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[3]


def _python(program: str, *arguments: str, home: Path) -> Any:
    """What a program of its own prints, as JSON. ``home`` keeps Soda, where it is imported as it is, from writing elsewhere."""
    paths = os.pathsep.join(str(_ROOT / part) for part in ("", "src", "adapters"))
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": paths, "OTEL_SDK_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments], cwd=home, env=environment, capture_output=True, text=True, timeout=120, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_run_imports_nothing_of_telemetry_cloud_uploads_and_models(tmp_path: Path) -> None:
    program = """
import json, sys
from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck
from sluicegate_adapters.engines.soda.engine import SodaEngine
from tests.unit.engines.soda_cases import CONTEXT, batch, run
canonical = ContractCheck(id="c", name="c", promise=m.NotNull(column="s"))
assert [result.failing for result in SodaEngine().run([canonical], batch(), CONTEXT)] == [1]
assert not any(result.error for result in run("missing_count(s) = 0", "row_count > 0",
    {"failed rows": {"fail query": "SELECT * FROM batch"}}, {"schema": {"fail": {"when required column missing": ["id"]}}}))
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
    loaded = set(_python(program, home=tmp_path))
    assert "soda" in loaded
    spared = {
        "requests", "urllib3", "certifi", "charset_normalizer", "opentelemetry", "google", "pydantic", "sqlparse", "dotenv", "distutils",
        "setuptools", "inflect", "jinja2", "pandas", "numpy", "pyarrow", "great_expectations",
    }  # fmt: skip
    assert loaded & spared == set()


def test_every_stand_in_becomes_what_a_plain_import_gives(tmp_path: Path) -> None:
    program = """
import json, sys
from sluicegate_adapters.engines.soda import runtime, sparing
runtime.load()
import importlib
stand_ins = {}
for name in sparing.LATER:
    module = importlib.import_module(name)
    stand_ins[name] = {key: value for key, value in vars(module).items() if isinstance(value, sparing.Later)}
kept = {name: sorted(found) for name, found in stand_ins.items()}
for name in sparing.LATER:  # the same source, now imported as it is
    text = importlib.util.find_spec(name).loader.get_source(name)
    plain = {"__name__": name, "__package__": name.rpartition(".")[0]}
    exec(compile(text, name, "exec", dont_inherit=True), plain)
    for key, value in stand_ins[name].items():
        assert sparing._real(value) is plain[key], (name, key)
print(json.dumps(kept))
"""
    kept = _python(program, home=tmp_path)
    assert {name for name, found in kept.items() if not found} == {"soda.common.parser"}, "it imports within a function"
    assert kept["soda.cloud.cloud"] == ["Response", "requests"]
    assert kept["soda.common.query_helper"] == ["sqlparse"]


_OWN_SCAN = """
import json, sys
if "after" in sys.argv:
    from sluicegate_adapters.engines.soda import runtime
    runtime.load()
from soda.scan import Scan
from soda.execution.data_source import DataSource
from soda.telemetry.soda_telemetry import SodaTelemetry
import duckdb, requests, sqlparse, pydantic
from opentelemetry import trace

connection = duckdb.connect()
connection.execute("CREATE TABLE t AS SELECT range AS a FROM range(5)")
scan = Scan()
scan.set_data_source_name("d")
scan.add_duckdb_connection(connection, "d")
scan.add_variables({"n": 5})
scan.add_sodacl_yaml_str('''
checks for t:
  - row_count = ${n}
  - invalid_count(a) = 0:
      valid max: 3
  - anomaly detection for row_count:
      model:
        type: prophet
        hyperparameters:
          static:
            profile:
              custom_hyperparameters:
                n_changepoints: 7
      training_dataset_parameters:
        window_length: 20
''')
def shown(value):
    return {key: shown(item) for key, item in vars(value).items()} if type(value).__module__.startswith("soda.") else str(value)

configs = [check for part in scan._sodacl_cfg.data_source_scan_cfgs["d"].tables_cfgs["t"].partition_cfgs
           for check in [*part.check_cfgs, *(each for column in part.column_checks_cfgs.values() for each in column.check_cfgs)]]
read = [[type(each).__name__, *(f"{key}={getattr(each, key).model_dump()}" for key in ("model_cfg", "training_dataset_params", "severity_level_params")
        if hasattr(each, key)), [type(getattr(each, key)).__name__ for key in ("model_cfg", "training_dataset_params") if hasattr(each, key)]] for each in configs]
scan.execute()
telemetry = SodaTelemetry.get_instance(test_mode=True)
telemetry.set_attribute("a", "b")
from soda.cloud import cloud
from soda.common import query_helper
print(json.dumps({
    "read": read, "outcomes": [str(check.outcome) for check in scan._checks], "provider": type(trace.get_tracer_provider()).__name__,
    "columns": query_helper.parse_columns_from_query("SELECT a, b FROM t"), "post": cloud.requests.post is requests.post,
}))
"""


def test_somebodys_own_scan_in_this_process_is_what_it_was(tmp_path: Path) -> None:
    (tmp_path / ".soda").mkdir()
    (tmp_path / ".soda" / "config.yml").write_text("send_anonymous_usage_stats: false\nuser_cookie_id: none\n")
    plain, after = (_python(_OWN_SCAN, word, home=tmp_path) for word in ("before", "after"))
    assert plain == after
    assert plain["columns"] == ["a", "b"]
    assert plain["post"] is True
    (anomaly,) = [shown for kind, *shown in plain["read"] if kind == "AnomalyDetectionMetricCheckCfg"]
    assert "'n_changepoints': 7" in anomaly[0]
    assert anomaly[-1] == ["ModelConfigs", "TrainingDatasetParameters"]


@pytest.mark.parametrize("library", ["requests", "pydantic", "opentelemetry.sdk.trace", "soda.scan"])
def test_a_library_may_be_imported_in_another_thread_meanwhile(library: str, tmp_path: Path) -> None:
    program = """
import importlib, json, sys, threading
from sluicegate_adapters.engines.soda import runtime
start, faults = threading.Barrier(2), []
def work(do):
    start.wait()
    try:
        do()
    except BaseException as error:
        faults.append(repr(error))
threads = [threading.Thread(target=work, args=(do,)) for do in (runtime.load, lambda: importlib.import_module(sys.argv[1]))]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
from tests.unit.engines.soda_cases import run
assert not run("row_count = 4")[0].error
print(json.dumps([faults, type(sys.modules[sys.argv[1]]).__name__, len(sys.meta_path) == len({id(each) for each in sys.meta_path}),
                  any(type(each).__module__.endswith("sparing") for each in sys.meta_path)]))
"""
    assert _python(program, library, home=tmp_path) == [[], "module", True, False]
