"""One contract check, at least, of each canonical type, bound to one schema with awkward names: what golden files show."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from sluicegate.checks import model as m
from sluicegate.checks.binding import Unbindable, bind
from sluicegate.checks.contract_check import ContractCheck
from sluicegate.checks.model import CANONICAL_TYPES
from sluicegate.checks.types import BatchSchema, Column, Kind, kind_of

__all__ = ["BOUND_SAMPLES", "REFERENCES", "SAMPLES", "SCHEMA"]

_COLUMNS = {
    "id": "BIGINT", "Order": "INTEGER", "price": "DECIMAL(10,2)", "ratio": "DOUBLE", "code": "VARCHAR", 'say "hi"': "VARCHAR",
    "day": "DATE", "at": "TIMESTAMP", "seen": "TIMESTAMP WITH TIME ZONE", "ok": "BOOLEAN", "tags": "VARCHAR[]",
}  # fmt: skip
SCHEMA = BatchSchema(tuple(Column(name, kind_of(native) or Kind.OTHER, native) for name, native in _COLUMNS.items()))
REFERENCES = {"planes.csv": BatchSchema((Column("tail", Kind.STRING, "VARCHAR"), Column("year", Kind.INTEGER, "INTEGER")))}

_F = m.AggregateFunction


def _aggregate(column: str, function: m.AggregateFunction, quantile: str | None = None) -> m.Aggregate:
    bounds = m.Bounds(min=0, max=Decimal("99.5"))
    return m.Aggregate(column=column, function=function, bounds=bounds, quantile=Decimal(quantile) if quantile else None)


_PROMISES: dict[str, m.CanonicalCheck] = {
    "not_null": m.NotNull(column="id"),
    "not_null_quoted": m.NotNull(column='say "hi"'),
    "unique": m.Unique(columns=("id",)),
    "unique_compound": m.Unique(columns=("Order", "code")),
    "accepted_values": m.AcceptedValues(column="code", values=("AA", "it's", "back\\slash", None, "")),
    "accepted_values_numbers": m.AcceptedValues(column="price", values=(1, Decimal("0.10"), Decimal("0.101"))),
    "rejected_values": m.RejectedValues(column="ratio", values=(0, Decimal("0.1"))),
    "range": m.Range(column="Order", bounds=m.Bounds(min=0, max=Decimal("10.5"), max_inclusive=False)),
    "range_float": m.Range(column="ratio", bounds=m.Bounds(max=1)),
    "range_timestamp": m.Range(column="seen", bounds=m.Bounds(min=datetime(2013, 1, 1, tzinfo=UTC))),
    "pattern": m.Pattern(column="code", pattern=r"^[A-Z]{2}\d+'$"),
    "pattern_negated": m.Pattern(column='say "hi"', pattern="<script", negate=True),
    "length": m.Length(column="code", min=1, max=6),
    "completeness": m.Completeness(column="code", min_percent=Decimal("99.5"), missing_values=("", "N/A")),
    "column_comparison": m.ColumnComparison(left="day", operator=m.Operator.LE, right="at"),
    "reference": m.Reference(columns=("code",), dataset="planes.csv", reference_columns=("tail",)),
    "monotonic": m.Monotonic(column="at", strict=True, order_by="id"),
    "row_expression": m.RowExpression(expression="price >= 0 OR code = 'refund'"),
    "schema": m.Schema(columns=("id", "Order", "price"), optional_columns=("code",), allow_unexpected=False, ordered=True),
    "column_type": m.ColumnType(column="price", type="decimal(10,2)"),
    "row_count": m.RowCount(bounds=m.Bounds(min=1, max=1000)),
    "freshness": m.Freshness(column="seen", max_age_hours=Decimal(24)),
    "freshness_date": m.Freshness(column="day", max_age_hours=Decimal(48)),
    "aggregate_min": _aggregate("ratio", _F.MIN),
    "aggregate_max": _aggregate("price", _F.MAX),
    "aggregate_mean": _aggregate("Order", _F.MEAN),
    "aggregate_mean_float": _aggregate("ratio", _F.MEAN),
    "aggregate_sum": _aggregate("price", _F.SUM),
    "aggregate_stdev": _aggregate("ratio", _F.STDEV),
    "aggregate_median": _aggregate("price", _F.MEDIAN),
    "aggregate_quantile": _aggregate("ratio", _F.QUANTILE, "0.9"),
    "aggregate_distinct_count": _aggregate("code", _F.DISTINCT_COUNT),
    "metric_query": m.MetricQuery(query="SELECT max(price) - min(price) FROM ${table}", bounds=m.Bounds(max=100)),
    "drift_row_count": m.Drift(metric=m.DriftMetric.ROW_COUNT, threshold=Decimal(3)),
    "drift_null_percent": m.Drift(metric=m.DriftMetric.NULL_PERCENT, column="code", threshold=Decimal(10), method=m.DriftMethod.PERCENT),
    "drift_mean": m.Drift(metric=m.DriftMetric.MEAN, column="price", threshold=Decimal(3)),
}  # fmt: skip

SAMPLES: tuple[ContractCheck, ...] = tuple(
    ContractCheck(id=name, name=name, promise=promise) for name, promise in _PROMISES.items()
)
"""As a contract has them, before binding."""


def _bound(promise: m.CanonicalCheck) -> m.CanonicalCheck:
    result = bind(promise, SCHEMA, REFERENCES)
    if isinstance(result, Unbindable):
        raise TypeError(f"{promise}: {result.message}")
    return result


BOUND_SAMPLES: tuple[ContractCheck, ...] = tuple(
    ContractCheck(id=name, name=name, promise=_bound(promise)) for name, promise in _PROMISES.items()
)
"""The same, bound to ``SCHEMA`` as engines get them."""

if missing := set(CANONICAL_TYPES) - {promise.type_name for promise in _PROMISES.values()}:
    raise TypeError(f"no golden sample for {sorted(missing)}")
