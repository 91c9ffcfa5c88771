"""Variables: filled after the YAML is read, typed by how they are written, never shown."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sluicegate.checks.model import Range, RowCount
from sluicegate.contract.nodes import Document
from sluicegate.contract.yaml_source import read_yaml
from sluicegate.errors import ContractError

from .helpers import HEAD, check_of, contract_of, write


def _read(folder: Path, text: str, environ: Mapping[str, str]) -> Document:
    return read_yaml(write(folder, text), environ)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: ${X}", "one"),
        ("a: pre-${X}-post", "pre-one-post"),
        ("a: ${X}${N}", "one5"),
        ("a: ${N}", 5),
        ("a: ${N}.5", Decimal("5.5")),
        ("a: '${N}'", "5"),
        ('a: "${N}"', "5"),
        ("a: ${M:-7}", 7),
        ("a: ${M:-a:-b}", "a:-b"),
        ("a: ${M:-}", ""),
        ("a: ${E:-full}", "full"),
        ("a: ${N:-7}", 5),
        ("a: $${X}", "${X}"),
        ("a: $X", "$X"),
        ("a: a$", "a$"),
        ("a: '^x{2}$'", "^x{2}$"),
        ("a: ${table} ${column}", "${table} ${column}"),
        ("a: |\n  line ${X}\n", "line one\n"),
        ("a: ${YAML}", "[1, 2]"),
        ("a: ${NULLISH}", None),
    ],
)
def test_a_variable_is_filled_in(text: str, value: object, tmp_path: Path) -> None:
    environ = {"X": "one", "N": "5", "E": "", "YAML": "[1, 2]", "NULLISH": "null", "table": "never"}
    assert _read(tmp_path, text, environ).root.data() == {"a": value}


def test_only_the_variables_that_were_used_are_noted(tmp_path: Path) -> None:
    assert _read(tmp_path, "a: ${X} ${Y:-2}", {"X": "1", "Z": "3"}).variables == {"X": "1", "Y": "2"}


def test_upper_case_table_is_a_variable_like_any_other(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="TABLE is not set"):
        _read(tmp_path, "a: ${TABLE}", {"table": "x"})


def test_all_missing_variables_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        _read(tmp_path, "a: ${ONE}\nb: [${TWO}, ${THREE}]\n".replace("[${TWO}, ${THREE}]", '["${TWO}", "${THREE}"]'), {})
    assert [fault.line for fault in caught.value.faults] == [1, 2, 2]


def test_a_filled_number_that_readers_read_differently_is_a_fault_without_its_value(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="neither a good number nor a date") as caught:
        _read(tmp_path, "a: ${ZIP}", {"ZIP": "01234"})
    assert "01234" not in str(caught.value)


def test_a_quoted_variable_between_braces_is_a_number_where_one_is_wanted(tmp_path: Path) -> None:
    text = 'quality_checks: {checks: [{type: row_count, min: "${LEAST}", window_hours: "${HOURS:-1.5}"}]}'
    (check,) = contract_of(tmp_path, text, {"LEAST": "10"}).checks
    assert isinstance(check.promise, RowCount)
    assert (check.promise.bounds.min, check.promise.window_hours) == (10, Decimal("1.5"))


def test_the_placeholders_of_sql_stay(tmp_path: Path) -> None:
    check = check_of(tmp_path, "{type: metric_query, query: 'SELECT count(*) FROM ${table} WHERE {column} > 0', min: 1}")
    assert getattr(check.promise, "query", "") == "SELECT count(*) FROM ${table} WHERE {column} > 0"


def test_a_secret_changes_the_hash_and_stays_out_of_the_text(tmp_path: Path) -> None:
    body = "description: ${TOKEN}"
    one, two = (contract_of(tmp_path, body, {"TOKEN": token}) for token in ("aaa", "bbb"))
    assert one.sha256 != two.sha256
    assert one.sha256 == contract_of(tmp_path, body, {"TOKEN": "aaa", "OTHER": "x"}).sha256
    assert "aaa" not in one.text
    assert "${TOKEN}" in one.text


@pytest.mark.parametrize("body", ["sla: {freshness: {max_age_hours: -5, column: '${S}'}}", "schema: [{name: a, type: '${S}'}]"])
def test_no_fault_shows_a_variables_value(body: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        contract_of(tmp_path, body, {"S": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_tenant_and_asset_are_known_without_an_environment(tmp_path: Path) -> None:
    body = "violation_handling: {quarantine: {s3_prefix: 'q/${TENANT_ID}/${ASSET_NAME}'}}"
    assert contract_of(tmp_path, body).quarantine.s3_prefix == "q/default/orders"
    inherited = contract_of(tmp_path, body, {"TENANT_ID": "acme", "ASSET_NAME": "never"})
    assert (inherited.quarantine.s3_prefix, inherited.tenant) == ("q/acme/orders", "acme")


def test_a_bound_may_come_from_the_environment_unquoted(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "  quality_checks:\n    checks:\n      - type: range\n        column: a\n        max: ${MAX}\n")
    from sluicegate.contract.loader import load_contract

    promise: Any = load_contract(path, environ={"MAX": "2 hours ago"}).checks[0].promise
    assert isinstance(promise, Range)
    assert str(getattr(promise.bounds.max, "text", "")) == "2 hours ago"


def test_keys_are_filled_too_for_sodacl_writes_checks_as_keys(tmp_path: Path) -> None:
    body = "quality_checks: {soda: {checks: [{'row_count > ${MIN}': {name: N}}]}}"
    (check,) = contract_of(tmp_path, body, {"MIN": "5"}).checks
    assert getattr(check.promise, "body", None) == {"sodacl": {"row_count > 5": {"name": "N"}}}


def test_keys_that_become_one_are_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="stands twice"):
        _read(tmp_path, "a: 1\n${X}: 2\n", {"X": "a"})
