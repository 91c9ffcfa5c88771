"""What one writes without a gate: Soda, and then Great Expectations on pandas, for the 24 checks of contract.yaml in one script.

The eight checks that any engine can run are asked four of each.
"""

import os
import sys

os.environ |= {"OTEL_SDK_DISABLED": "true", "PYTHON_DOTENV_DISABLED": "1", "GX_ANALYTICS_ENABLED": "false"}

from datetime import datetime
from typing import Any

SODACL = """
checks for batch:
  - row_count > 0
  - missing_count(order_id) = 0
  - missing_percent(status) < 1
  - invalid_count(status) = 0:
      valid values: [new, paid, shipped, returned]
  - invalid_count(amount) = 0:
      valid min: 0
      valid max: 10000
  - avg(amount) between 4000 and 6000
  - max(discount) <= 1
  - duplicate_count(order_id) = 0
  - missing_count(code) = 0
  - missing_count(email) = 0
  - invalid_count(customer_id) = 0:
      valid min: 0
      valid max: 50000
  - duplicate_count(code) = 0
"""


def soda(path: str) -> bool:
    """Whether all of Soda's checks pass."""
    import duckdb
    from soda.scan import Scan

    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW batch AS SELECT * FROM read_parquet('{path}')")
        scan = Scan()
        scan.set_data_source_name("batches")
        scan.add_duckdb_connection(connection, "batches")
        scan.add_sodacl_yaml_str(SODACL)
        scan.execute()
        return not scan.has_error_logs() and not scan.has_check_warns_or_fails()


def expectations(gxe: Any) -> list[Any]:
    first, last = datetime(2026, 1, 1), datetime(2026, 2, 1)  # noqa: DTZ001 - the column has no zone
    return [
        gxe.ExpectColumnValuesToNotBeNull(column="customer_id"),
        gxe.ExpectColumnValuesToBeBetween(column="discount", min_value=0, max_value=1),
        gxe.ExpectColumnValuesToMatchRegex(column="email", regex="^[a-z0-9]+@[a-z]+[.]org$"),
        gxe.ExpectColumnValueLengthsToEqual(column="code", value=10),
        gxe.ExpectColumnValuesToBeInSet(column="status", value_set=["new", "paid", "shipped", "returned"]),
        gxe.ExpectColumnMeanToBeBetween(column="discount", min_value=0.4, max_value=0.6),
        gxe.ExpectColumnMaxToBeBetween(column="customer_id", min_value=0, max_value=50000),
        gxe.ExpectColumnValuesToBeUnique(column="order_id"),
        gxe.ExpectColumnValuesToNotBeNull(column="status", mostly=0.99),
        gxe.ExpectColumnValuesToBeBetween(column="ordered_at", min_value=first, max_value=last),
        gxe.ExpectColumnValuesToMatchRegex(column="code", regex="^C[0-9]{9}$"),
        gxe.ExpectColumnValueLengthsToBeBetween(column="email", min_value=10, max_value=30),
    ]


def great_expectations(path: str) -> bool:
    """Whether all expectations hold."""
    import great_expectations as gx
    import great_expectations.expectations as gxe
    import pandas as pd

    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    definition = (
        context.data_sources.add_pandas("pandas").add_dataframe_asset("orders").add_batch_definition_whole_dataframe("all")
    )
    suite = context.suites.add(gx.ExpectationSuite(name="orders", expectations=expectations(gxe)))
    validation = gx.ValidationDefinition(name="orders", data=definition, suite=suite)
    return bool(validation.run(batch_parameters={"dataframe": pd.read_parquet(path)}, result_format="BASIC").success)


if __name__ == "__main__":
    passed = soda(sys.argv[1]), great_expectations(sys.argv[1])
    print(passed)
    sys.exit(0 if all(passed) else 1)
