"""One statement, written by hand, on a file: ``statement.py FILE SELECT-LIST``."""

import sys

import duckdb

if __name__ == "__main__":
    print(duckdb.connect().execute(f"SELECT {sys.argv[2]} FROM read_parquet('{sys.argv[1]}')").fetchall())
