"""What the adapter stands on in Great Expectations, and GX doesn't promise: a new version that changes it fails here first."""

from __future__ import annotations

import inspect
import logging
import warnings
from typing import Any

from sluicegate_adapters.engines.great_expectations import gx, private
from sluicegate_adapters.engines.great_expectations.catalogue import EXPECTATIONS
from sluicegate_adapters.engines.great_expectations.jobs import row_metrics
from sluicegate_adapters.engines.great_expectations.sought import RowFigures


def _parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_the_import_leaves_pythons_warnings_as_they_were() -> None:
    before = warnings.showwarning
    gx.load()
    assert warnings.showwarning is before
    assert not logging.getLogger("py.warnings").handlers or warnings.showwarning is before


def test_an_expectation_says_what_it_wants_to_know_and_judges_what_it_is_told() -> None:
    expectation = gx.load().Expectation
    wanted = ["self", "execution_engine", "runtime_configuration"]
    assert _parameters(expectation.get_validation_dependencies) == wanted
    told = ["self", "metrics", "runtime_configuration", "execution_engine"]
    assert all(_parameters(getattr(gx.load(), item.class_name)._validate) == told for item in EXPECTATIONS.values())


def test_metrics_are_told_by_their_names() -> None:
    expectation = gx.build("expect_column_values_to_be_unique", {"column": "a"}, "c")
    wanted = gx.metric_names(expectation)
    assert set(wanted) == {
        "table.row_count",
        "column_values.nonnull.unexpected_count",
        "column_values.unique.unexpected_count",
        "column_values.unique.unexpected_values",
    }
    judged = gx.judge(expectation, row_metrics(RowFigures(10, 9, 2), expectation.map_metric))
    assert not judged.success
    assert (judged.result["element_count"], judged.result["missing_count"], judged.result["unexpected_count"]) == (10, 1, 2)


def test_the_pandas_path_computes_metrics_with_what_it_takes() -> None:
    PandasExecutionEngine = private.module("execution_engine").PandasExecutionEngine  # noqa: N806 - a class
    MetricsCalculator = private.module("validator.metrics_calculator").MetricsCalculator  # noqa: N806
    assert _parameters(PandasExecutionEngine.load_batch_data) == ["self", "batch_id", "batch_data"]
    assert _parameters(MetricsCalculator.__init__)[:2] == ["self", "execution_engine"]
    assert _parameters(MetricsCalculator.compute_metrics)[:2] == ["self", "metric_configurations"]
    assert not MetricsCalculator(PandasExecutionEngine()).show_progress_bars


def test_types_are_compared_as_text_without_case() -> None:
    expectation = gx.build("expect_column_values_to_be_of_type", {"column": "a", "type_": "bigint"}, "c")
    assert gx.judge(expectation, {"table.column_types": [{"name": "a", "type": "BIGINT"}]}, gx.type_engine()).success


def test_both_shapes_of_an_exception_in_a_result_are_found() -> None:
    flat = {"raised_exception": True, "exception_message": "ValueError: no", "exception_traceback": "…"}
    assert gx._exception_in(flat) == "ValueError"
    assert gx._exception_in({"('column.max', 'a', ())": flat}) == "ValueError"
    assert not gx._exception_in({"raised_exception": False, "exception_message": None, "exception_traceback": None})
    assert not gx._exception_in({})
    assert not gx._exception_in(None)
