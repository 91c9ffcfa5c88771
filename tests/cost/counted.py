"""One reference in a process of its own: ``python -m tests.cost.counted VERB FOLDER`` prints what it cost, as JSON.

Whatever is counted is wrapped before the gate is imported. What DuckDB reads of the batch is what EXPLAIN says of each statement:
which columns it takes from the file, and how many bytes these have in the footer.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

__all__ = ["HEAVY"]

HEAVY = (
    "boto3", "duckdb", "great_expectations", "numpy", "pandas", "polars", "pyarrow", "pyiceberg", "rich", "scipy", "soda", "sqlalchemy",
)  # fmt: skip
"""Libraries whose import is felt: which of them a run has imported is held by name."""

_BATCH = "batch.parquet"
_FETCHING = ("fetchone", "fetchmany", "fetchall")
_WHOLE = ("df", "fetchdf", "fetch_df", "fetchnumpy", "to_arrow_table", "fetch_arrow_table", "arrow", "pl")


class Counts:
    """What was counted until now. Threads count into the same."""

    def __init__(self) -> None:
        self.counter: Counter[str] = Counter()
        self.columns: Counter[str] = Counter()
        self.statements: list[str] = []
        self._lock = threading.Lock()

    def add(self, what: str, count: int = 1) -> None:
        """So many more."""
        with self._lock:
            self.counter[what] += count

    def states(self, query: object) -> None:
        """A statement."""
        with self._lock:
            self.statements.append(" ".join(str(query).split())[:300])

    def reads(self, scans: list[set[str]]) -> None:
        """A statement that scans the batch so often, each time for these columns."""
        with self._lock:
            self.counter["statements that read the batch"] += bool(scans)
            self.counter["scans of the batch"] += len(scans)
            for columns in scans:
                self.columns.update(columns)

    def clear(self) -> None:
        """From here on."""
        with self._lock:
            self.counter.clear()
            self.columns.clear()
            self.statements.clear()


def watch_duckdb(counts: Counts) -> None:
    """Count instances, statements, what they read, and the rows that come to Python."""
    import duckdb

    plain = duckdb.DuckDBPyConnection.execute, duckdb.DuckDBPyConnection.fetchall
    duckdb.connect = _counting(duckdb.connect, lambda _: counts.add("databases"))
    for kind in (duckdb.DuckDBPyConnection, duckdb.DuckDBPyRelation):
        for name in {*_FETCHING, *_WHOLE} & {*dir(kind)}:
            setattr(kind, name, _counting(getattr(kind, name), lambda found: counts.add("rows in Python", _rows(found))))

    def stating(call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def stated(connection: Any, query: Any, *arguments: Any, **named: Any) -> Any:
            counts.states(query)
            counts.reads(_explained(plain, connection, query))
            return call(connection, query, *arguments, **named)

        return stated

    for name in ("execute", "sql", "query", "from_query"):
        setattr(duckdb.DuckDBPyConnection, name, stating(getattr(duckdb.DuckDBPyConnection, name)))


def _counting(call: Callable[..., Any], tell: Callable[[Any], None]) -> Callable[..., Any]:
    @wraps(call)
    def counted(*arguments: Any, **named: Any) -> Any:
        found = call(*arguments, **named)
        tell(found)
        return found

    return counted


def _rows(found: Any) -> int:
    return 0 if found is None else 1 if isinstance(found, tuple) else len(found)


def _explained(plain: tuple[Any, Any], connection: Any, query: Any) -> list[set[str]]:
    """The columns that each of a statement's scans of the batch takes from it; other words may be among them."""
    if not isinstance(query, str) or not re.match(
        r"[\s(]*(SELECT|WITH|FROM|COPY|CREATE (TEMP )?TABLE|INSERT)\b", query, re.IGNORECASE
    ):
        return []
    execute, fetchall = plain
    try:
        told = fetchall(execute(connection, f"EXPLAIN (FORMAT json) {query}"))
    except Exception:  # noqa: BLE001 - the statement itself will say what is wrong with it
        return []
    return [columns for _, text in told for node in json.loads(text) for columns in _scans(node)]


def _scans(node: Any) -> Iterator[set[str]]:
    extra = node["extra_info"]
    if node["name"].strip() in {"READ_PARQUET", "PARQUET_SCAN"}:
        projected = extra.get("Projections", [])
        projected = {projected} if isinstance(projected, str) else set(projected)
        filters = extra.get("Filters", "")
        yield projected | set(re.findall(r"\w+", " ".join(filters) if isinstance(filters, list) else filters))
    for child in node["children"]:
        yield from _scans(child)


def watch_system(counts: Counts, folder: Path) -> None:
    """Count files that Python opens in the folder, and what waits for the disk."""

    def opened(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            path = os.fsdecode(arguments[0])
            if os.path.abspath(path).startswith(f"{folder}{os.sep}"):  # noqa: PTH100 - it may be gone
                counts.add("files opened")

    sys.addaudithook(opened)
    for name in ("fsync", "fdatasync"):
        setattr(os, name, _counting(getattr(os, name), lambda _: counts.add("fsyncs")))


def watch_s3(counts: Counts) -> None:
    """Count requests to the bucket, retries among them."""
    from botocore.httpsession import URLLib3Session

    URLLib3Session.send = _counting(URLLib3Session.send, lambda _: counts.add("requests"))


def imported() -> tuple[int, list[str]]:
    """How many modules that are not Python's own, and which of the heavy libraries, whatever name they go by."""
    modules = {name for name in sys.modules if name.partition(".")[0] not in sys.stdlib_module_names}
    files = [str(getattr(module, "__file__", "")) for module in sys.modules.copy().values()]
    places = {found[1] for file in files if (found := re.search(r"site-packages/(\w+)", file))}
    return sum(not name.startswith("tests") for name in modules), [name for name in HEAVY if name in places]


def run(verb: str, counts: Counts) -> None:
    """What is counted, in the working directory."""
    if verb == "gate":
        from sluicegate import Gate

        gate = Gate.from_config()
        gate.run("contract.yaml", _BATCH, batch_id="first")
        counts.clear()
        gate.run("contract.yaml", _BATCH, batch_id="second")
        return
    from sluicegate.cli.main import main

    main([verb, "contract.yaml", _BATCH, "--quiet"])


def main(verb: str, folder: Path) -> dict[str, Any]:
    """Count it."""
    before, _ = imported()
    counts = Counts()
    os.chdir(folder)
    watch_system(counts, folder)
    if (folder / "gate.yaml").exists():
        os.environ["SLUICEGATE_CONFIG"] = "gate.yaml"
        watch_s3(counts)
    watch_duckdb(counts)
    run(verb, counts)
    modules, heavy = imported()
    counted = {**counts.counter, "statements": len(counts.statements), "told": counts.statements.copy()}
    sizes = _sizes()  # counts itself, too: after the copy
    return {
        **counted,
        "columns read": sum(counts.columns[name] for name in sizes),
        "bytes read": sum(size * counts.columns[name] for name, size in sizes.items()),
        "modules": modules - before,
        "libraries": heavy,
    }


def _sizes() -> dict[str, int]:
    import duckdb

    query = f"SELECT path_in_schema, sum(total_compressed_size)::BIGINT FROM parquet_metadata('{_BATCH}') GROUP BY 1"
    return dict(duckdb.connect().execute(query).fetchall())


if __name__ == "__main__":
    json.dump(main(sys.argv[1], Path(sys.argv[2]).resolve()), sys.stdout)
