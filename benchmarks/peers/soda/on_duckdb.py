"""Soda alone, on DuckDB"""

import json
import os
import sys

os.environ |= {"OTEL_SDK_DISABLED": "true", "PYTHON_DOTENV_DISABLED": "1"}  # before Soda is imported: nothing phones home

import duckdb
from soda.scan import Scan

CHECKS = """
checks for batch:
  - row_count >= 1: {name: rows}
  - missing_count(order_id) = 0: {name: order_id_set}
  - missing_count(customer_id) = 0: {name: customer_id_set}
  - missing_percent(status) <= 1: {name: status_complete}
  - invalid_count(status) = 0: {name: status_known, valid values: [new, paid, shipped, returned]}
  - invalid_count(amount) = 0: {name: amount_range, valid min: 0, valid max: 10000}
  - invalid_count(discount) = 0: {name: discount_range, valid min: 0, valid max: 1}
  - out_of_time = 0:
      name: ordered_at_range
      out_of_time expression: count(*) FILTER (WHERE ordered_at < DATE '2026-01-01' OR ordered_at > DATE '2026-02-01')
  - invalid_count(email) = 0: {name: email_pattern, valid regex: '^[a-z0-9]+@[a-z]+[.]org$'}
  - invalid_count(code) = 0: {name: code_length, valid length: 10}
  - duplicate_count(order_id) = 0: {name: order_id_unique}
  - duplicate_count(code) = 0: {name: code_unique}
"""

with duckdb.connect() as connection:
    connection.execute(f"CREATE VIEW batch AS SELECT * FROM read_parquet('{sys.argv[1]}')")
    scan = Scan()
    scan.set_data_source_name("batches")
    scan.add_duckdb_connection(connection, "batches")
    scan.add_sodacl_yaml_str(CHECKS.replace("{name:", "{samples limit: 0, name:") if "--samples" not in sys.argv else CHECKS)
    scan.execute()
    if scan.has_error_logs():
        sys.exit(scan.get_error_logs_text())
found = {check.name: 0 if check.outcome.value == "pass" else check.check_value for check in scan._checks}  # noqa: SLF001
print(json.dumps(found))
