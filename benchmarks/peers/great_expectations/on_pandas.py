"""Great Expectations on pandas"""

import sys
from datetime import datetime

import pandas as pd
from _suite import gx, report

context = gx.get_context(mode="ephemeral")
definition = context.data_sources.add_pandas("pandas").add_dataframe_asset("orders").add_batch_definition_whole_dataframe("all")
bounds = {"first": datetime(2026, 1, 1), "last": datetime(2026, 2, 1)}  # noqa: DTZ001 - the column has no zone
report(context, definition, {"dataframe": pd.read_parquet(sys.argv[1])}, **bounds)
