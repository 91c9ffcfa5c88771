"""All of SodaCL, by introspection of the installed soda-core: what is in it runs here, or is refused with a reason."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from collections.abc import Iterable
from importlib import import_module

import pytest

from sluicegate.checks.contract_check import Json
from sluicegate.ports.engine import NativeOutcome, Translation, Unsupported
from sluicegate_adapters.engines.soda import runtime
from sluicegate_adapters.engines.soda.engine import SodaEngine
from sluicegate_adapters.engines.soda.native import CHECKS, METRICS, REFUSED_CHECKS, REFUSED_KEYS, REFUSED_SECTIONS, SECTIONS
from tests.unit.engines.soda_cases import CASES, Case, entry, run

_SHOWN = {name for case in CASES for name in case.covers}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.covers[0]} {str(case.good)[:40]}")
def test_it_runs_passing_and_failing(case: Case) -> None:
    for body in (case.good, case.worse):
        assert isinstance(SodaEngine().translate(entry(body), None), Translation)
    good, worse = run(case.good, case.worse)
    assert (good.error, worse.error) == ("", "")
    assert (good.native, worse.native) == (NativeOutcome.PASSED, case.bad)


def test_all_cases_in_one_run_end_as_each_does_alone() -> None:
    bodies = [body for case in CASES for body in (case.good, case.worse)]
    wanted = [outcome for case in CASES for outcome in (NativeOutcome.PASSED, case.bad)]
    assert [result.native for result in run(*bodies)] == wanted


def _subclasses(root: type[object]) -> set[str]:
    children: list[type[object]] = root.__subclasses__()
    return {root.__name__} | {name for child in children for name in _subclasses(child)}


def test_every_kind_of_check_runs_or_is_refused_with_a_reason() -> None:
    runtime.load()
    package = import_module("soda.sodacl")
    for module in pkgutil.iter_modules(package.__path__):
        if not module.ispkg:
            import_module(f"soda.sodacl.{module.name}")
    known = _subclasses(import_module("soda.sodacl.check_cfg").CheckCfg) - {"CheckCfg"}
    assert known == CHECKS | set(REFUSED_CHECKS)
    assert CHECKS <= _SHOWN


def test_every_rule_of_the_grammar_that_is_a_check_is_known() -> None:
    runtime.load()
    parser = import_module("soda.sodacl.antlr.SodaCLAntlrParser").SodaCLAntlrParser
    rules = {name for name in parser.CheckContext.__dict__ if name.endswith("_check")}
    assert rules == {
        "row_count_comparison_check", "metric_check", "reference_check", "freshness_check", "failed_rows_check", "group_by_check",
    }  # fmt: skip


def _compared_names(function: object) -> set[str]:
    """The texts that a function compares its metric's name with, or looks for it among."""
    tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(function)))  # type: ignore[arg-type]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            found |= {item.value for item in ast.walk(node) if isinstance(item, ast.Constant) and isinstance(item.value, str)}
    return found


def test_every_metric_of_soda_on_duckdb_runs() -> None:
    runtime.load()
    base = import_module("soda.execution.data_source").DataSource
    ours = import_module("soda.data_sources.duckdb_data_source").DuckDBDataSource
    metric = import_module("soda.execution.metric.numeric_query_metric").NumericQueryMetric
    derived = import_module("soda.execution.metric.derived_metric").DERIVED_METRIC_NAMES
    names = set(derived)
    for function in (
        base.get_metric_sql_aggregation_expression, ours.get_metric_sql_aggregation_expression, base.is_supported_metric_name,
        metric.get_sql_aggregation_expression,
    ):  # fmt: skip
        names |= _compared_names(function)
    assert names == METRICS
    assert {f"metric:{name}" for name in METRICS} <= _SHOWN


def _constants(prefix: str) -> set[str]:
    parser = import_module("soda.sodacl.sodacl_parser")
    return {value for name, value in vars(parser).items() if name.startswith(prefix) and isinstance(value, str)}


def test_every_setting_of_the_parser_is_shown_or_refused() -> None:
    runtime.load()
    settings = set(import_module("soda.sodacl.missing_and_valid_cfg").CFG_MISSING_VALID_ALL)
    settings |= (
        _constants("WHEN_") | _constants("WITH_") | _constants("FAIL") | {"name", "attributes", "filter", "identity", "warn"}
    )
    settings |= {"samples limit", "samples columns"}
    shown = {name.removeprefix("key:") for name in _SHOWN}
    assert settings - shown == {"when schema changes", "when groups change"}
    assert settings - shown <= set(REFUSED_KEYS)


