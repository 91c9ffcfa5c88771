"""Deterministic data: a million orders, eight columns, every row a function of its number."""

from __future__ import annotations

from pathlib import Path

import duckdb

__all__ = ["CONTRACT", "HAND_WRITTEN", "make_orders"]

_ORDERS = """
COPY (
  SELECT
    i AS order_id,
    'C' || lpad(CAST(i AS VARCHAR), 9, '0') AS code,
    CAST(hash(i) % 50000 AS INTEGER) AS customer_id,
    CASE WHEN hash(i + 1) % 1000 = 0 THEN NULL ELSE ['new', 'paid', 'shipped', 'returned'][CAST(1 + hash(i + 2) % 4 AS BIGINT)] END AS status,
    CAST((hash(i + 3) % 1000000) / 100 AS DECIMAL(12, 2)) AS amount,
    CAST((hash(i + 4) % 10000) / 10000 AS DOUBLE) AS discount,
    TIMESTAMP '2026-01-01' + to_seconds(CAST(hash(i + 5) % 2592000 AS BIGINT)) AS ordered_at,
    'user' || (hash(i) % 50000) || '@example.org' AS email
  FROM range({rows}) t(i)
) TO '{path}' (FORMAT parquet)
"""

CONTRACT = """\
data_contract:
  name: orders
  version: 1.0.0
  owner: benchmarks
  quality_checks:
    checks:
      - {type: row_count, min: 1}
      - {type: not_null, column: order_id}
      - {type: not_null, column: customer_id}
      - {type: completeness, column: status, min_percent: 99}
      - {type: accepted_values, column: status, values: [new, paid, shipped, returned]}
      - {type: range, column: amount, min: 0, max: 10000}
      - {type: range, column: discount, min: 0, max: 1}
      - {type: range, column: ordered_at, min: 2026-01-01, max: 2026-02-01}
      - {type: pattern, column: email, pattern: "^[a-z0-9]+@[a-z]+[.]org$"}
      - {type: length, column: code, min: 10, max: 10}
      - {type: unique, columns: [order_id]}
      - {type: unique, columns: [code]}
"""

HAND_WRITTEN = """\
import sys, duckdb
con = duckdb.connect()
con.execute(f"CREATE VIEW batch AS SELECT * FROM read_parquet('{sys.argv[1]}')")
row = con.execute('''
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
FROM batch''').fetchone()
unique = [
  con.execute(f"SELECT count(*) FROM (SELECT {key} FROM batch GROUP BY {key} HAVING count(*) > 1)").fetchone()[0]
  for key in ('order_id', 'code')
]
print(row, unique)
"""


def make_orders(path: Path, rows: int) -> Path:
    """Write the orders, unless they are there."""
    if not path.exists():
        duckdb.sql(_ORDERS.format(rows=rows, path=path))
    return path
