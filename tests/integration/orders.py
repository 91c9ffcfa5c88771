"""Two contracts about one column ``n``: one that refuses a zero in it, one that lets it pass."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_contracts"]

_CONTRACT = """\
data_contract:
  name: orders
  version: {version}
  owner: tests
  quality_checks:
    checks:
      - {{type: range, column: n, min: {least}}}
  violation_handling: {{on_quality_violation: quarantine}}
"""


def write_contracts(folder: Path) -> None:
    """``strict.yaml``, which wants ``n`` to be at least 1, and its next version ``loose.yaml``, at least 0."""
    (folder / "strict.yaml").write_text(_CONTRACT.format(version="1.0.0", least=1))
    (folder / "loose.yaml").write_text(_CONTRACT.format(version="1.1.0", least=0))
