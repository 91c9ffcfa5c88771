"""Expectations about one figure, or about the table: how their metrics are answered.

``FIGURE_KINDS`` has GX's names for the metrics, so that they are known before GX is imported; ``test_gx_contract.py`` holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sluicegate.checks.custom_sql import Refused, guard_query
from sluicegate.checks.fitting import Misfit, fit_values
from sluicegate.checks.questions import ROWS, Aggregate, count_where
from sluicegate.checks.sqltext import BATCH, identifier, literals
from sluicegate.checks.types import BatchSchema, Column, Kind, kind_of
from sluicegate.checks.values import Scalar
from sluicegate_adapters.engines.great_expectations.faults import Fault
from sluicegate_adapters.engines.great_expectations.sought import Sought, Statement, together, under_condition

__all__ = ["FIGURE_KINDS", "Setting", "metrics_sought", "type_matches"]


def _same(values: Sequence[Any]) -> Any:
    return values[0]


@dataclass(frozen=True, slots=True)
class Setting:
    """What an expectation is evaluated on.

    Attributes:
        exact: its arguments.
        schema: the batch's columns; None when there is no data yet: columns are then taken for what suits the arguments.
        references: dataset -> view; None while they aren't known.
        condition: predicate of its row condition, or an empty string.
    """

    exact: Mapping[str, Any]
    schema: BatchSchema | None
    references: Mapping[str, str] | None
    condition: str = ""
    column: str = field(init=False)

    def __post_init__(self) -> None:
        name = self.exact.get("column")
        object.__setattr__(self, "column", identifier(str(name)) if name is not None else "")

    def aggregate(self, sql: str, also: str = "") -> Aggregate:
        where = " AND ".join(filter(None, (also, self.condition)))
        return Aggregate(f"{sql} FILTER (WHERE {where})" if where else sql)

    @property
    def readable(self) -> str:
        """The column as Python can read it: DuckDB's client wants another package for moments with a zone."""
        return f"CAST({self.column} AS TIMESTAMP)" if self.own.kind is Kind.TIMESTAMP_TZ else self.column

    @property
    def own(self) -> Column:
        name = str(self.exact.get("column"))
        found = self.schema.get(name) if self.schema else Column(name, Kind.FLOAT, "DOUBLE")
        if found is None:
            raise Fault(f"the batch has no column {name!r}")
        return found


def metrics_sought(kind: str, setting: Setting) -> Sought[dict[str, Any]]:
    """What it takes to tell an expectation all its metrics, by GX's names for them.

    Args:
        kind: an expectation about one figure, or about the table.
        setting: its arguments and rows.

    Raises:
        Fault: the arguments don't fit.
    """
    return together({name: _METRICS[name](setting) for name in FIGURE_KINDS[kind]})


def _one(function: str) -> Callable[[Setting], Sought[Any]]:
    return lambda setting: Sought(_same, (setting.aggregate(f"{function}({setting.readable})"),))


def _row_count(setting: Setting) -> Sought[Any]:
    counted = Aggregate(count_where(setting.condition)) if setting.condition else ROWS
    return Sought(lambda values: int(values[0] or 0), (counted,))


def _other_row_count(setting: Setting) -> Sought[Any]:
    view = _reference(str(setting.exact["other_table_name"]), setting)
    return _alone(f"SELECT count(*) FROM {identifier(view)}", "it counts another dataset's rows")


def _reference(name: str, setting: Setting) -> str:
    if setting.references is None:
        return name
    if name not in setting.references:
        known = ", ".join(sorted(setting.references)) or "none"
        raise Fault(f"no reference dataset of the contract is called {name!r}", f"open references: {known}")
    return setting.references[name]


def _share(numerator: str) -> Callable[[Setting], Sought[Any]]:
    def answer(setting: Setting) -> Sought[Any]:
        asked = (setting.aggregate(numerator.format(setting.column)), setting.aggregate(f"count({setting.column})"))
        return Sought(_ratio, asked)

    return answer


