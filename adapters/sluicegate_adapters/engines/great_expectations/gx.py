"""Great Expectations itself: imported late, and asked for its verdict on figures that were measured elsewhere.

What is used here isn't promised by GX, and has been the same from 1.0 to 1.24: ``test_gx_contract.py`` pins it.
"""

from __future__ import annotations

import logging
import math
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sluicegate_adapters.engines.great_expectations import private
from sluicegate_adapters.engines.great_expectations.catalogue import EXPECTATIONS
from sluicegate_adapters.engines.great_expectations.faults import Fault

__all__ = ["Judged", "build", "comparable", "judge", "load", "metric_names", "pass_through", "type_engine"]

_FORMAT = {
    "result_format": "BASIC",
    "partial_unexpected_count": 20,
    "include_unexpected_rows": False,
    "map_expectation_unexpected_rows_as_dict": False,
}
_METRICS = (
    "column_aggregate_metrics", "column_map_metrics", "column_pair_map_metrics", "multicolumn_map_metrics", "query_metrics",
    "table_metrics",
)  # fmt: skip
_LOADING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Judged:
    """GX's verdict and the figures that it gives with it."""

    success: bool
    result: Mapping[str, Any]


def load() -> Any:
    """The module with GX's expectation classes; each class is imported when it is asked for.

    Raises:
        ImportError: Great Expectations isn't installed.
    """
    with _LOADING:
        return _import()


@cache
def _import() -> Any:
    # GX logs the traceback and the text of whatever a metric raises, values of the batch in them.
    logging.getLogger(private.ROOT).setLevel(logging.CRITICAL + 1)
    return private.module("expectations")


def build(kind: str, plain: Mapping[str, Any], check_id: str) -> Any:
    """An expectation of GX's own class.

    Raises:
        Fault: GX refuses the arguments.
    """
    expectation = getattr(load(), EXPECTATIONS[kind].class_name)
    invalid: type[Any] = private.module("compatibility.pydantic").ValidationError
    refused: type[Exception] = private.module("exceptions").GreatExpectationsError
    try:
        return expectation(**plain, meta={"sluicegate": check_id})
    except invalid as error:
        faults = {_place(item["loc"]): item["msg"] for item in reversed(error.errors())}
        raise Fault("; ".join(f"{place}: {text}" if place else text for place, text in reversed(faults.items()))) from error
    except (refused, ValueError, TypeError, AssertionError) as error:
        raise Fault((str(error).splitlines() or [type(error).__name__])[0][:200]) from error


def _place(path: tuple[Any, ...]) -> str:
    return ".".join(str(step) for step in path if step != "__root__")


def metric_names(expectation: Any, engine: Any = None) -> Mapping[str, Any]:
    """What the expectation wants to know: GX's name for each metric -> its configuration."""
    _register_metrics()
    wanted = expectation.get_validation_dependencies(engine, {"result_format": dict(_FORMAT)})
    found: Mapping[str, Any] = wanted.metric_configurations
    return found


@cache
def _register_metrics() -> None:
    for package in _METRICS:  # they register themselves when they are imported
        private.whole(f"expectations.metrics.{package}")


def judge(expectation: Any, told: Mapping[str, Any], engine: Any = None, exact: Mapping[str, Any] | None = None) -> Judged:
    """GX's verdict on measured figures.

    What ``metrics_validate`` does besides is to find out for each metric under which ID it was measured, which takes longer than all
    the rest, and an import of every metric.

    Args:
        expectation: of GX's own class.
        told: the metrics that it wants to know, by their names.
        engine: for the expectations that ask what kind of engine measured.
        exact: arguments that the class rounded to floats, as they are meant.

    Raises:
        Fault: GX could not judge, in either of the two shapes in which it says so.
    """
    meant = expectation.copy(update=dict(exact)) if exact else expectation
    try:
        said = meant._validate(dict(told), {"result_format": dict(_FORMAT)}, engine)  # noqa: SLF001 - what GX's own classes define
        success, result = bool(said["success"]), dict(said.get("result") or {})
    except Fault:
        raise
    except Exception as error:
        raise Fault(f"Great Expectations could not judge it ({type(error).__name__})") from error
    if name := _exception_in(said.get("exception_info")):
        raise Fault(f"Great Expectations could not judge it ({name})")
    return Judged(success, result)


def _exception_in(info: Any) -> str:
    """The name of an exception in ``exception_info``: flat, or one more level deep under the metric's id. Never its text: it may quote values."""
    if not isinstance(info, Mapping):
        return ""
    if info.get("raised_exception"):
        named = re.match(r"\w*(?:Error|Exception)(?=[(:]|$)", str(info.get("exception_message")))
        return named[0] if named else "exception"
    return next((name for inner in info.values() if (name := _exception_in(inner))), "")


def comparable(bound: Any, measured: Any) -> tuple[Any, Any]:
    """A bound and a figure that Python compares exactly as they are meant.

    Dates become midnight, moments naive UTC; a float is held against the nearest float, anything else exactly.
    """
    bound, measured = _naive(bound), _naive(measured)
    if isinstance(measured, float) and isinstance(bound, Decimal):
        return float(bound), measured
    if isinstance(measured, int | Decimal) and isinstance(bound, float) and math.isfinite(bound):
        return Decimal(repr(bound)), measured
    return bound, measured


def _naive(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - UTC's wall clock, as everywhere
    return value


def pass_through(query: str) -> Any:
    """A row condition in the words of ``DataFrame.query``."""
    return private.module("expectations.row_conditions").PassThroughCondition(pass_through_filter=query)


def type_engine() -> Any:
    """What the type expectations ask for: an engine whose types are text, compared without case. It runs nothing."""

    class TypesAsText(private.module("execution_engine").SqlAlchemyExecutionEngine):  # type: ignore[misc]  # GX is not typed here
        dialect_name = "postgresql"

        def __init__(self) -> None:  # no connection, no context
            pass

        def __del__(self) -> None:
            pass

    return TypesAsText()
