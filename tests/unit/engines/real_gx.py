"""Great Expectations as anybody imports it, computing with its own pandas metrics: what ours is held against."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from sluicegate.testing.batches import MemoryBatch
from sluicegate_adapters.engines.great_expectations.arguments import columns_of
from sluicegate_adapters.engines.great_expectations.catalogue import EXPECTATIONS
from sluicegate_adapters.engines.great_expectations.pandas_path import frames_of

__all__ = ["real_expectation", "real_judgement", "real_module", "real_type_engine", "real_verdict"]

_RUNTIME = {"result_format": {"result_format": "BASIC", "partial_unexpected_count": 20}}


@cache
def real_module(name: str) -> Any:
    """A module of it. It warns when it is imported, and hands the process's warnings to ``logging``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = import_module(f"great_expectations.{name}")
    logging.captureWarnings(False)
    return found


def real_expectation(kind: str, plain: Mapping[str, Any]) -> Any:
    return getattr(real_module("expectations"), EXPECTATIONS[kind].class_name)(**plain, meta={"sluicegate": "c"})


def real_verdict(expectation: Any, told: Mapping[str, Any], engine: Any = None) -> Any:
    """What ``metrics_validate`` says, GX's own door, when it is told these metrics and no other."""
    wanted = expectation.get_validation_dependencies(engine, dict(_RUNTIME)).metric_configurations
    return expectation.metrics_validate({item.id: told[name] for name, item in wanted.items()}, dict(_RUNTIME), engine)


def real_type_engine() -> Any:
    """As ``gx.type_engine``."""

    class TypesAsText(real_module("execution_engine").SqlAlchemyExecutionEngine):  # type: ignore[misc]
        dialect_name = "postgresql"

        def __init__(self) -> None:
            pass

        def __del__(self) -> None:
            pass

    return TypesAsText()


def real_judgement(kind: str, plain: Mapping[str, Any], rows: MemoryBatch) -> Any:
    engine = real_module("execution_engine").PandasExecutionEngine()
    [frame] = frames_of(rows.connect(), list(columns_of(plain)))
    engine.load_batch_data("batch", frame)
    expectation = real_expectation(kind, plain)
    wanted = expectation.get_validation_dependencies(engine, dict(_RUNTIME)).metric_configurations
    metrics, aborted = (
        real_module("validator.metrics_calculator").MetricsCalculator(engine).compute_metrics(list(wanted.values()))
    )
    assert not aborted
    return expectation.metrics_validate(metrics, dict(_RUNTIME), engine)
