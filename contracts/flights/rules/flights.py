"""Rules that SQL and expectations say badly: each a plain function, its first parameter annotated with the form it wants.

Only the columns that the contract declares for a rule are loaded.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.compute as pc


def lost_flights(flights: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Flights that took off and never arrived where they were meant to: diverted, mostly. Returns the failing rows."""
    return flights.filter("dep_time IS NOT NULL AND arr_delay IS NULL")


def plausible_speed(flights: pa.Table, max_mph: int) -> pa.ChunkedArray:
    """Ground speed in miles an hour (distance in miles, air_time in minutes) up to ``max_mph``. Returns a mask: True is fine."""
    speed = pc.divide(pc.multiply(pc.cast(flights["distance"], pa.float64()), 60.0), flights["air_time"])
    return pc.less_equal(speed, max_mph)


def delays_add_up(flights: pa.RecordBatchReader) -> int:
    """``dep_delay`` is what lies between the two clock times (HHMM), modulo a day. Streams; returns how many rows break it."""
    wrong = 0
    for chunk in flights:
        for departed, scheduled, delay in zip(
            *(chunk.column(name).to_pylist() for name in ("dep_time", "sched_dep_time", "dep_delay")), strict=True
        ):
            if None not in (departed, scheduled, delay):
                wrong += (_minutes(departed) - _minutes(scheduled) - delay) % 1440 != 0
    return wrong


def _minutes(clock: int) -> int:
    return clock // 100 * 60 + clock % 100
