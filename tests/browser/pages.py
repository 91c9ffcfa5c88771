"""Reports that runs have written: the real gate's, of small batches, each after a past of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from sluicegate.cli.main import main

__all__ = ["PAGES", "write_pages"]

PAGES = ("passed", "failed", "many", "faulty", "unreadable", "hostile")

_PLAIN = """\
data_contract:
  name: readings
  version: "1.2"
  owner: lab@example.com
  documentation_url: https://example.com/readings
  schema:
    fields:
      - {name: id, type: integer, required: true}
      - {name: celsius, type: float}
      - {name: patient, type: string, classification: restricted}
  quality_checks:
    checks:
      - {type: range, column: celsius, min: -40, max: 60, name: a temperature that a sensor can have}
      - {type: not_null, column: patient, name: somebody was measured}
      - {type: aggregate, column: celsius, function: mean, max: 30, severity: warning, name: mild on average}
      - {type: row_count, min: 2}
"""
_HOSTILE = """\
data_contract:
  name: hostile
  version: "<script>run()</script>"
  owner: "<img src=x onerror=run()>"
  documentation_url: "javascript:run()"
  quality_checks:
    checks:
      - {type: accepted_values, column: "<b onmouseover=run()>", values: [good], name: "</style></title><script>run()</script>"}
      - {type: not_null, column: "a'b\\"c", name: "' onclick=run() x=\\" onclick=run()"}
"""
_BAD = "</td><script>run()</script><img src=https://example.org/x.png>"
_WIDE = "w" * 300
_FAULTY = "data_contract:\n  name: faulty\n  version: 1\n  quality_check: {}\n"


def _many() -> str:
    """500 checks, every second of which fails."""
    checks = "\n".join(
        f"      - {{type: range, column: m{i % 8}, max: {50 if i % 2 else 2000}, name: 'reading {i:03} stays within what its sensor can give'}}"
        for i in range(500)
    )
    return f'data_contract:\n  name: many\n  version: "1"\n  owner: lab@example.com\n  quality_checks:\n    checks:\n{checks}\n'


def write_pages(folder: Path) -> Mapping[str, Path]:
    """Run the gate in ``folder`` until each of ``PAGES`` is there."""
    (folder / "readings.yaml").write_text(_PLAIN)
    (folder / "hostile.yaml").write_text(_HOSTILE)
    (folder / "faulty.yaml").write_text(_FAULTY)
    (folder / "many.yaml").write_text(_many())
    with (
        contextlib.chdir(folder),
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        for day in range(1, 6):
            rows = [f"{i},{1000 if i < day else 20 + day},{'secret-name' if i > 1 or day < 5 else ''}" for i in range(12)]
            (folder / f"{day}.csv").write_text("\n".join(["id,celsius,patient", *rows]) + "\n")
            wide = [",".join(str(100 + (i * day) % 97) for _ in range(8)) for i in range(30)]
            (folder / f"many-{day}.csv").write_text("\n".join([",".join(f"m{i}" for i in range(8)), *wide]) + "\n")
            for name, batch in (("readings", f"{day}.csv"), ("many", f"many-{day}.csv")):
                _run(name, batch, "failed" if name == "readings" else name, day)
        (folder / "good.csv").write_text("id,celsius,patient\n1,20.5,a\n2,21,b\n3,19,c\n")
        _run("readings", "good.csv", "passed", 9)
        (folder / "hostile.csv").write_text(f'<b onmouseover=run()>,"a\'b""c"\n"{_BAD}",\n{_WIDE},1\n')
        _run("hostile", "hostile.csv", "hostile", 1)
        _run("faulty", "good.csv", "faulty", 1)
        (folder / "torn.csv").write_text('id,celsius,patient\n1,20.5,a\n2,21,b,c,d\n3,"19\n')
        _run("readings", "torn.csv", "unreadable", 9)
    return {name: folder / f"{name}.html" for name in PAGES}


def _run(contract: str, batch: str, report: str, day: int) -> None:
    main(["run", f"{contract}.yaml", batch, "--report", f"html={report}.html", "--now", f"2026-03-0{day}T06:00:00Z", "--quiet"])
