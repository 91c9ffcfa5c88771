"""SodaCL entries on one small batch: each check type, metric and setting of SodaCL, once as it passes and once as it doesn't."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sluicegate.checks.contract_check import ContractCheck, Json, NativeCheck
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import NativeOutcome, Result, RunContext
from sluicegate.testing.batches import MemoryBatch
from sluicegate_adapters.engines.soda.engine import SodaEngine

__all__ = ["CASES", "CONTEXT", "Case", "batch", "entry", "run"]

CONTEXT = RunContext(now=datetime(2026, 1, 1, 12, tzinfo=UTC), evidence_rows=2)


def batch() -> MemoryBatch:
    return MemoryBatch(
        """SELECT * FROM (VALUES
            (1, 'a', 1.5::DOUBLE, TIMESTAMP '2026-01-01 11:00:00', 0.10::DECIMAL(10,2), TIMESTAMPTZ '2026-01-01 11:30:00+00', '1,5'),
            (2, 'b', 2.5, TIMESTAMP '2026-01-01 10:00:00', 0.20, NULL, '2,5'),
            (2, NULL, 0.5, NULL, NULL, NULL, NULL),
            (4, 'it''s', 1.5, NULL, 0.30, NULL, 'x')
        ) AS t(id, s, x, seen, price, zoned, amount)""",
        {"data/planes.csv": "SELECT * FROM (VALUES ('a'), ('b'), ('b'), ('it''s')) AS t(tail)"},
    )


def entry(body: Json, check_id: str = "c") -> ContractCheck:
    return ContractCheck(id=check_id, name=check_id, promise=NativeCheck(engine="soda", kind="sodacl", body={"sodacl": body}))


def run(*bodies: Json, on: BatchView | None = None, context: RunContext = CONTEXT) -> list[Result]:
    """The results in the order of the entries, from one run."""
    checks = [entry(body, f"c{i}") for i, body in enumerate(bodies)]
    found = {result.check_id: result for result in SodaEngine().run(checks, on or batch(), context)}
    assert len(found) == len(checks)
    return [found[check.id] for check in checks]


@dataclass(frozen=True)
class Case:
    """An entry that passes and one that doesn't.

    Attributes:
        covers: what of SodaCL it shows: a class of configuration, ``metric:…``, ``key:…`` or ``section:…``.
        bad: what the second one's outcome is.
    """

    covers: tuple[str, ...]
    good: Json
    worse: Json
    bad: NativeOutcome = NativeOutcome.FAILED


def _metric(name: str, arguments: str, good: str, worse: str) -> Case:
    return Case((f"metric:{name}", "MetricCheckCfg"), f"{name}{arguments} {good}", f"{name}{arguments} {worse}")


def _valid(key: str, good: Json, worse: Json, column: str = "s") -> Case:
    line = f"invalid_count({column}) = 0"
    return Case((f"key:{key}", "metric:invalid_count"), {line: {key: good}}, {line: {key: worse}})


_GROUPED = "SELECT id, count(*) AS n FROM batch GROUP BY id"


def _group(line: str, **below: Json) -> Json:
    return {"group by": {"query": _GROUPED, "fields": ["id"], "checks": [{line: {"name": "n", **below}}]}}


def _schema(rule: str, good: Json, worse: Json) -> Case:
    return Case((f"key:{rule}", "SchemaCheckCfg"), {"schema": {"fail": {rule: good}}}, {"schema": {"fail": {rule: worse}}})


_COLUMNS: dict[str, Json] = {
    "id": "integer",
    "s": "varchar",
    "x": None,
    "seen": "timestamp",
    "price": "decimal(10,2)",
    "zoned": None,
    "amount": "varchar",
}

CASES: tuple[Case, ...] = (
    _metric("row_count", "", "= 4", "between 5 and 10"),
    _metric("missing_count", "(s)", "<= 1", "= 0"),
    _metric("missing_percent", "(s)", "<= 25", "< 25"),
    Case(("metric:invalid_count",), {"invalid_count(s) = 1": {"valid values": ["a", "b"]}}, {"invalid_count(s) < 1": {"valid values": ["a", "b"]}}),
    Case(("metric:invalid_percent",), {"invalid_percent(s) = 25": {"valid values": ["a", "b"]}}, {"invalid_percent(s) < 25 %": {"valid values": ["a", "b"]}}),
    Case(("metric:valid_count",), {"valid_count(s) = 2": {"valid values": ["a", "b"]}}, {"valid_count(s) > 2": {"valid values": ["a", "b"]}}),
    _metric("duplicate_count", "(id)", "= 1", "= 0"),
    _metric("duplicate_count", "(id, s)", "= 0", "> 0"),
    _metric("duplicate_percent", "(id)", "<= 25", "= 0"),
    _metric("min", "(id)", "= 1", "> 1"), _metric("max", "(price)", "= 0.3", "!= 0.3"), _metric("avg", "(x)", "= 1.5", "< 1.5"), _metric("sum", "(price)", "= 0.6", "> 0.6"),
    _metric("min_length", "(s)", "= 1", "> 1"), _metric("max_length", "(s)", "= 4", "< 4"), _metric("avg_length", "(s)", "= 2", "not between 1 and 3"),
    _metric("stddev", "(id)", "between 1.2 and 1.3", "< 1.2"), _metric("stddev_pop", "(id)", "between 1 and 1.1", "> 1.1"), _metric("stddev_samp", "(id)", "> 1.2", "< 1.2"),
    _metric("variance", "(id)", "between 1.5 and 1.6", "> 1.6"), _metric("var_pop", "(id)", "between 1.1 and 1.2", "< 1"), _metric("var_samp", "(id)", "> 1.5", "< 1.5"),
    _metric("percentile", "(id, 0.5)", "= 2", "> 2"), _metric("percentile_disc", "(id, 0.9)", "= 4", "< 4"),
    _valid("valid values", ["a", "b", "it's"], ["a", "it's"]), _valid("invalid values", ["c"], ["it's"]),
    _valid("valid regex", "^[a-z']+$", "^.$"), _valid("invalid regex", "[0-9]", "'s$"), _valid("valid min", 1, 2, "id"), _valid("valid max", 4, 3.5, "id"),
    _valid("valid min length", 1, 2), _valid("valid max length", 4, 3),
    Case(("key:valid length",), {"invalid_count(s) = 1": {"valid length": 1}}, {"invalid_count(s) = 0": {"valid length": 1}}),
    Case(("key:valid format",), {"invalid_count(amount) = 1": {"valid format": "decimal comma"}}, {"invalid_count(amount) = 0": {"valid format": "email"}}),
    Case(("key:invalid format",), {"invalid_count(amount) = 0": {"invalid format": "email"}}, {"invalid_count(amount) = 0": {"invalid format": "decimal comma"}}),
    Case(("key:missing values",), {"missing_count(s) = 2": {"missing values": ["it's"]}}, {"missing_count(s) = 1": {"missing values": ["a", "it's"]}}),
    Case(("key:missing format",), {"missing_count(amount) = 3": {"missing format": "decimal comma"}}, {"missing_count(amount) = 1": {"missing format": "decimal comma"}}),
    Case(("key:missing regex",), {"missing_count(s) = 2": {"missing regex": "'"}}, {"missing_count(s) = 1": {"missing regex": "'"}}),
    Case(("key:include null",), {"invalid_count(s) = 1": {"valid values": ["a", "b", "it's"], "include null": True}}, {"invalid_count(s) = 0": {"valid values": ["a", "b", "it's"], "include null": True}}),
    Case(("key:filter",), {"missing_count(s) = 0": {"filter": "id <> 2 -- the pair"}}, {"missing_count(s) = 0": {"filter": "id = 2"}}),
    Case(("key:name", "key:attributes", "key:identity", "key:samples limit", "key:samples columns"),
         {"row_count > 0": {"name": "some ${odd} name", "attributes": {"team": "a"}, "identity": "i", "samples limit": 7}}, {"row_count > 4": {"name": "x", "attributes": {"team": ["a"]}}}),
    Case(("key:warn",), {"missing_count(s)": {"warn": "when > 1", "fail": "when > 2"}}, {"missing_count(s)": {"warn": "when > 0", "fail": "when > 1"}}, NativeOutcome.WARNED),
    Case(("key:fail",), {"missing_count(s)": {"fail": "when > 1"}}, {"missing_count(s)": {"warn": "when > 0", "fail": "when between 1 and 2"}}),
    Case(("key:expression",), {"spread < 4": {"spread expression": "max(id) - min(id)"}}, {"spread < 3": {"spread expression": "max(id) - min(id)"}}),
    Case(("key:query", "key:failed rows query"), {"n = 2": {"n query": "SELECT count(*) FROM batch WHERE id = 2", "failed rows query": "SELECT * FROM batch WHERE id = 2"}},
         {"n < 2": {"n query": "SELECT count(*) FROM batch WHERE id = 2", "failed rows query": "SELECT * FROM batch WHERE id = 2"}}),
    Case(("FreshnessCheckCfg",), "freshness(seen) < 2h", "freshness(seen) < 30m"), Case(("FreshnessCheckCfg",), "freshness(zoned) < 1h", "freshness(zoned) < 20m"),
    Case(("FreshnessCheckCfg",), {"freshness(seen)": {"warn": "when > 2h", "fail": "when > 1d"}}, {"freshness(seen)": {"warn": "when > 30m", "fail": "when > 1d"}}, NativeOutcome.WARNED),
    Case(("FreshnessCheckCfg",), "freshness using seen < 1d", "freshness using seen < 1m"),
    Case(("ReferenceCheckCfg",), "values in (s) must exist in planes (tail)", {"values in (amount) must exist in planes (tail)": {"samples limit": 3}}),
    Case(("ReferenceCheckCfg",), "values in (amount) must not exist in planes (tail)", "values in (s) must not exist in planes (tail)"),
    Case(("RowCountComparisonCheckCfg", "section:filter", "key:where", "section:checks for"), "row_count same as planes",
         {"filter batch [twos]": {"where": "id = 2"}, "checks for batch [twos]": [{"attributes": {"team": "x"}}, "row_count same as planes"]}),
    _schema("when required column missing", ["id", "s"], ["id", "nope"]), _schema("when forbidden column present", ["i", "pri", "%y%"], ["s%"]),
    _schema("when wrong column type", {"id": "integer", "s": "varchar"}, {"id": "varchar"}), _schema("when wrong column index", {"id": 0, "s": 1}, {"s": 0}),
    _schema("when mismatching columns", _COLUMNS, {"id": "integer"}),
    Case(("key:with optional columns",), {"schema": {"fail": {"when mismatching columns": {**_COLUMNS, "more": None}, "with optional columns": ["more"]}}},
         {"schema": {"warn": {"when mismatching columns": {**_COLUMNS, "more": None, "most": None}, "with optional columns": ["more"]}}}, NativeOutcome.WARNED),
    Case(("UserDefinedFailedRowsExpressionCheckCfg", "key:fail condition"), {"failed rows": {"fail condition": "id > 4"}}, {"failed rows": {"fail condition": "id > 1"}}),
    Case(("UserDefinedFailedRowsExpressionCheckCfg",), {"failed rows": {"fail condition": "id > 1", "warn": "when > 3"}}, {"failed rows": {"fail condition": "id > 1", "warn": "when > 2"}}, NativeOutcome.WARNED),
    Case(("UserDefinedFailedRowsCheckCfg", "key:fail query"), {"failed rows": {"fail query": "SELECT * FROM batch WHERE id > 4"}}, {"failed rows": {"fail query": "WITH b AS (SELECT * FROM batch) SELECT * FROM b WHERE id > 1"}}),
    Case(("UserDefinedFailedRowsCheckCfg", "section:checks"), {"checks": [{"failed rows": {"fail query": "SELECT 1 WHERE FALSE"}}]}, {"checks": [{"failed rows": {"fail query": "SELECT 1"}}]}),
    Case(("GroupByCheckCfg", "key:group_limit", "key:fields", "key:checks"), _group("n >= 1"), _group("n < 2")),
    Case(("GroupByCheckCfg",), _group("n", warn="when > 2", fail="when > 3"), _group("n", warn="when > 1", fail="when > 3"), NativeOutcome.WARNED),
    Case(("GroupEvolutionCheckCfg", "key:when required group missing"), {"group evolution": {"query": "SELECT DISTINCT s FROM batch", "fail": {"when required group missing": ["a", "b"]}}},
         {"group evolution": {"query": "SELECT DISTINCT s FROM batch", "fail": {"when required group missing": ["a", "z"]}}}),
    Case(("GroupEvolutionCheckCfg", "key:when forbidden group present"), {"group evolution": {"query": "SELECT DISTINCT s FROM batch", "fail": {"when forbidden group present": ["it"]}}},
         {"group evolution": {"query": "SELECT DISTINCT s FROM batch", "warn": {"when forbidden group present": ["it%"]}}}, NativeOutcome.WARNED),
    Case(("section:configurations for",), {"configurations for batch": {"valid min for id": 1}, "checks for batch": ["invalid_count(id) = 0"]},
         {"configurations for batch": {"valid min for id": 2}, "checks for batch": ["row_count > 0", "invalid_count(id) = 0"]}),
    Case(("section:for each dataset",), {"for each dataset D": {"datasets": ["batch"], "checks": ["row_count > 0", {"few < 5": {"few query": "SELECT count(*) FROM ${D}"}}]}},
         {"for each dataset D": {"datasets": ["batch"], "checks": ["row_count > 0", {"few < 4": {"few query": "SELECT count(*) FROM ${D}"}}]}}),
    Case(("section:for each table",), {"for each table D": {"tables": ["batch"], "checks": ["row_count > 0"]}}, {"for each table D": {"tables": ["batch"], "checks": ["row_count > 4"]}}),
    Case(("section:variables",), {"variables": {"LOW": "1"}, "checks for batch": [{"invalid_count(id) = 0": {"filter": "id < ${LOW}", "valid max": 3}}]},
         {"variables": {"LOW": "5"}, "checks for batch": [{"invalid_count(id) = 0": {"filter": "id < ${LOW}", "valid max": 3}}]}),
)  # fmt: skip