def test_every_section_is_shown_or_refused() -> None:
    runtime.load()
    parser = import_module("soda.sodacl.sodacl_parser").SodaCLParser
    source = inspect.getsource(parser._SodaCLParser__parse_headers)
    plain = set(re.findall(r'header_str\.startswith\("([^"]+)"\)', source)) | set(re.findall(r'"([^"]+)" == header_str', source))
    grammar = import_module("soda.sodacl.antlr.SodaCLAntlrParser").SodaCLAntlrParser
    headers = {name for name in grammar.Section_headerContext.__dict__ if name.endswith("_header")}
    assert plain | {"for each dataset", "for each table", "checks for", "filter", "configurations for"} == {
        *SECTIONS,
        *REFUSED_SECTIONS,
    } - {"for each column"}
    assert headers == {
        "table_checks_header", "column_configurations_header", "table_filter_header", "checks_for_each_dataset_header",
        "checks_for_each_column_header",
    }  # fmt: skip
    assert {f"section:{name}" for name in SECTIONS} <= _SHOWN


_REFUSED: dict[str, Json] = {
    "change-over-time": "change for row_count < 5",
    "earlier scans": "change avg last 7 percent for row_count < 5",
    "anomaly score": "anomaly score for row_count < default",
    "anomaly detection": "anomaly detection for row_count",
    "distribution": {"distribution_difference(x, y) > 0.05": {"method": "ks", "distribution reference file": "d.yml"}},
    "soda-core-scientific": {"distribution_difference(x) > 0.05": {"distribution reference file": "d.yml"}},
    "when schema changes": {"schema": {"warn": {"when schema changes": "any"}}},
    "when groups change": {"group evolution": {"query": "SELECT s FROM batch", "fail": {"when groups change": "any"}}},
    "sql_file": {"n = 0": {"n sql_file": "n.sql"}},
    "for each column": {"for each column c": {"batch.%": ["missing_count(c) = 0"]}},
    "profile columns": {"profile columns": {"columns": ["batch.%"]}},
    "discover datasets": {"discover datasets": {"datasets": ["batch"]}},
    "discover tables": {"discover tables": {"tables": ["batch"]}},
    "sample datasets": {"sample datasets": {"datasets": ["batch"]}},
    "sample tables": {"sample tables": {"tables": ["batch"]}},
    "automated monitoring": {"automated monitoring": {"datasets": ["batch"]}},
    "check templates": "$template(x) > 1",
    "data source": "row_count same as planes in warehouse",
    "no metric 'mean'": "mean(x) > 1",
    "No threshold": "row_count",
    "threshold": {"row_count": {"name": "x"}},
    "ignore 'name'": {"row_count > 0": None, "name": "x"},
    "a line of text": 7,
    "mapping of settings": {"row_count > 0": 7},
    "Invalid check": "row_count ~ 7",
    "unsupported check configuration": {"row_count > 0": {"filtre": "id > 1"}},
    "double quotes": "max(d) > 1",
    "empty list": {"invalid_count(s) = 0": {"valid values": []}},
    "floats": "row_count < 9007199254740993",
    "9007199254740993": {"invalid_count(id) = 0": {"valid max": 9007199254740993}},
    "Only strings or only numbers": {"invalid_count(s) = 0": {"valid values": ["a", None]}},
    "section": {"checks for batch": "row_count > 0"},
    "must be a list": {"for each dataset D": {"datasets": ["'batch'"], "checks": ["row_count > 0"]}},
}


@pytest.mark.parametrize("reason", _REFUSED)
def test_what_can_not_run_is_unsupported_when_it_is_planned_and_says_why(reason: str) -> None:
    found = SodaEngine().translate(entry(_REFUSED[reason]), None)
    assert isinstance(found, Unsupported)
    assert "\n" not in found.reason
    if reason != "must be a list":
        assert reason in found.reason
    assert run(_REFUSED[reason])[0].error == found.reason


def test_every_refused_kind_of_check_is_shown() -> None:
    reasons = [SodaEngine().translate(entry(body), None) for body in _REFUSED.values()]
    said: Iterable[str] = [found.reason for found in reasons if isinstance(found, Unsupported)]
    for reason in (*REFUSED_CHECKS.values(), *REFUSED_SECTIONS.values(), *REFUSED_KEYS.values()):
        assert reason in said
