from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from sluicegate.checks.sqltext import identifier, literal
from sluicegate.checks.values import RelativeTime


def read(sql: str) -> list[Any]:
    return duckdb.connect().execute(sql).fetchall()


FLOATS = [
    0.1,
    -0.0,
    1e300,
    1e-300,
    5e-324,
    1.7976931348623157e308,
    0.12345678901234568,
    123456789012345678.0,
    1e22,
    2.0**53 + 2,
    1 / 3,
]


@pytest.mark.parametrize(
    "value", [None, True, False, 0, -1, 2**63, -(2**127), 2**127 - 1, "", "it's", "a\\b", "a\0b", "\0", "é😀", "--", "\n"]
)
def test_a_literal_reads_back_as_its_value(value: Any) -> None:
    assert read(f"SELECT {literal(value)}") == [(value,)]


@pytest.mark.parametrize("value", FLOATS + [-value for value in FLOATS])
def test_a_float_reads_back_to_the_last_bit(value: float) -> None:
    assert read(f"SELECT CAST({literal(value)} AS DOUBLE)") == [(value,)]


@pytest.mark.parametrize(
    "value", [Decimal("0.10"), Decimal("-1E+3"), Decimal("1E-20"), Decimal(10**37), Decimal("0." + "1" * 38)]
)
def test_a_decimal_reads_back_exactly(value: Decimal) -> None:
    assert read(f"SELECT {literal(value)}") == [(value,)]


def test_what_no_decimal_holds_becomes_a_double() -> None:
    for value in (math.inf, -math.inf, Decimal("Infinity"), 10**400, Decimal("1E+60")):
        (found,) = read(f"SELECT {literal(value)}")[0]
        assert found == (math.inf if value == 10**400 else float(value))
    assert math.isnan(read(f"SELECT {literal(math.nan)}")[0][0])


def test_moments_read_back_in_utc() -> None:
    noon = datetime(2013, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    sql = f"SELECT CAST({literal(noon)} AT TIME ZONE 'UTC' AS VARCHAR), {literal(datetime(2013, 1, 1, 0, 0, 0, 5))}, {literal(date(2013, 1, 1))}, {literal(time(9, 30))}"
    assert read(sql) == [("2013-01-01 10:00:00", datetime(2013, 1, 1, 0, 0, 0, 5), date(2013, 1, 1), time(9, 30))]
    assert "10:00:00+00:00" in literal(noon.astimezone(UTC))


def test_a_time_that_is_still_relative_is_no_sql() -> None:
    with pytest.raises(TypeError, match="resolved"):
        literal(RelativeTime(0, midnight=False, text="now"))


def test_an_identifier_is_only_a_name() -> None:
    name = 'a "b"; DROP TABLE x --'
    assert read(f"SELECT {identifier(name)} FROM (SELECT 1) t({identifier(name)})") == [(1,)]
