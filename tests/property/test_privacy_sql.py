"""Whatever a query calls a classified column, what it finds of it is hidden: figures and rows of random SQL, as DuckDB really answers it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, NativeCheck
from sluicegate.ports.engine import Evidence
from sluicegate.verdict.masking import MASK, masked
from sluicegate.verdict.model import CheckOutcome, Outcome
from tests.property.privacy_world import rows

CLASSIFIED = frozenset({"name", "SSN", "born", "person.first"})
_MARK = re.compile(r"Qzv|7[123]\d{7}|187[123]-", re.IGNORECASE)

_ATOMS = """name ssn SSN Ssn born person id amount kind a b c x value t batch t.a t.ssn batch.name batch.ssn t.id person.first person.age t.person "ssn" "a" t."a"
    COLUMNS(*) COLUMNS('s.*n') #1 #5 1 2.5 *"""
_WRAPS = """{} {} {} {}+0 -{} ({}) CAST({}AS:VARCHAR) CAST({}AS:BIGINT) struct_extract_at({},5) hash({}) to_json({}) coalesce({},1) {}.age {}['ssn']
    {}.to_json() {}.hash() list_value({}) upper({}) CASE:WHEN:{}IS:NULL:THEN:1:ELSE:2:END {}*2"""
_atoms = st.sampled_from(_ATOMS.split())
_wrapped = st.builds(lambda wrap, atom: wrap.format(f"{atom} ").replace(":", " "), st.sampled_from(_WRAPS.split()), _atoms)
_deep = st.one_of(_atoms, _wrapped, st.builds(lambda outer, inner: outer.replace("id", f"({inner})"), _wrapped, _wrapped))
_sources = st.recursive(
    st.sampled_from(["batch", "batch", "batch AS t", "batch t", "main.batch", '"batch"', '"batch" AS "t"']),
    lambda inner: st.one_of(
        st.builds("{} t(a)".format, inner.filter(lambda text: " " not in text)),
        st.builds("{} AS t(a, b, c, d, x)".format, inner.filter(lambda text: " " not in text)),
        st.builds('{} t("id", "a", "b", "c", "amount")'.format, inner.filter(lambda text: " " not in text)),
        st.builds("(SELECT {} AS {} FROM {}) t".format, _deep, st.sampled_from(["a", "id", "kind", "x"]), inner),
        st.builds("(SELECT * FROM {}) t".format, inner),
        st.builds("(SELECT * REPLACE ({} AS id) FROM {}) AS batch".format, _deep, inner),
        st.builds("(SELECT * RENAME (ssn AS x, name AS a) FROM {}) AS batch".format, inner),
        st.builds("(FROM {}) t(x, b, c, d, a)".format, inner),
        st.builds("{} , {} u(a, b, c, d, x)".format, inner, st.just("batch")),
        st.builds("{} NATURAL JOIN (SELECT id, ssn AS x FROM batch) y".format, inner.filter(lambda text: " " not in text)),
        st.builds("(VALUES (1)) v(q), LATERAL (SELECT {} AS a FROM {}) t".format, _deep, inner),
    ),
    max_leaves=3,
)
_rests = st.sampled_from(
    ["", "", "", " WHERE id = 1", " WHERE kind = 'a' GROUP BY kind", " LIMIT 1", " ORDER BY 1 LIMIT 1", " GROUP BY ALL LIMIT 1",
     " UNION ALL SELECT max(ssn) FROM batch ORDER BY 1 DESC LIMIT 1", " WHERE id IN (SELECT id FROM batch)", " HAVING count(*) > 0",
     " WHERE 1=1 -- 'comment\n", " QUALIFY row_number() OVER () = 1"]
)  # fmt: skip
_metrics = st.builds(
    lambda shape, inner, source, rest: shape.format(inner, source) + rest,
    st.sampled_from(
        ["SELECT max({}) FROM {}", "SELECT min({}) FROM {}", "SELECT {} FROM {}", "SELECT count({}) FROM {}", "SELECT count(*) FROM {1}",
         "SELECT count(*) + max({}) FROM {}", "FROM {1} SELECT max({0})", "WITH w AS (SELECT {} AS a FROM {}) SELECT max(a) FROM w",
         "SELECT any_value({}) FILTER (WHERE id > 0) FROM {}", "SELECT first({} ORDER BY id) FROM {}", "SELECT arg_max({}, id) FROM {}",
         "SELECT (SELECT max({}) FROM {})", "SELECT DISTINCT max({}) FROM {}", "SELECT count(*) n FROM {1}", "SELECT max({}) AS n, FROM {}"]
    ),
    _deep,
    _sources,
    _rests,
)  # fmt: skip
_selects = st.builds(
    lambda shape, one, two, source, rest: shape.format(one, two, source) + rest,
    st.sampled_from(
        ["SELECT {0} FROM {2}", "SELECT {0} AS id FROM {2}", "SELECT id, {0} kind FROM {2}", "SELECT {0}, {1} FROM {2}", "SELECT * FROM {2}", "FROM {2}",
         "SELECT t.* FROM {2}", "SELECT id, kind FROM {2}", "SELECT DISTINCT {0} FROM {2}", "SELECT * EXCLUDE (name) FROM {2}", "SELECT x FROM {2}",
         "SELECT id, {0} AS amount, kind FROM {2}"]
    ),
    _deep, _deep, _sources, _rests,
)  # fmt: skip


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(duckdb.connect(config={"threads": "1"})) as opened:
        opened.register("given", rows())
        opened.execute("CREATE TABLE batch AS SELECT id, name, amount, kind, ssn, born, person FROM given")
        opened.unregister("given")
        yield opened


