"""What the soda, great_expectations and custom sections become."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import NativeCheck, Severity
from sluicegate.contract.loader import load_contract
from sluicegate.errors import ContractError

from .helpers import checks_of, contract_of


def _soda(folder: Path, entry: str) -> Any:
    (check,) = checks_of(folder, f"checks:\n- {entry}\n", "soda")
    return check


@pytest.mark.parametrize("entry", ["{type: regex, column: a, pattern: x}", "regex: {column: a, pattern: x}"])
def test_a_canonical_type_in_the_soda_section_is_canonical_and_pinned(entry: str, tmp_path: Path) -> None:
    check = _soda(tmp_path, entry)
    assert check.promise == m.Pattern(column="a", pattern="x")
    assert check.engine == "soda"


@pytest.mark.parametrize(
    ("entry", "kind", "sodacl", "name"),
    [
        ("missing_count(a) = 0", "missing_count(a) = 0", "missing_count(a) = 0", "missing_count(a) = 0"),
        ("row_count > 0", "row_count > 0", "row_count > 0", "row_count > 0"),
        ("freshness(ts) < 1d", "freshness(ts) < 1d", "freshness(ts) < 1d", "freshness(ts) < 1d"),
        ("missing_count(a) = 0: {name: N}", "missing_count(a) = 0", {"missing_count(a) = 0": {"name": "N"}}, "N"),
        ("missing_count(a) = 0: {severity: info}", "missing_count(a) = 0", "missing_count(a) = 0", "missing_count(a) = 0"),
        (
            "invalid_count(a): {valid min: 0.5, warn: when > 1, fail: when > 5}",
            "invalid_count(a)",
            {"invalid_count(a)": {"valid min": Decimal("0.5"), "warn": "when > 1", "fail": "when > 5"}},
            "invalid_count(a)",
        ),
        (
            "schema: {fail: {when required column missing: [a]}}",
            "schema",
            {"schema": {"fail": {"when required column missing": ["a"]}}},
            "schema",
        ),
        (
            "row_count: {warn: when < 10, fail: when < 2}",
            "row_count",
            {"row_count": {"warn": "when < 10", "fail": "when < 2"}},
            "row_count",
        ),
        (
            "failed rows: {name: F, fail query: SELECT 1}",
            "failed rows",
            {"failed rows": {"name": "F", "fail query": "SELECT 1"}},
            "F",
        ),
        ("values in (a) must exist in x (b)", *["values in (a) must exist in x (b)"] * 3),
    ],
)
def test_sodacl_stays_as_it_is_written(entry: str, kind: str, sodacl: Any, name: str, tmp_path: Path) -> None:
    check = _soda(tmp_path, entry)
    assert check.promise == NativeCheck(engine="soda", kind=kind, body={"sodacl": sodacl})
    assert (check.name, check.engine) == (name, "soda")


def test_our_schema_with_columns_is_canonical_in_the_soda_section_too(tmp_path: Path) -> None:
    assert _soda(tmp_path, "schema: {columns: [a]}").promise == m.Schema(columns=("a",))


def test_severity_and_description_of_raw_sodacl_are_ours(tmp_path: Path) -> None:
    check = _soda(tmp_path, "missing_count(a) = 0: {severity: warning, description: D, samples limit: 0}")
    assert (check.severity, check.description) == (Severity.WARNING, "D")
    assert check.promise.body == {"sodacl": {"missing_count(a) = 0": {"samples limit": 0}}}


_FILTERED = {"filter batch [late]": {"where": "a > 1"}, "checks for batch [late]": ["row_count > 0", "max(a) < 9"]}


@pytest.mark.parametrize(
    ("entry", "kind", "sodacl"),
    [
        ("{'filter batch [late]': {where: a > 1}, 'checks for batch [late]': [row_count > 0, max(a) < 9]}", "checks for batch [late]", _FILTERED),
        ("checks for batch: [row_count > 0]", "checks for batch", {"checks for batch": ["row_count > 0"]}),
        ("{configurations for batch: {valid min for a: 1}, checks: [x]}", "checks", {"configurations for batch": {"valid min for a": 1}, "checks": ["x"]}),
        ("for each dataset D: {datasets: [a], checks: [x]}", "for each dataset D", {"for each dataset D": {"datasets": ["a"], "checks": ["x"]}}),
        ("{variables: {V: 1}, checks for a: [x], checks for b: [y]}", "checks for a; checks for b", {"variables": {"V": 1}, "checks for a": ["x"], "checks for b": ["y"]}),
        ("filter batch [late]: {where: a > 1}", "filter batch [late]", {"filter batch [late]": {"where": "a > 1"}}),
        ("profile columns: {columns: [a]}", "profile columns", {"profile columns": {"columns": ["a"]}}),
        ("for each column c: {a: [x]}", "for each column c", {"for each column c": {"a": ["x"]}}),
    ],
)  # fmt: skip
def test_sections_of_a_sodacl_file_are_one_check_and_the_engine_says_which_can_run(
    entry: str, kind: str, sodacl: Any, tmp_path: Path
) -> None:
    check = _soda(tmp_path, entry)
    assert check.promise == NativeCheck(engine="soda", kind=kind, body={"sodacl": sodacl})
    assert (check.name, check.engine, check.line) == (kind, "soda", 8)


def test_name_severity_and_description_may_stand_beside_sections(tmp_path: Path) -> None:
    check = _soda(tmp_path, "{name: N, severity: info, description: D, checks for batch: [row_count > 0]}")
    assert (check.name, check.severity, check.description) == ("N", Severity.INFO, "D")
    assert check.promise.body == {"sodacl": {"checks for batch": ["row_count > 0"]}}


def test_a_metric_that_is_called_like_a_section_is_a_metric(tmp_path: Path) -> None:
    check = _soda(tmp_path, "variables > 3: {variables expression: count(*)}")
    assert check.promise.kind == "variables > 3"


@pytest.mark.parametrize("engine", ["soda", "soda_core", "soda-core"])
def test_the_section_may_say_whose_it_is(engine: str, tmp_path: Path) -> None:
    assert len(checks_of(tmp_path, f"engine: {engine}\nchecks: [row_count > 0]\n", "soda")) == 1


@pytest.mark.parametrize(
    ("entry", "body", "name"),
    [
        ("{name: expect_x, column: a, value_set: [1, 0.5]}", {"column": "a", "value_set": [1, Decimal("0.5")]}, "expect_x(a)"),
        ("{name: expect_x, kwargs: {column: a}, mostly: 0.9}", {"column": "a", "mostly": Decimal("0.9")}, "expect_x(a)"),
        ("{type: expect_x, name: N, column_A: a, column_B: b}", {"column_A": "a", "column_B": "b"}, "N"),
        (
            "{expectation_type: expect_x, kwargs: {column_list: [a, b]}, meta: {k: v}}",
            {"column_list": ["a", "b"]},
            "expect_x(a, b)",
        ),
        ("{name: expect_x, title: T}", {}, "T"),
        (
            "{name: expect_x, min_value: 2 hours ago, max_value: 2013-01-01}",
            {"min_value": "2 hours ago", "max_value": "2013-01-01"},
            "expect_x",
        ),
    ],
)
def test_an_expectation_keeps_its_arguments(entry: str, body: dict[str, Any], name: str, tmp_path: Path) -> None:
    (check,) = checks_of(tmp_path, f"checks:\n- {entry}\n", "great_expectations")
    assert check.promise == NativeCheck(engine="great_expectations", kind="expect_x", body=body)
    assert (check.name, check.engine) == (name, "great_expectations")


@pytest.mark.parametrize(
    ("word", "severity"), [("critical", "error"), ("error", "error"), ("warning", "warning"), ("info", "info")]
)
def test_gx_severities_are_understood(word: str, severity: str, tmp_path: Path) -> None:
    (check,) = checks_of(tmp_path, f"checks:\n- {{name: expect_x, severity: {word}, description: D}}\n", "great_expectations")
    assert (check.severity, check.description) == (severity, "D")


def _suite(folder: Path, content: object, name: str = "suite.json") -> str:
    path = folder / "suites" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return f"quality_checks: {{great_expectations: {{expectation_suite: suites/{name}}}}}"


def test_every_expectation_of_a_suites_file_becomes_a_check(tmp_path: Path) -> None:
    body = _suite(
        tmp_path,
        {
            "name": "s",
            "expectations": [
                {"type": "expect_a", "kwargs": {"column": "x", "min_value": 0.1}, "meta": {}, "id": "1", "severity": "warning"},
                {"expectation_type": "expect_b", "kwargs": {}, "description": "D"},
            ],
        },
    )
    contract = contract_of(tmp_path, body)
    kinds = [
        (check.promise.kind, check.promise.body, check.severity)
        for check in contract.checks
        if isinstance(check.promise, NativeCheck)
    ]
    assert kinds == [("expect_a", {"column": "x", "min_value": Decimal("0.1")}, "warning"), ("expect_b", {}, "error")]
    assert {check.line for check in contract.checks} == {5}
    assert [path.name for path in contract.files] == ["contract.yaml", "suite.json"]


def test_a_changed_suite_changes_the_contracts_hash(tmp_path: Path) -> None:
    suite = {"expectations": [{"type": "expect_a"}]}
    one = contract_of(tmp_path, _suite(tmp_path, suite)).sha256
    assert contract_of(tmp_path, _suite(tmp_path, {**suite, "meta": {}})).sha256 != one


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"is not JSON in line 1"),
        ("[]", "has no list of 'expectations'"),
        ({"expectations": []}, "has no list of 'expectations'"),
        ({"expectations": [5]}, r"expectations\[0\] is not a mapping"),
        ({"expectations": [{"type": "expect_a"}, {"kwargs": {}}]}, r"expectations\[1\] has no 'type'"),
        ({"expectations": [{"type": "not_null"}]}, r"expectations\[0\] has no 'type'"),
        ({"expectations": [{"type": "expect_a", "kwargs": []}]}, None),
        ({"expectations": [{"type": "expect_a", "kwargs": 5}]}, r"expectations\[0\] has no 'type'"),
        ({"expectations": [{"type": "expect_a", "kwarg": {}}]}, r"unknown key 'kwarg' \(did you mean 'kwargs'\?\)"),
        ({"expectations": [{"type": "expect_a", "severity": "bad"}]}, "unknown severity 'bad'"),
        ("[" * 100_000, "is not JSON"),
        ('{"expectations": [{"type": "expect_a", "kwargs": {"a": NaN}}]}', "is not JSON"),
        ('{"expectations": [{"type": "expect_a", "kwargs": {"a": 1e999999}}]}', "beyond any number"),
        ('{"expectations": [{"type": "expect_a", "kwargs": {"a": 1, "a": 2}}]}', "the key 'a' stands twice"),
        ('{"expectations": [{"type": "expect_a", "kwargs": {"a": ' + "[" * 60 + "]" * 60 + "}}]}", "nested deeper"),
    ],
)
def test_a_suite_that_is_none_is_a_fault_at_its_name(content: object, message: str | None, tmp_path: Path) -> None:
    body = _suite(tmp_path, content)
    if message is None:
        assert len(contract_of(tmp_path, body).checks) == 1
        return
    with pytest.raises(ContractError, match=message) as caught:
        contract_of(tmp_path, body)
    assert caught.value.faults[0].line == 5


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        ("a:b", "a:b"),
        ("pack.mod:rule", "pack.mod:rule"),
        ("pack.mod.rule", "pack.mod:rule"),
        ("rules/my file.py:rule", "rules/my file.py:rule"),
    ],
)
def test_a_rule_names_its_function(function: str, kind: str, tmp_path: Path) -> None:
    entry = f"- {{name: N, function: '{function}', params: {{p: [1, 0.5]}}, columns: [x, y], severity: info, description: D}}\n"
    (check,) = checks_of(tmp_path, entry, "custom")
    assert check.promise == NativeCheck(
        engine="python", kind=kind, body={"params": {"p": [1, Decimal("0.5")]}, "columns": ["x", "y"]}
    )
    assert (check.name, check.engine, check.severity, check.description) == ("N", "python", "info", "D")


def test_a_rule_needs_nothing_but_its_function(tmp_path: Path) -> None:
    (check,) = checks_of(tmp_path, "- {function: 'a:b'}\n", "custom")
    assert check.promise == NativeCheck(engine="python", kind="a:b", body={"params": {}, "columns": []})
    assert check.name == "a:b"


def test_a_contract_knows_the_folder_of_its_own_file(tmp_path: Path) -> None:
    assert contract_of(tmp_path, "description: x").folder == tmp_path


def test_the_example_that_uses_every_key_loads() -> None:
    root = Path(__file__).parents[3] / "contracts" / "orders"
    contract = load_contract(root / "job.yaml", environ={"TENANT_ID": "acme"})
    assert {check.engine for check in contract.checks} == {None, "soda", "great_expectations", "python"}
    assert {type(check.promise) for check in contract.checks if check.engine is None} >= set(m.CANONICAL_TYPES.values())
    assert contract.quarantine.s3_prefix == "refused/acme/shop_orders"
