"""A NaN in a file by Arrow, whose statistics leave it out: counted, shown, and split off, whichever engine is asked."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluicegate import Outcome
from tests.integration.rows_shop import gate_of, open_shop

CONTRACT = """\
data_contract:
  name: orders
  version: 1.0.0
  owner: shop
  quality_checks:
    checks:
      - {type: range, name: on DuckDB, column: amount, max: 10, engine: duckdb}
      - {type: range, name: on Soda, column: amount, max: 10, engine: soda}
      - {type: range, name: on GX, column: amount, max: 10, engine: great_expectations}
      - {type: row_expression, name: in SQL, expression: amount <= 10}
      - {type: aggregate, name: the largest, column: amount, function: max, max: 10, severity: warning}
  violation_handling: {quarantine: {scope: rows}}
"""


@pytest.mark.parametrize("files", [1, 2])
def test_a_nan_breaks_what_it_breaks(tmp_path: Path, files: int) -> None:
    shop = open_shop(tmp_path)
    (shop / "nan.yaml").write_text(CONTRACT)
    for number in range(files):
        table = pa.table({"id": [1, 2, 3, 4], "amount": [1.0, math.nan, 3.5, 9.0]})
        pq.write_table(table, shop / f"part-{number}.parquet")
    outcome = gate_of(shop).run(shop / "nan.yaml", str(shop / "part-*.parquet"), batch_id="b1")
    rows, largest = outcome.verdict.outcomes[:4], outcome.verdict.outcomes[4]
    assert [(item.outcome, item.failing) for item in rows] == [(Outcome.FAILED, files)] * 4
    assert [item.evidence.rows if item.evidence else None for item in rows] == [(("nan",),) * files] * 4
    assert largest.outcome is Outcome.WARNED
    assert outcome.parts
    assert (outcome.parts.quarantined, outcome.parts.committed) == (files, 3 * files)
    assert sorted(pq.read_table(shop / "data" / "orders").column("id").to_pylist()) == sorted([1, 3, 4] * files)
