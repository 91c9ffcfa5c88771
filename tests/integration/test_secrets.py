"""A classified value goes through the whole gate, by every way a check can reach it, and arrives nowhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from sluicegate import Gate
from sluicegate.config import load_profile
from sluicegate.gate.act import ActionTaken

SECRET = "s3cr3t"

CONTRACT = """\
data_contract:
  name: people
  version: 1.0.0
  owner: hr
  schema:
    - {name: id, type: integer}
    - {name: ssn, type: string, classification: PII}
    - {name: 'we"ird', type: string, classification: restricted}
  violation_handling: {on_quality_violation: quarantine, on_schema_violation: quarantine}
  quality_checks:
    checks:
      - {type: metric_query, name: other case, query: SELECT max(SSN) FROM batch, min: zzz}
      - {type: metric_query, name: called anew, query: 'SELECT max(b) FROM batch AS t(a, b, c)', min: zzz}
      - {type: metric_query, name: a cast, query: SELECT max(CAST(ssn AS INTEGER)) FROM batch, min: 1}
      - {type: aggregate, name: quoted, column: 'we"ird', function: max, max: a}
      - {type: row_expression, name: expression, expression: SSN = 'x'}
      - {type: pattern, name: pattern, column: ssn, pattern: ^x}
    soda:
      engine: soda_core
      checks:
        - failed rows: {name: renamed, fail query: select ssn as x from batch}
        - failed rows: {name: another's name, fail query: select concat(ssn) as id from batch}
        - invalid_count(ssn) = 0: {name: invalid, valid values: [a]}
        - largest < 3: {name: cast in Soda, largest query: select max(cast(ssn as int)) from batch}
    great_expectations:
      expectation_suite: people
      checks:
        - {name: expect_column_values_to_be_in_set, column: ssn, value_set: [a]}
        - {name: expect_column_values_to_match_strftime_format, column: ssn, strftime_format: '%Y'}
        - {name: expect_column_values_to_match_strftime_format, column: ssn, strftime_format: '%Y', row_condition: ssn > 3}
    custom:
      - {name: raises, function: "people:raises"}
      - {name: rows, function: "people:rows"}
"""

RULES = """\
def raises(batch):
    raise ValueError("bad: " + batch.fetchall()[0][1])

def rows(batch):
    return batch.filter("id = 1")
"""


def test_no_classified_value_leaves_by_any_engine(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "people.py").write_text(RULES)
    (tmp_path / "people.yaml").write_text(CONTRACT)
    batch = pa.table({"id": [1, 2], "ssn": [f"{SECRET}-a", f"{SECRET}-b"], 'we"ird': [f"{SECRET}-c", None]})
    gate = Gate(load_profile(None), clock=lambda: datetime(2026, 1, 2, 12, tzinfo=UTC))
    outcome = gate.run("people.yaml", batch)

    assert outcome.action is ActionTaken.QUARANTINED
    assert {item.outcome.value for item in outcome.verdict.outcomes[-15:]} == {"failed", "errored"}, "nothing was reached for"
    assert SECRET not in json.dumps(outcome.as_document()).lower()
    evidence = [cell for item in outcome.verdict.outcomes if item.evidence for row in item.evidence.rows for cell in row]
    assert not [cell for cell in evidence if SECRET in str(cell)]
    assert SECRET not in "".join(capfd.readouterr()) + caplog.text
    kept = [path for path in (tmp_path / ".sluicegate").rglob("*") if path.is_file() and path.suffix != ".parquet"]
    assert {path.name for path in kept} >= {"manifest.json", "history.sqlite"}
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]