def _present_share(setting: Setting) -> Sought[Any]:
    return Sought(_ratio, (setting.aggregate(f"count({setting.column})"), *_row_count(setting).questions))


def _ratio(values: Sequence[Any]) -> Any:
    return values[0] / values[1] if values[1] else 0


def _quantiles(setting: Setting) -> Sought[Any]:
    """As SQL means it: a value that occurs; ``allow_relative_error: linear`` interpolates, as pandas does."""
    way = setting.exact.get("allow_relative_error") or False
    if way not in {False, True, "linear"}:
        raise Fault(f"allow_relative_error can't be {way!r} here", "leave it out (a value that occurs) or say linear")
    function = "quantile_cont" if way == "linear" else "quantile_disc"
    ranges = setting.exact["quantile_ranges"]
    quantiles = [float(value) for value in ranges["quantiles"]]
    if not all(0 <= value <= 1 for value in quantiles):
        raise Fault("quantiles must lie between 0 and 1")
    return Sought(list, tuple(setting.aggregate(f"{function}({setting.readable}, {value!r})") for value in quantiles))


def _values(setting: Setting) -> tuple[Scalar, ...]:
    if setting.schema is None:
        return tuple(value for value in setting.exact["value_set"] if value is not None)
    try:
        return fit_values(setting.own, setting.exact["value_set"])
    except Misfit as misfit:
        raise Fault(misfit.message, misfit.hint) from misfit


def _not_in_set_count(setting: Setting) -> Sought[Any]:
    inside = f"{setting.column} IN ({literals(_values(setting))})" if _values(setting) else "FALSE"
    return Sought(_same, (setting.aggregate(f"count(DISTINCT {setting.column})", f"NOT ({inside})"),))


def _missing_count(setting: Setting) -> Sought[Any]:
    values = _values(setting)
    asked = {value for value in setting.exact["value_set"] if value is not None}
    if not values:
        return Sought(lambda _: len(asked))
    found = setting.aggregate(f"count(DISTINCT {setting.column})", f"{setting.column} IN ({literals(values)})")
    return Sought(lambda answers: max(0, len(asked) - answers[0]), (found,))


def _most_common(setting: Setting) -> Sought[Any]:
    before, prefix = under_condition(setting.condition)
    sql = (
        f"{prefix}SELECT {setting.readable} FROM {BATCH} WHERE {setting.column} IS NOT NULL GROUP BY 1 "
        "QUALIFY count(*) = max(count(*)) OVER ()"
    )
    texts = all(isinstance(value, str) for value in setting.exact["value_set"])
    statement = Statement(sql, lambda rows: [_like(row[0], texts) for row in rows.fetchall()], before)
    return Sought(_same, (), (statement,), "it counts how often each value occurs")


def _like(value: Any, texts: bool) -> Any:  # noqa: FBT001 - one caller
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if texts and hasattr(value, "isoformat") else value


def _columns(setting: Setting) -> Sought[Any]:
    return Sought(lambda _: list(setting.schema.names if setting.schema else ()))


def _column_count(setting: Setting) -> Sought[Any]:
    return Sought(lambda _: len(setting.schema.names if setting.schema else ()))


def _column_types(setting: Setting) -> Sought[Any]:
    """Each column's type; the one asked for under the expected name, where the two are the same type."""
    expected = [setting.exact["type_"]] if "type_" in setting.exact else list(setting.exact.get("type_list") or ())
    for name in expected:
        if kind_of(str(name)) is None and str(name).casefold() not in _PYTHON_TYPES:
            raise Fault(f"{name!r} is not a type's name", "use DuckDB's names, such as BIGINT, VARCHAR or TIMESTAMP")

    def types(_: Sequence[Any]) -> list[dict[str, str]]:
        same = next((str(name) for name in expected if type_matches(str(name), setting.own)), setting.own.native)
        return [{"name": c.name, "type": same if c.name == setting.own.name else c.native} for c in setting.schema or ()]

    return Sought(types)