def _answered(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    try:
        found = connection.execute(query)
        return tuple(column[0] for column in found.description or ()), found.fetchmany(5)
    except duckdb.Error:  # most of them make no sense
        return (), []


def _often() -> settings:
    return settings(
        max_examples=6 * settings().max_examples,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


def _outcome(promise: m.CanonicalCheck | NativeCheck, **found: Any) -> CheckOutcome:
    check = ContractCheck(id="a", name="a", promise=promise)
    return CheckOutcome(check=check, outcome=Outcome.FAILED, engine="duckdb", **found)


seen: Counter[str] = Counter()


@_often()
@given(query=_metrics)
@example(query="SELECT max(x) FROM batch AS t(a, b, c, d, x)")
@example(query="SELECT max(hash(batch)) FROM batch")
def test_a_figure_of_any_query_tells_no_classified_value(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    columns, found = _answered(connection, query)
    if len(columns) != 1 or len(found) != 1:
        return
    value = found[0][0]
    shown = masked(_outcome(m.MetricQuery(query=query, bounds=m.Bounds(min=1)), value=value, message=str(value)), CLASSIFIED)
    told = f"{shown.value} {shown.message}"
    seen["shown" if shown.value != MASK else "hidden"] += 1
    assert not _MARK.search(told), told
    hashes = connection.execute("SELECT hash(ssn), hash(name), hash(batch) FROM batch").fetchall()
    assert not any(str(item) in told for row in hashes for item in row), "a hash of a value can be looked up"


@_often()
@given(query=_selects)
@example(query="SELECT batch AS id FROM batch")
@example(query="FROM batch t(x, id)")
def test_rows_of_any_query_show_no_classified_value(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    columns, found = _answered(connection, query)
    evidence = Evidence(columns=columns, rows=tuple(tuple(None if cell is None else str(cell) for cell in row) for row in found))
    promise = NativeCheck(engine="soda", kind="soda", body={"sodacl": {"failed rows": {"fail query": query}}})
    shown = masked(_outcome(promise, evidence=evidence), CLASSIFIED).evidence
    assert shown is not None
    seen["rows shown" if any(cell != MASK for row in shown.rows for cell in row if cell is not None) else "rows hidden"] += 1
    assert not _MARK.search(str(shown.rows)), shown


def test_plain_queries_are_not_hidden(connection: duckdb.DuckDBPyConnection) -> None:
    for query in (
        "SELECT max(amount) FROM batch",
        "SELECT sum(t.amount) FROM batch t WHERE kind = 'a'",
        "SELECT count(DISTINCT ssn) FROM batch",
    ):
        ((value,),) = connection.execute(query).fetchall()
        promise = m.MetricQuery(query=query, bounds=m.Bounds(min=1))
        assert masked(_outcome(promise, value=value), CLASSIFIED).value == value
