"""No value of a classified column and no configured secret occurs in any byte that leaves: documents, reports, output, logs, alerts, records."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sluicegate import redact
from sluicegate.gate import evidence
from sluicegate.verdict import document
from sluicegate.verdict.masking import masked
from tests.notify.mailboxes import smtp_server_running
from tests.notify.webhooks import Answer, webhook_server_running
from tests.property.privacy_world import FORMS, SECRETS, World, leaks

_FIELDS = [
    {"name": "name", "type": "string", "classification": "PII"},
    {"name": "id", "type": "integer"},
    {"name": "amount", "type": "double"},
    {"name": "kind", "type": "string"},
    {"name": "SSN", "type": "integer", "classification": "restricted", "optional": True},
    {"name": "ssn", "type": "integer", "classification": "restricted"},
    {"name": "born", "type": "date", "classification": "confidential"},
    {"name": "person.first", "type": "string", "classification": "PII", "optional": True},
]
_COLUMNS = ("name", "ssn", "SSN", "born", "person", "id", "amount", "kind")
_SOURCES = (
    "batch",
    "batch AS t",
    "batch t(a)",
    "batch t(a, b, c, d, e, f)",
    'batch t("a", "b")',
    "(SELECT name AS kind, ssn AS id, * EXCLUDE (name, ssn, kind, id) FROM batch) AS batch",
    "(SELECT batch AS a FROM batch) t",
    "(FROM batch) t(a, b, c, d, e)",
    "(UNPIVOT (SELECT CAST(name AS VARCHAR) AS a, CAST(ssn AS VARCHAR) AS b FROM batch) ON a, b) t(kind, a)",
)
_TAKEN = (
    "max({})", "min({})", "any_value({})", "max(CAST({} AS VARCHAR))", "sum({})", "count({})", "max({}) FILTER (WHERE {} IS NOT NULL)",
    "max(struct_extract_at(batch, 5))", "max(CAST(batch AS VARCHAR))", "max(t.a)", "max(CAST(t AS VARCHAR))", "max(COLUMNS('.*s.*n.*'))",
    "max(COLUMNS(*))", "max(#1)", "error(max(CAST({} AS VARCHAR)))", "max(CAST(CAST({} AS VARCHAR) AS INTEGER))", "max(value)", "count(*) * max({})",
    "max(batch.{})", "max(CAST({} AS DATE))", "max(strptime(CAST({} AS VARCHAR), '%Y'))", "list({})", "max(t.to_json())", "max(person.age)",
)  # fmt: skip
_names = st.sampled_from([*_COLUMNS, '"ssn"', "Name", "t.ssn", "batch.name", "a", "b", "person.first"])
_queries = st.builds(
    lambda taken, column, source, rest: f"SELECT {taken.format(*[column] * 2)} FROM {source}{rest}",
    st.sampled_from(_TAKEN),
    _names,
    st.sampled_from(_SOURCES),
    st.sampled_from(["", "", " WHERE id = 1", " LIMIT 1", " WHERE kind = 'a' GROUP BY kind"]),
)
_selects = st.builds(
    lambda taken, source: f"SELECT {taken} FROM {source}",
    st.sampled_from(["*", "id", "id, ssn", "name AS id", "batch AS id", "batch", "CAST(batch AS VARCHAR) kind", "a AS id", "a", "t", "concat(name) AS kind",
                     "id, kind", "error(name) AS id", "CAST(name AS INT) AS id", "person", "person.first AS id"]),
    st.sampled_from(_SOURCES),
)  # fmt: skip
_expressions = st.builds(
    lambda form, column: form.format(column),
    st.sampled_from(["{} IS NULL", "CAST(CAST({} AS VARCHAR) AS INTEGER) > 0", "error(CAST({} AS VARCHAR))", "{} > 'zzz'", "hash(batch) = 1", "id < 0",
                     "CAST({} AS DATE) > DATE '2000-01-01'", "amount > 1 AND {} IS NULL", "length(CAST(batch AS VARCHAR)) = 1"]),
    _names,
)  # fmt: skip
_column = st.sampled_from(_COLUMNS)
_bounds = st.sampled_from([{"min": 10**12}, {"max": 0}, {"min": 0}, {"max": "A"}, {"min": "zzz"}, {"max": "1800-01-01"}])


def _check(kind: str, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind), **parts})


_canonical = st.one_of(
    *[_check(kind, column=_column) for kind in ("not_null",)],
    _check("unique", columns=st.lists(_column, min_size=1, max_size=2, unique=True)),
    _check("accepted_values", column=_column, values=st.sampled_from([["x"], [1], ["1999-01-01"]])),
    _check("rejected_values", column=_column, values=st.just(["a"])),
    st.builds(lambda column, bounds: {"type": "range", "column": column, **bounds}, _column, _bounds),
    _check("pattern", column=_column, pattern=st.sampled_from(["^x", r"^\d+$"])),
    _check("length", column=_column, max=st.just(2)),
    _check("completeness", column=_column, min_percent=st.sampled_from([50, 100])),
    _check(
        "column_comparison", left=_column, operator=st.sampled_from(["<", "=", ">"]), right=st.sampled_from(["other", "amount"])
    ),
    _check("monotonic", column=_column, direction=st.sampled_from(["increasing", "decreasing"]), strict=st.booleans()),
    _check("row_expression", expression=_expressions),
    _check("column_type", column=_column, data_type=st.sampled_from(["integer", "date"])),
    _check("row_count", min=st.just(9)),
    _check("freshness", column=_column, max_age_hours=st.just(1)),
    st.builds(
        lambda column, function, bounds: {"type": "aggregate", "column": column, "function": function, **bounds},
        _column,
        st.sampled_from(["min", "max", "mean", "sum", "median", "stdev", "distinct_count"]),
        _bounds,
    ),
    st.builds(lambda query, bounds: {"type": "metric_query", "query": query, **bounds}, _queries, _bounds),
    _check(
        "drift",
        metric=st.sampled_from(["mean", "max", "sum", "null_percent"]),
        column=_column,
        threshold=st.just(2),
        min_runs=st.just(1),
        method=st.just("percent"),
    ),
)
_soda = st.one_of(
    st.builds(
        lambda metric, column: f"{metric}({column}) = 7",
        st.sampled_from(["min", "max", "avg", "sum", "missing_count", "duplicate_count", "max_length", "stddev"]),
        _column,
    ),
    st.builds(lambda column: {f"invalid_count({column}) = 0": {"valid values": ["x"]}}, _column),
    st.builds(lambda column: {f"invalid_percent({column}) < 1": {"valid regex": "^x"}}, _column),
    st.builds(lambda query: {"largest < 3": {"largest query": query}}, _queries),
    st.builds(lambda text: {"largest < 3": {"largest expression": f"max({text})"}}, _names),
    st.builds(lambda query: {"failed rows": {"fail query": query}}, _selects),
    st.builds(lambda text: {"failed rows": {"fail condition": text}}, _expressions),
    st.builds(lambda column: f"freshness({column}) < 1d", _column),
    st.builds(lambda column: {"group by": {"query": f"SELECT {column}, max(ssn) AS m FROM batch GROUP BY 1", "fields": [column],
                                           "checks": [{"m < 3": {"name": "grouped"}}]}}, _column),
)  # fmt: skip
_gx = st.one_of(
    st.builds(
        lambda kind, column: {"name": kind, "column": column, "value_set": ["x"]},
        st.sampled_from(["expect_column_values_to_be_in_set", "expect_column_distinct_values_to_be_in_set"]),
        _column,
    ),
    st.builds(
        lambda kind, column: {"name": kind, "column": column, "min_value": 1, "max_value": 2},
        st.sampled_from(
            [
                "expect_column_max_to_be_between",
                "expect_column_values_to_be_between",
                "expect_column_median_to_be_between",
                "expect_column_value_lengths_to_be_between",
            ]
        ),
        _column,
    ),
    st.builds(
        lambda column: {"name": "expect_column_values_to_match_strftime_format", "column": column, "strftime_format": "%Y"},
        _column,
    ),
    st.builds(
        lambda column: {"name": "expect_column_most_common_value_to_be_in_set", "column": column, "value_set": ["x"]}, _column
    ),
    st.builds(
        lambda query: {"name": "unexpected_rows_expectation", "unexpected_rows_query": query.replace("batch", "{batch}")},
        _selects,
    ),
    st.builds(
        lambda column, condition: {"name": "expect_column_values_to_be_null", "column": column, "row_condition": condition},
        _column,
        st.sampled_from(["ssn > 3", 'name == "x"', 'col("id") > 0', "batch > 3"]),
    ),
    st.builds(lambda a, b: {"name": "expect_column_pair_values_to_be_equal", "column_A": a, "column_B": b}, _column, _column),
)
_RULES = ("raises", "raises_deep", "counts_wrongly", "says", "says_the_secret", "renames", "rows", "mask", "missing", "leaves")
_rules = st.sampled_from(_RULES).map(lambda name: {"name": name, "function": f"people:{name}"})


def _contract(canonical: list[Any], soda: list[Any], gx: list[Any], rules: list[Any], **more: Any) -> dict[str, Any]:
    named = [{"name": f"check {i}", **check} for i, check in enumerate(canonical)]
    return {
        "name": "people",
        "version": "1.0.0",
        "owner": "hr, ${WIKI_TOKEN}",
        "documentation_url": "https://wiki.example/?token=${WIKI_TOKEN}",
        "schema": _FIELDS,
        "violation_handling": {
            "on_schema_violation": "warn",
            "on_quality_violation": "quarantine",
            "quarantine": {"scope": "rows"},
        },
        "quality_checks": {
            "checks": named,
            "soda": {"engine": "soda_core", "checks": soda},
            "great_expectations": {"expectation_suite": "people", "checks": gx},
            "custom": [{**rule, "name": f"{rule['name']} {i}"} for i, rule in enumerate(rules)],
        },
    } | more


_contracts = st.builds(
    _contract,
    st.lists(_canonical, min_size=4, max_size=16),
    st.lists(_soda, min_size=1, max_size=6),
    st.lists(_gx, min_size=1, max_size=5),
    st.lists(_rules, min_size=1, max_size=4),
)
_WHOLE = _contract(
    [
        {"type": "metric_query", "query": "SELECT max(a) FROM batch t(a)", "min": "zzz"},
        {"type": "metric_query", "query": "SELECT max(struct_extract_at(batch, 5)) FROM batch", "max": 1},
        {"type": "metric_query", "query": "SELECT error(max(name)) FROM batch", "max": 1},
        {"type": "aggregate", "column": "ssn", "function": "max", "max": 1},
        {"type": "drift", "column": "ssn", "metric": "mean", "threshold": 1},
        {"type": "row_expression", "expression": "CAST(name AS INTEGER) > 0"},
        {"type": "row_expression", "expression": "SSN IS NULL OR BORN IS NULL"},
        {"type": "pattern", "column": "name", "pattern": "^x"},
        {"type": "freshness", "column": "born", "max_age_hours": 1},
    ],
    [
        {"failed rows": {"fail query": "SELECT batch AS id FROM batch"}},
        {"failed rows": {"fail query": "FROM batch t(id, kind)"}},
        {"invalid_count(name) = 0": {"valid values": ["x"]}},
        {"largest < 3": {"largest query": "SELECT max(x) FROM batch t(n, i, a, k, x)"}},
        "max(ssn) < 3",
    ],
    [
        {"name": "expect_column_values_to_be_in_set", "column": "name", "value_set": ["a"]},
        {"name": "expect_column_max_to_be_between", "column": "ssn", "max_value": 1},
        {"name": "expect_column_values_to_match_strftime_format", "column": "name", "strftime_format": "%Y"},
    ],
    [{"name": name, "function": f"people:{name}"} for name in _RULES],
)
_LOOKS = (
    ["history", "--json"],
    ["quarantine", "list", "--json"],
    ["notify", "list", "--json"],
    ["contract", "show", "people.yaml", "--json"],
    ["plan", "people.yaml"],
)


@pytest.fixture
def open_world(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """Makes a world for one example; the servers are the test's."""
    with webhook_server_running() as web, smtp_server_running() as smtp:
        web.will_at("/echo/", Answer(500, " ".join(SECRETS.values()).encode()))

        def opened(place: Path) -> World:
            return World(place, web, smtp, capfd, caplog)

        yield opened


