from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.figures import figure, read_figure
from sluicegate.checks.types import BatchSchema, Column, Kind

SCHEMA = BatchSchema(
    (
        Column("r", Kind.FLOAT, "FLOAT"),
        Column("i", Kind.INTEGER, "INTEGER"),
        Column("tz", Kind.TIMESTAMP_TZ, "TIMESTAMPTZ"),
        Column("d", Kind.DATE, "DATE"),
    )
)
F = m.AggregateFunction


def aggregate(column: str, function: m.AggregateFunction) -> m.Aggregate:
    return m.Aggregate(column=column, function=function, bounds=m.Bounds())


def test_without_a_schema_a_column_is_taken_for_one_that_can_hold_nan() -> None:
    assert "isnan" in figure(aggregate("i", F.MIN), None)
    assert "isnan" not in figure(aggregate("i", F.MIN), SCHEMA)


def test_a_four_byte_float_is_shown_as_the_number_that_it_is_nearest_to() -> None:
    assert read_figure(aggregate("r", F.MAX), 0.10000000149011612, SCHEMA) == 0.1
    assert read_figure(aggregate("r", F.MAX), 3.4028234663852886e38, SCHEMA) == 3.4028235e38
    assert read_figure(aggregate("r", F.MAX), 16777216.0, SCHEMA) == 16777216.0


def test_a_figure_of_exact_numbers_loses_the_last_bits_noise() -> None:
    assert read_figure(aggregate("i", F.MEAN), 0.15000000000000002, SCHEMA) == Decimal("0.15")
    value = read_figure(aggregate("r", F.STDEV), math.nan, SCHEMA)
    assert isinstance(value, float)
    assert math.isnan(value)


def test_the_newest_moment_is_aware_and_must_be_of_the_calendar() -> None:
    check = m.Freshness(column="tz", max_age_hours=Decimal(1))
    assert read_figure(check, datetime(2013, 1, 1), SCHEMA) == datetime(2013, 1, 1, tzinfo=UTC)
    assert read_figure(check, None, SCHEMA) is None
    for raw in (datetime.max, datetime.min, "12345-01-01 00:00:00"):
        with pytest.raises(ValueError, match="calendar"):
            read_figure(check, raw, SCHEMA)


def test_the_extremes_of_a_column_keep_its_kind() -> None:
    assert read_figure(aggregate("tz", F.MAX), datetime(2013, 1, 1), SCHEMA) == datetime(2013, 1, 1, tzinfo=UTC)
    assert read_figure(aggregate("d", F.MAX), date(2013, 1, 1), SCHEMA) == date(2013, 1, 1)
    with pytest.raises(ValueError, match="calendar"):
        read_figure(aggregate("d", F.MAX), "0044-01-01 (BC)", SCHEMA)