_ALIASES = {
    "int": "integer", "int4": "integer", "int32": "integer", "signed": "integer", "int8": "bigint", "int64": "bigint", "long": "bigint",
    "int2": "smallint", "int16": "smallint", "short": "smallint", "int1": "tinyint", "float4": "float", "float32": "float",
    "real": "float", "float8": "double", "float64": "double", "double precision": "double", "numeric": "decimal", "dec": "decimal",
    "bool": "boolean", "logical": "boolean", "text": "varchar", "string": "varchar", "char": "varchar", "bpchar": "varchar",
    "timestamptz": "timestamp with time zone", "timestamp_tz": "timestamp with time zone", "datetime": "timestamp",
    "bytea": "blob", "binary": "blob", "varbinary": "blob", "uint8": "utinyint", "uint16": "usmallint", "uint32": "uinteger",
    "uint64": "ubigint",
}  # fmt: skip
_PYTHON_TYPES = {
    "str": "varchar",
    "object": "varchar",
    "datetime64[ns]": "timestamp",
    "datetime64[us]": "timestamp",
    "bytes": "blob",
}


def type_matches(name: str, column: Column) -> bool:
    """Whether a type's name, as SQL, numpy or pandas has it, is that column's; a bare ``DECIMAL`` takes any precision."""
    wanted = " ".join(name.casefold().split()).replace(", ", ",")
    wanted = _ALIASES.get(wanted) or _PYTHON_TYPES.get(wanted) or wanted
    native = column.native.casefold().replace(", ", ",")
    return native in {wanted, _ALIASES.get(wanted, wanted)} or native.partition("(")[0] == wanted


def _query(key: str) -> Callable[[Setting], str]:
    def guarded(setting: Setting) -> str:
        text = str(setting.exact[key])
        try:
            filled = text.format(batch=BATCH)
        except (KeyError, IndexError, ValueError) as error:
            raise Fault(f"{key} has a brace that is not {{batch}}", "write {{ and }} for braces of the SQL itself") from error
        safe = guard_query(filled, setting.references) if setting.references is not None else filled
        if isinstance(safe, Refused):
            raise Fault(safe.message, safe.hint)
        return safe

    return guarded


def _unexpected_rows(setting: Setting) -> Sought[Any]:
    return _alone(f"SELECT count(*) FROM (\n{_query('unexpected_rows_query')(setting)}\n)", _AUTHORS)


_AUTHORS = "it is a query of its author's own"


def _alone(sql: str, why: str) -> Sought[Any]:
    return Sought(_same, (), (Statement(sql, _first),), why)


def _first(rows: Any) -> Any:
    row = rows.fetchone()
    return row[0] if row else None


_MOST_ROWS = 100_000


def _records(key: str) -> Callable[[Setting], Sought[Any]]:
    """All rows of a query as GX takes them. GX itself compares the first 200 only, in no order: that could be any verdict."""

    def fold(rows: Any) -> list[dict[str, Any]]:
        names = [item[0] for item in rows.description]
        return [dict(zip(names, row, strict=True)) for row in rows.fetchmany(_MOST_ROWS + 1)]

    def read(answers: Sequence[Any]) -> list[dict[str, Any]]:
        if len(answers[0]) > _MOST_ROWS:
            raise Fault(f"{key} has more than {_MOST_ROWS} rows", "aggregate in the query")
        found: list[dict[str, Any]] = answers[0]
        return found

    return lambda setting: Sought(read, (), (Statement(_query(key)(setting), fold),), _AUTHORS)


def _comparison(setting: Setting) -> Sought[Any]:
    source = str(setting.exact["comparison_data_source_name"])
    if source != BATCH:
        _reference(source, setting)
    return _records("comparison_query")(setting)


def _nothing(_: Setting) -> Sought[Any]:
    return Sought(lambda _: [])


