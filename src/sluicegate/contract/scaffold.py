"""A first contract, with comments, for ``sluicegate contract init``."""

from __future__ import annotations

import re

from sluicegate.checks.types import BatchSchema, Column, Kind, kind_of

__all__ = ["scaffold"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = {"null", "true", "false", "y", "n", "yes", "no", "on", "off"}

_HEAD = """\
# A data contract for {name}. `sluicegate contract lint` looks for faults, `sluicegate plan` shows what would be run.
data_contract:
  name: {name}
  version: 1.0.0
  owner: team@example.com  # who is asked when a batch is held back
  status: active           # or deprecated, sunset
  description: What one batch of it is, and when it comes.

  # Every column here must be there, with this type. `required: true` refuses NULLs, `unique: true` repeated values;
  # columns with `primary_key: true` are one key together; `optional: true` lets a column be absent;
  # `classification: pii` keeps values out of every report.
  schema:
"""
_SAMPLE = """\
    - {name: id, type: integer, primary_key: true}
    - {name: created_at, type: timestamp}
    - {name: amount, type: decimal}
"""
_TAIL = """
  schema_contract:
    strict_mode: false  # true: other columns than these violate the contract

  # What consumers can count on. Take what is true, and remove the '#'.
  # sla:
  #   freshness: {max_age_hours: 24, column: created_at}
  #   completeness: {min_records_per_day: 1000}

  quality_checks:
    checks:
      - type: row_count
        name: there are rows
        min: 1
      # - {type: range, column: amount, min: 0, tolerance: 0.1%}
      # - {type: accepted_values, column: state, values: [new, paid], severity: warning}
      # - {type: pattern, column: email, pattern: "^[^@ ]+@[^@ ]+$"}
      # - {type: reference, columns: [customer_id], dataset: customers.parquet, reference_columns: [id]}

  violation_handling:
    on_schema_violation: block        # block, quarantine or warn
    on_quality_violation: quarantine
    on_sla_violation: warn
    quarantine:
      retention_days: 30
      # scope: rows  # keep only the rows that break row-level checks, and commit the rest
      # max_quarantined: 5 %  # beyond that, the whole batch
"""


def scaffold(name: str, schema: BatchSchema | None = None) -> str:
    """A contract as YAML text; it loads, and lint finds nothing to say.

    Args:
        name: the contract's name.
        schema: the columns to declare, as a batch has them; without one there are samples.
    """
    columns = [column for column in schema or () if column.name.strip()]
    fields = "".join(f"    - {{name: {_quoted(column.name)}{_type(column)}}}\n" for column in columns) if schema else _SAMPLE
    body = _HEAD.replace("{name}", _quoted(" ".join(name.split()) or "dataset"))
    if not fields:
        body = body.removesuffix("  schema:\n") + "  # schema: []\n"
        return body + _TAIL.replace("  schema_contract:\n    strict", "  # schema_contract:\n    # strict", 1)
    return body + fields + _TAIL


def _type(column: Column) -> str:
    native = column.native.lower()
    if column.kind is Kind.DECIMAL and kind_of(native) is Kind.DECIMAL:
        return f", type: {_quoted(native)}"
    return f", type: {column.kind}" if kind_of(column.kind.value) is column.kind else ""


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    escaped = "".join(_escaped(char) for char in text).replace("${", "$${")  # no variable is meant
    return f'"{escaped}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if char.isprintable() else f"\\U{ord(char):08x}"
