"""pandera on polars"""

import json
import sys
from datetime import datetime

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

CHECKS = {
    "order_id not_nullable": "order_id_set",
    "customer_id not_nullable": "customer_id_set",
    "status status_complete": "status_complete",
    "status isin": "status_known",
    "amount in_range": "amount_range",
    "discount in_range": "discount_range",
    "ordered_at in_range": "ordered_at_range",
    "email str_matches": "email_pattern",
    "code str_length": "code_length",
    "order_id field_uniqueness": "order_id_unique",
    "code field_uniqueness": "code_unique",
}


def complete(data: pa.PolarsData) -> pl.LazyFrame:
    return data.lazyframe.select(pl.col(data.key).is_not_null().mean() >= 0.99)


first, last = datetime(2026, 1, 1), datetime(2026, 2, 1)  # noqa: DTZ001 - the column has no zone
schema = pa.DataFrameSchema(
    {
        "order_id": pa.Column(nullable=False, unique=True),
        "code": pa.Column(checks=pa.Check.str_length(10, 10), unique=True),
        "customer_id": pa.Column(nullable=False),
        "status": pa.Column(
            nullable=True,
            checks=[
                pa.Check.isin(["new", "paid", "shipped", "returned"]),
                pa.Check(complete, name="status_complete"),
            ],
        ),
        "amount": pa.Column(nullable=True, checks=pa.Check.in_range(0, 10000)),
        "discount": pa.Column(nullable=True, checks=pa.Check.in_range(0, 1)),
        "ordered_at": pa.Column(nullable=True, checks=pa.Check.in_range(first, last)),
        "email": pa.Column(nullable=True, checks=pa.Check.str_matches("^[a-z0-9]+@[a-z]+[.]org$")),
    }
)

frame = pl.read_parquet(sys.argv[1])
found = {"rows": int(frame.height < 1)}
try:
    schema.validate(frame, lazy=True)
except SchemaErrors as errors:
    for column, check, count in errors.failure_cases.group_by("column", "check").len().iter_rows():
        found[CHECKS[f"{column} {check.partition('(')[0]}"]] = count
print(json.dumps(found))
