"""Nothing phones home, nothing is written, nothing of the host's is touched: seen from outside, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import json, logging, os, socket, sys, warnings

tried = []
def refuse(*arguments, **_):
    tried.append(repr(arguments))
    raise OSError("no network here")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse

from tests.unit.engines.soda_cases import batch, run
from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck
from sluicegate_adapters.engines.soda.engine import SodaEngine
from tests.unit.engines.soda_cases import CONTEXT

before = "soda" in sys.modules, "duckdb" in sys.modules
root, stdout, stderr, environment = logging.getLogger().handlers[:], sys.stdout, sys.stderr, dict(os.environ)
engine = SodaEngine()
checks = [ContractCheck(id="c", name="c", promise=m.NotNull(column="s")),
          ContractCheck(id="x", name="x", promise=m.Aggregate(column="x", function=m.AggregateFunction.MEAN, bounds=m.Bounds()))]
engine.translate(checks[0], None)
lazy = "soda" not in sys.modules
canonical = [result.failing for result in engine.run(checks, batch(), CONTEXT)]
errors = [result.error for result in run("row_count > 0", "freshness(seen) < 1d", {"invalid_count(s) = 0": {"valid regex": "("}})]

from opentelemetry import trace
print(json.dumps({
    "tried": tried, "before": before, "lazy": lazy, "canonical": canonical, "errors": errors,
    "provider": type(trace.get_tracer_provider()).__name__,
    "pandas": "pandas" in sys.modules,
    "host": [logging.getLogger().handlers == root, sys.stdout is stdout, sys.stderr is stderr, dict(os.environ) == environment],
    "threads": len(__import__("threading").enumerate()),
}))
"""


def test_soda_opens_no_socket_writes_no_file_and_leaves_the_host_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SLUICEGATE_LEAK=1\nHOME=/nowhere\n")
    root = Path(__file__).parents[3]
    paths = os.pathsep.join(str(root / part) for part in ("", "src", "adapters"))
    environment = {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": paths,
        "PYTHONDONTWRITEBYTECODE": "1",
        "NOW": "never",
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    seen = json.loads(done.stdout)
    assert seen["tried"] == []
    assert seen["before"] == [False, False]
    assert seen["lazy"], "translating a canonical check imports no Soda"
    assert seen["canonical"] == [1, None]
    assert seen["errors"][:2] == ["", ""]
    assert seen["errors"][2]
    assert seen["provider"] == "ProxyTracerProvider"
    assert seen["pandas"] is False
    assert seen["host"] == [True, True, True, True]
    assert seen["threads"] == 1
    assert [path.name for path in tmp_path.iterdir()] == [".env"]
