"""Datasets beside the batch."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluicegate.contract.lint import lint
from sluicegate.contract.loader import load_contract
from sluicegate.contract.references import references_to_open

from .helpers import HEAD, contract_of, write

_SODA = "quality_checks: {{soda: {{checks: ['{}']}}}}"
_EXISTS = "values in (a) must exist in planes (a)"


def _messages(folder: Path, body: str) -> list[str]:
    return [fault.message for fault in lint(contract_of(folder, body))]


@pytest.mark.parametrize("file", ["planes.csv", "data/planes.csv", "../planes.csv", "data/*.csv", "/srv/planes.csv"])
def test_a_reference_is_a_file_relative_to_the_contract(file: str, tmp_path: Path) -> None:
    contract = contract_of(tmp_path, f"references: {{planes: {file}}}")
    assert contract.references == {"planes": str((tmp_path / file).resolve())}


def test_a_uri_stays_as_it_is(tmp_path: Path) -> None:
    assert contract_of(tmp_path, "references: {planes: 's3://b/p.parquet'}").references == {"planes": "s3://b/p.parquet"}


def test_a_variable_may_say_where_a_reference_is(tmp_path: Path) -> None:
    contract = contract_of(tmp_path, 'references: {planes: "${FOLDER}/planes.csv"}', {"FOLDER": "/srv"})
    assert contract.references == {"planes": "/srv/planes.csv"}


def test_a_reference_check_names_it_or_a_file(tmp_path: Path) -> None:
    entry = "- {{type: reference, columns: [a], dataset: {}}}"
    checks = "\n    ".join(entry.format(name) for name in ("planes", "b/planes.csv"))
    contract = contract_of(tmp_path, f"references: {{planes: a/planes.csv}}\nquality_checks:\n  checks:\n    {checks}\n")
    assert contract.references == {"planes": f"{tmp_path}/a/planes.csv", "b/planes.csv": f"{tmp_path}/b/planes.csv"}
    assert references_to_open(contract) == contract.references


def test_an_asset_in_another_folder_means_the_contracts_reference(tmp_path: Path) -> None:
    write(tmp_path, HEAD + "  references: {planes: planes.csv}\n", "contracts/c.yaml")
    inline = "{reference: {columns: [a], dataset: planes}}"
    asset = f"asset: {{name: a, data_contract: {{contract_path: ../contracts/c.yaml, inline_checks: {inline}}}}}"
    contract = load_contract(write(tmp_path, asset, "assets/a.yaml"), environ={})
    assert contract.references == {"planes": f"{tmp_path}/contracts/planes.csv"}
    assert not contract.warnings


@pytest.mark.parametrize(
    "quality",
    [
        _SODA.format(_EXISTS),
        _SODA.format("row_count same as PLANES"),
        'quality_checks: {soda: {checks: [{failed rows: {fail query: "SELECT 1 FROM planes"}}]}}',
        "quality_checks: {soda: {checks: [{checks for planes: [row_count > 0]}]}}",
        "quality_checks: {soda: {checks: [{for each dataset D: {datasets: [include pl%], checks: [row_count > 0]}}]}}",
        'quality_checks: {checks: [{type: metric_query, query: SELECT count(*) FROM "planes", min: 1}]}',
        "quality_checks: {checks: [{type: reference, columns: [a], dataset: planes}]}",
        "quality_checks: {great_expectations: {checks: [{name: expect_x, other_table_name: planes}]}}",
    ],
)
def test_a_reference_that_a_check_reads_is_opened(quality: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").touch()
    body = f"references: {{planes: p.csv}}\n{quality}"
    assert references_to_open(contract_of(tmp_path, body)) == {"planes": f"{tmp_path}/p.csv"}
    assert _messages(tmp_path, body) == []


@pytest.mark.parametrize(
    "quality",
    [
        "description: x",
        _SODA.format("missing_count(airplanes) = 0"),
        _SODA.format("row_count > 0.1 % -- p%"),
        "quality_checks: {custom: [{function: 'm:planes'}]}",
    ],
)
def test_a_reference_that_no_check_reads_is_not_opened_and_lint_says_so(quality: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").touch()
    contract = contract_of(tmp_path, f"references: {{planes: p.csv}}\n{quality}")
    assert references_to_open(contract) == {}
    (warning,) = contract.warnings
    assert (warning.line, warning.column, warning.message) == (5, 16, "no check reads the reference 'planes'")


def test_a_contract_that_is_not_enforced_opens_nothing(tmp_path: Path) -> None:
    contract = contract_of(tmp_path, f"references: {{planes: p.csv}}\nenforcement_mode: disabled\n{_SODA.format(_EXISTS)}")
    assert references_to_open(contract) == {}


def test_lint_misses_the_file_of_a_reference_once(tmp_path: Path) -> None:
    assert _messages(tmp_path, f"references: {{planes: p.csv}}\n{_SODA.format(_EXISTS)}") == [
        "the reference 'planes' is not there"
    ]
    check = "quality_checks: {checks: [{type: reference, columns: [a], dataset: planes}]}"
    assert _messages(tmp_path, f"references: {{planes: p.csv}}\n{check}") == ["the dataset 'planes' is not there"]