_METRICS: Mapping[str, Callable[[Setting], Sought[Any]]] = {
    "table.row_count": _row_count,
    "table.row_count.self": _row_count,
    "table.row_count.other": _other_row_count,
    "table.columns": _columns,
    "table.column_count": _column_count,
    "table.column_types": _column_types,
    "column.max": _one("max"),
    "column.min": _one("min"),
    "column.sum": _one("sum"),
    "column.mean": _one("avg"),
    "column.median": _one("median"),
    "column.standard_deviation": _one("stddev_samp"),
    "column.distinct_values.count": lambda setting: Sought(_same, (setting.aggregate(f"count(DISTINCT {setting.column})"),)),
    "column.non_null_proportion": _present_share,
    "column.unique_proportion": _share("count(DISTINCT {0})"),
    "column.quantile_values": _quantiles,
    "column.most_common_value": _most_common,
    "column.distinct_values.not_in_set.count": _not_in_set_count,
    "column.distinct_values.not_in_set": _nothing,
    "column.distinct_values.missing_from_column.count": _missing_count,
    "column.distinct_values.missing_from_column": _nothing,
    "unexpected_rows_query.row_count": _unexpected_rows,
    "unexpected_rows_query.table": _nothing,
    "base_query.table": _records("base_query"),
    "comparison_query.data_source_table": _comparison,
}
FIGURE_KINDS: Mapping[str, tuple[str, ...]] = {
    "expect_column_distinct_values_to_be_in_set": (
        "column.distinct_values.not_in_set.count",
        "column.distinct_values.not_in_set",
    ),
    "expect_column_distinct_values_to_contain_set": (
        "column.distinct_values.missing_from_column.count",
        "column.distinct_values.missing_from_column",
    ),
    "expect_column_distinct_values_to_equal_set": (
        "column.distinct_values.not_in_set.count",
        "column.distinct_values.not_in_set",
        "column.distinct_values.missing_from_column.count",
        "column.distinct_values.missing_from_column",
    ),
    "expect_column_max_to_be_between": ("column.max",),
    "expect_column_mean_to_be_between": ("column.mean",),
    "expect_column_median_to_be_between": ("column.median",),
    "expect_column_min_to_be_between": ("column.min",),
    "expect_column_most_common_value_to_be_in_set": ("column.most_common_value",),
    "expect_column_proportion_of_non_null_values_to_be_between": ("column.non_null_proportion",),
    "expect_column_proportion_of_unique_values_to_be_between": ("column.unique_proportion",),
    "expect_column_quantile_values_to_be_between": ("column.quantile_values",),
    "expect_column_stdev_to_be_between": ("column.standard_deviation",),
    "expect_column_sum_to_be_between": ("column.sum",),
    "expect_column_to_exist": ("table.columns",),
    "expect_column_type_to_be": ("table.column_types",),
    "expect_column_unique_value_count_to_be_between": ("column.distinct_values.count",),
    "expect_column_values_to_be_in_type_list": ("table.column_types",),
    "expect_column_values_to_be_of_type": ("table.column_types",),
    "expect_query_results_to_match_comparison": ("base_query.table", "comparison_query.data_source_table"),
    "expect_table_column_count_to_be_between": ("table.column_count",),
    "expect_table_column_count_to_equal": ("table.column_count",),
    "expect_table_columns_to_match_ordered_list": ("table.columns",),
    "expect_table_columns_to_match_set": ("table.columns",),
    "expect_table_row_count_to_be_between": ("table.row_count",),
    "expect_table_row_count_to_equal": ("table.row_count",),
    "expect_table_row_count_to_equal_other_table": ("table.row_count.self", "table.row_count.other"),
    "unexpected_rows_expectation": ("unexpected_rows_query.table", "unexpected_rows_query.row_count"),
}
"""Each expectation that is about figures or the table, and the metrics that it wants to know."""
