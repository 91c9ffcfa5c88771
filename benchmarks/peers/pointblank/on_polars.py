"""pointblank on polars"""

import json
import sys
from datetime import datetime

import pointblank as pb
import polars as pl

NAMES = [
    "rows", "order_id_set", "customer_id_set", "status_complete", "status_known", "amount_range", "discount_range", "ordered_at_range",
    "email_pattern", "code_length", "order_id_unique", "code_unique",
]  # fmt: skip

frame = pl.read_parquet(sys.argv[1])
checked = (
    pb.Validate(frame)
    .col_vals_expr(expr=pl.len() >= 1)
    .col_vals_not_null("order_id")
    .col_vals_not_null("customer_id")
    .col_vals_not_null("status", thresholds=0.01)
    .col_vals_in_set("status", [None, "new", "paid", "shipped", "returned"])
    .col_vals_between("amount", 0, 10000, na_pass=True)
    .col_vals_between("discount", 0, 1, na_pass=True)
    .col_vals_between("ordered_at", datetime(2026, 1, 1), datetime(2026, 2, 1), na_pass=True)  # noqa: DTZ001 - the column has no zone
    .col_vals_regex("email", "^[a-z0-9]+@[a-z]+[.]org$", na_pass=True)
    .col_vals_str_len("code", 10, 10)
    .rows_distinct("order_id")
    .rows_distinct("code")
    .interrogate(collect_extracts=False, collect_tbl_checked=False)
)
found = {name: checked.n_failed(i=number, scalar=True) for number, name in enumerate(NAMES, start=1)}
if found["status_complete"] <= frame.height / 100:
    found["status_complete"] = 0
print(json.dumps(found))