def _found(opened: Any, contract: Mapping[str, Any], form: str, *, few: bool = False) -> list[str]:
    with tempfile.TemporaryDirectory() as place:
        left = opened(Path(place)).left(contract, form, _LOOKS, few=few)
    return [leak for what, text in left.items() for leak in leaks(what, text)]


@settings(
    max_examples=max(2, settings().max_examples // 10),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(contract=_contracts, form=st.sampled_from(FORMS), few=st.booleans())
@example(contract=_WHOLE, form="parquet", few=False)
@example(contract={**_WHOLE, "classification": "restricted", "schema": _FIELDS[1:4]}, form="parquet", few=True)
def test_nothing_classified_and_no_secret_leaves(open_world: Any, contract: dict[str, Any], form: str, *, few: bool) -> None:
    assert not _found(open_world, contract, form, few=few)


def test_the_examples_reach_what_is_hidden(open_world: Any, tmp_path: Path) -> None:
    left = open_world(tmp_path).left(_WHOLE, "parquet", _LOOKS)
    assert '"outcome": "errored"' in left["document"]
    assert '"outcome": "failed"' in left["document"]
    assert "***" in left["stdout"]
    assert "people" in left["webhook 0"]
    assert "people" in left["mail 0"]
    assert "outbox" in left["history"] or "alerts" in left["history"]
    assert {"manifest.json", "report.html", "report.xml", "report.json", "report.md", "report.txt"} <= left.keys()
    assert "***" in left["report.html"]


_MASKED = "sluicegate.gate.gate.masked"


@pytest.mark.parametrize("bug", ["documents", "evidence", "secrets", "words"])
def test_a_planted_leak_is_found(open_world: Any, monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    match bug:
        case "documents":
            monkeypatch.setattr(_MASKED, lambda outcome, _: outcome)
            monkeypatch.setattr(document, "masked", lambda outcome, _: outcome)
        case "evidence":
            monkeypatch.setattr(evidence, "is_hidden", lambda *_: False)
            monkeypatch.setattr(evidence, "masked_evidence", lambda outcome, _: outcome)
            monkeypatch.setattr(_MASKED, lambda outcome, _: outcome)
        case "secrets":
            monkeypatch.setattr(redact, "_guises", lambda _: set())
            monkeypatch.setattr(redact, "_remember", lambda _: None)
        case "words":
            monkeypatch.setattr(_MASKED, lambda outcome, known: masked(dataclasses.replace(outcome, instead=""), known))
    assert _found(open_world, _WHOLE, "parquet")
