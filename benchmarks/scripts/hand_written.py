"""The obvious script: one SELECT for the figures of the batch, and one GROUP BY for each key."""

import json
import sys

import duckdb

FIGURES = """
SELECT count(*),
  count(*) FILTER (WHERE order_id IS NULL),
  count(*) FILTER (WHERE customer_id IS NULL),
  count(*) FILTER (WHERE status IS NULL),
  count(*) FILTER (WHERE status NOT IN ('new', 'paid', 'shipped', 'returned')),
  count(*) FILTER (WHERE amount < 0 OR amount > 10000),
  count(*) FILTER (WHERE discount < 0 OR discount > 1 OR isnan(discount)),
  count(*) FILTER (WHERE ordered_at < DATE '2026-01-01' OR ordered_at > DATE '2026-02-01'),
  count(*) FILTER (WHERE NOT regexp_matches(email, '^[a-z0-9]+@[a-z]+[.]org$')),
  count(*) FILTER (WHERE length(code) < 10 OR length(code) > 10)
FROM batch
"""
REPEATED = "SELECT count(*) FROM (SELECT {key} FROM batch GROUP BY {key} HAVING count(*) > 1)"
NAMES = (
    "order_id_set", "customer_id_set", "status_complete", "status_known", "amount_range", "discount_range", "ordered_at_range",
    "email_pattern", "code_length",
)  # fmt: skip


def check(path: str) -> dict[str, int]:
    """Which check is broken by how many rows, or values of a key."""
    connection = duckdb.connect()
    connection.execute(f"CREATE VIEW batch AS SELECT * FROM read_parquet('{path}')")
    rows, *figures = connection.execute(FIGURES).fetchall()[0]
    found = {"rows": int(rows < 1), **dict(zip(NAMES, figures, strict=True))}
    for key in ("order_id", "code"):
        found[f"{key}_unique"] = connection.execute(REPEATED.format(key=key)).fetchall()[0][0]
    if found["status_complete"] <= rows / 100:
        found["status_complete"] = 0
    return found


if __name__ == "__main__":
    print(json.dumps(check(sys.argv[1])))
