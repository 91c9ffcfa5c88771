"""Deterministic data: orders of eight columns, and tables as wide as one wants; every row is a function of its number."""

from __future__ import annotations

from pathlib import Path

import duckdb

__all__ = ["make_orders", "make_wide"]

_ORDERS = """
COPY (
  SELECT
    CASE fault WHEN 0 THEN NULL WHEN 9 THEN i - 1 ELSE i END AS order_id,
    CASE fault WHEN 8 THEN 'C' || i ELSE 'C' || lpad(CAST(CASE fault WHEN 10 THEN i - 1 ELSE i END AS VARCHAR), 9, '0') END AS code,
    CASE fault WHEN 1 THEN NULL ELSE CAST(hash(i) % 50000 AS INTEGER) END AS customer_id,
    CASE
      WHEN fault = 2 OR hash(i + 1) % 1000 = 0 THEN NULL
      WHEN fault = 3 THEN 'lost'
      ELSE ['new', 'paid', 'shipped', 'returned'][CAST(1 + hash(i + 2) % 4 AS BIGINT)]
    END AS status,
    CAST(CASE fault WHEN 4 THEN -1 ELSE (hash(i + 3) % 1000000) / 100 END AS DECIMAL(12, 2)) AS amount,
    CAST(CASE fault WHEN 5 THEN 1.5 ELSE (hash(i + 4) % 10000) / 10000 END AS DOUBLE) AS discount,
    CASE fault WHEN 6 THEN TIMESTAMP '2026-03-01'
      ELSE TIMESTAMP '2026-01-01' + to_seconds(CAST(hash(i + 5) % 2592000 AS BIGINT)) END AS ordered_at,
    CASE fault WHEN 7 THEN 'nobody' ELSE 'user' || (hash(i) % 50000) || '@example.org' END AS email
  FROM (SELECT i, {fault} AS fault FROM range({rows}) t(i))
) TO '{path}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
"""
_KINDS_OF_FAULTS = 11


def make_orders(path: Path, rows: int, *, faulty_every: int = 0) -> Path:
    """Write the orders, unless they are there.

    Args:
        path: of the file.
        rows: a hundred million are about 2 GB.
        faulty_every: each so-manieth row breaks one check, the checks in turn; 0: none does.
    """
    if path.exists():
        return path
    fault = (
        f"CASE WHEN i % {faulty_every} = 1 THEN (i // {faulty_every}) % {_KINDS_OF_FAULTS} ELSE -1 END" if faulty_every else "-1"
    )
    _write(_ORDERS.format(fault=fault, rows=rows, path=path))
    return path


def make_wide(path: Path, rows: int, columns: int) -> Path:
    """Write a table of ``columns`` whole numbers ``c000``, ``c001``, …, from 0 to 9999 each, unless it is there."""
    if not path.exists():
        each = ", ".join(f"CAST(hash(i + {number}) % 10000 AS INTEGER) AS c{number:03}" for number in range(columns))
        _write(
            f"COPY (SELECT {each} FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
        )
    return path


def _write(statement: str) -> None:
    """In a database of its own, so that the process that measures doesn't keep the memory."""
    with duckdb.connect(config={"memory_limit": "2GB"}) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(statement)
