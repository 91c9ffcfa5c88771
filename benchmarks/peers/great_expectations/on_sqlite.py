"""Great Expectations on SQL (SQLite, loading included)

Left out of the quick set: loading takes most of its time. DuckDB would read the file as it is, but Great Expectations fails on duckdb-engine as it is shipped.
"""

import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from _suite import gx, report
from sqlalchemy import create_engine

with tempfile.TemporaryDirectory() as folder:
    address = f"sqlite:///{Path(folder) / 'orders.db'}"
    engine = create_engine(address)
    for part in pq.ParquetFile(sys.argv[1]).iter_batches(100_000):
        part.to_pandas().astype({"amount": float}).to_sql("orders", engine, if_exists="append", index=False)
    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_sqlite("sqlite", connection_string=address)
    report(context, source.add_table_asset("orders", table_name="orders").add_batch_definition_whole_table("all"))
