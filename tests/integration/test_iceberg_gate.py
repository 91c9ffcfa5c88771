"""The gate with the Iceberg target: the demo's flights go in by the shipped profile, and other readers find them there."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from sluicegate import Gate, RunOutcome
from sluicegate.config import load_profile
from sluicegate.errors import StorageError
from tests.unit.targets.iceberg_tables import table

ROOT = Path(__file__).parents[2]
FLIGHTS = ROOT / "contracts" / "flights"
BATCH = FLIGHTS / "data" / "2013-11-28.parquet"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    shutil.copy(ROOT / "configs" / "iceberg.yaml", folder / "gate.yaml")
    return folder


def run(base: Path) -> RunOutcome:
    now = datetime(2013, 11, 29, 10, tzinfo=UTC)
    return Gate.from_config(base / "gate.yaml").run(FLIGHTS / "contract.yaml", BATCH, batch_id="2013-11-28", now=now)


@pytest.fixture(scope="module")
def outcome(base: Path) -> RunOutcome:
    return run(base)


def test_the_shipped_profile_names_the_iceberg_target() -> None:
    assert load_profile(ROOT / "configs" / "iceberg.yaml").target.type == "iceberg"


def test_a_days_flights_are_in_the_table_value_by_value(base: Path, outcome: RunOutcome) -> None:
    from pyarrow import parquet

    assert outcome.action == "committed"
    delivered = parquet.read_table(BATCH)
    kept = table(base, "flights").scan().to_arrow()
    assert kept.cast(delivered.schema).equals(delivered.replace_schema_metadata(None))
    assert outcome.receipt is not None
    assert outcome.receipt.rows == kept.num_rows == outcome.verdict.rows


def test_duckdb_reads_the_data_files_of_the_snapshot(base: Path, outcome: RunOutcome) -> None:
    files = [task.file.file_path for task in table(base, "flights").scan().plan_files()]
    with duckdb.connect() as connection:
        found = connection.execute("SELECT count(*), sum(distance), count(DISTINCT carrier) FROM read_parquet(?)", [files])
        seen = found.fetchall()
        assert (
            seen
            == connection.execute(
                "SELECT count(*), sum(distance), count(DISTINCT carrier) FROM read_parquet(?)", [str(BATCH)]
            ).fetchall()
        )


def test_the_snapshot_says_which_batch_it_is_and_who_let_it_in(base: Path, outcome: RunOutcome) -> None:
    snapshot = table(base, "flights").current_snapshot()
    assert snapshot is not None
    assert snapshot.summary is not None
    said = snapshot.summary.additional_properties
    verdict = outcome.verdict
    assert {key.removeprefix("sluicegate."): value for key, value in said.items() if key.startswith("sluicegate.")} == {
        "tenant": outcome.contract.tenant,
        "dataset": "flights",
        "batch-id": "2013-11-28",
        "content-sha256": verdict.batch_sha256,
        "rows": str(verdict.rows),
        "contract": "flights",
        "contract-version": "1.0.0",
        "contract-sha256": verdict.contract_sha256,
        "verdict-id": verdict.verdict_id,
        "decision": verdict.decision.value,
        "attempt": said["sluicegate.attempt"],
        "version": said["sluicegate.version"],
    }
    assert outcome.receipt is not None
    assert outcome.receipt.location == f"iceberg:sluicegate.{outcome.contract.tenant}.flights@{snapshot.snapshot_id}"


def test_the_same_day_again_changes_nothing(base: Path, outcome: RunOutcome) -> None:
    again = run(base)
    assert again.receipt is not None
    assert again.receipt.already_there
    assert len(table(base, "flights").snapshots()) == 1
    assert isinstance(table(base, "flights").scan().to_arrow(), pa.Table)


CONTRACT = """\
data_contract:
  name: orders
  version: {version}
  owner: shop@example.com
  schema: [{columns}]
  quality_checks:
    checks: [{{type: not_null, column: a}}]
"""


def test_a_new_version_of_a_contract_brings_its_new_columns_into_the_table(base: Path, tmp_path: Path) -> None:
    gate = Gate.from_config(base / "gate.yaml")
    contract, batch = tmp_path / "orders.yaml", tmp_path / "orders.csv"
    contract.write_text(CONTRACT.format(version="1.0.0", columns="{name: a, type: integer}"))
    batch.write_text("a\n1\n")
    assert gate.run(contract, batch, batch_id="1").action == "committed"
    batch.write_text("a,b\n2,x\n")
    with pytest.raises(StorageError, match="not in the table: 'b'"):
        gate.run(contract, batch, batch_id="2")
    contract.write_text(CONTRACT.format(version="1.1.0", columns="{name: a, type: integer}, {name: b, type: string}"))
    assert gate.run(contract, batch, batch_id="2").action == "committed"
    found = table(base, "orders").scan().to_arrow().to_pylist()
    assert sorted(found, key=str) == [{"a": 1, "b": None}, {"a": 2, "b": "x"}]
    assert [
        snapshot.summary["sluicegate.contract-version"] for snapshot in table(base, "orders").snapshots() if snapshot.summary
    ] == [
        "1.0.0",
        "1.1.0",
    ]
