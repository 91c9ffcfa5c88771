"""Lint, scaffold, JSON Schema, reference page: what stands around the contract format."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluicegate.checks.types import BatchSchema, Column, Kind
from sluicegate.contract.json_schema import SHIPPED, native_schema
from sluicegate.contract.lint import lint, not_acted_on
from sluicegate.contract.loader import load_contract
from sluicegate.contract.nodes import Faults
from sluicegate.contract.reference_page import rewritten
from sluicegate.contract.scaffold import scaffold
from sluicegate.contract.yaml_source import parse_yaml, read_yaml
from sluicegate.errors import ContractError

from .helpers import HEAD, contract_of, write
from .test_bad_contracts import CANONICAL, COLUMNS, DOCUMENT, SECTIONS

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(
    path
    for folder in ("orders", "flights")
    for path in (ROOT / "contracts" / folder).glob("*.yaml")
    if path.stem in {"contract", "asset", "job"}
)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_examples_load_and_lint_clean(path: Path) -> None:
    contract = load_contract(path, environ={})
    assert {fault.message for fault in lint(contract)} == set(not_acted_on(contract))
    assert contract.checks


@pytest.mark.parametrize(
    ("body", "message", "hint"),
    [
        ("description: x", "tests nothing", "quality_checks"),
        ("sla: {availability: {uptime_percentage: 9}}", "tests nothing", ""),
        ("status: deprecated", "deprecated", "successor"),
        ("enforcement_mode: disabled", "no check is run", ""),
        ("schema_contract: {strict_mode: true}", "no schema for it to be about", ""),
        ("sla: {freshness: {max_age_hours: 1}}", "can't be tested", ""),
        ("schema: [{name: a, classification: restrictd}]", "not known", "did you mean 'restricted'?"),
        ("violation_handling: {quarantine: {enabled: false}}", "quarantine is not enabled", ""),
        ("quality_checks: {checks: [{null_check: a, }, {null_check: a}]}", "tested already", "line 5"),
        (
            "quality_checks: {checks: [{type: regex, column: a, pattern: '(?=x)'}]}",
            "most engines (RE2) can't run it",
            "Python rule",
        ),
        (
            "quality_checks: {checks: [{reference: {column: a, dataset: no.csv}}]}",
            "the dataset 'no.csv' is not there",
            "looked for",
        ),
    ],
)
def test_lint_says_what_is_likely_not_meant(body: str, message: str, hint: str, tmp_path: Path) -> None:
    contract = contract_of(tmp_path, body)
    found = lint(contract)
    assert [fault for fault in found if message in fault.message and hint in fault.hint], found


def test_a_contract_without_owner_is_told(tmp_path: Path) -> None:
    contract = load_contract(write(tmp_path, HEAD.replace("  owner: me\n", "")), environ={})
    assert "nobody owns this contract" in [fault.message for fault in lint(contract)]


def test_a_reference_that_is_there_or_remote_is_fine(tmp_path: Path) -> None:
    write(tmp_path, "a\n", "x.csv")
    for dataset in ("x.csv", "s3://b/x.csv", "data/*.csv"):
        contract = contract_of(tmp_path, f"quality_checks: {{checks: [{{reference: {{column: a, dataset: '{dataset}'}}}}]}}")
        assert lint(contract) == ()


def test_a_scaffold_loads_and_lints_clean(tmp_path: Path) -> None:
    contract = load_contract(write(tmp_path, scaffold("orders")), environ={})
    assert contract.name == "orders"
    assert lint(contract) == ()


@settings(max_examples=30)
@given(
    name=st.text(max_size=20),
    columns=st.lists(
        st.tuples(st.text(min_size=1, max_size=12), st.sampled_from(list(Kind))), max_size=5, unique_by=lambda pair: pair[0]
    ),
)
def test_a_scaffold_of_any_batch_loads_with_the_batchs_own_names(
    name: str, columns: list[tuple[str, Kind]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    schema = BatchSchema(
        tuple(Column(column, kind, kind.value) for column, kind in columns if "\x00" not in column and column.isprintable())
    )
    path = tmp_path_factory.mktemp("scaffold") / "contract.yaml"
    path.write_text(scaffold(name if name.isprintable() else "x", schema), encoding="utf-8")
    contract = load_contract(path, environ={})
    assert [spec.name for spec in contract.fields] == [column.name for column in schema if column.name.strip()]


def test_a_scaffold_names_decimals_with_their_scale() -> None:
    schema = BatchSchema((Column("a", Kind.DECIMAL, "DECIMAL(10,2)"), Column("b", Kind.OTHER, "GEOMETRY")))
    assert '{name: a, type: "decimal(10,2)"}' in scaffold("x", schema)
    assert "{name: b}" in scaffold("x", schema)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = native_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_shipped_json_schema_is_what_the_dataclasses_say() -> None:
    assert json.loads(SHIPPED.read_text(encoding="utf-8")) == native_schema(), (
        "python -m sluicegate.contract.json_schema > native.schema.json"
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_json_schema_accepts_the_examples(path: Path, validator: jsonschema.Draft202012Validator) -> None:
    assert [error.message for error in validator.iter_errors(_plain(read_yaml(path).root.data()))] == []


def test_the_json_schema_accepts_a_scaffold(validator: jsonschema.Draft202012Validator) -> None:
    assert validator.is_valid(_plain(parse_yaml(scaffold("orders"), Faults("f")).data()))


def test_the_json_schema_takes_variables_where_numbers_are_wanted(validator: jsonschema.Draft202012Validator) -> None:
    text = HEAD + "  sla: {freshness: {max_age_hours: '${HOURS:-24}'}}\n"
    assert validator.is_valid(_plain(parse_yaml(text, Faults("f")).data()))


_SHAPE = (
    "unknown key",
    "must be",
    "is missing",
    "expected a mapping",
    "no check is called",
    "has no value",
    "at least 0",
    "must not be empty",
)


def _bad_shapes() -> list[str]:
    texts = [
        text for text, _, message, _ in (*DOCUMENT, *COLUMNS, *SECTIONS) if message.startswith(_SHAPE) or " must be " in message
    ]
    entries = [
        entry
        for entry, _, message, _ in CANONICAL
        if ".nan" not in entry and (message.startswith(_SHAPE) or " must be " in message)
    ]
    return texts + [
        HEAD + "  quality_checks:\n    checks:\n" + "".join(f"    {line}\n" for line in entry.split("\n")) for entry in entries
    ]


@pytest.mark.parametrize("text", _bad_shapes())
def test_the_json_schema_rejects_what_has_the_wrong_shape(text: str, validator: jsonschema.Draft202012Validator) -> None:
    assert not validator.is_valid(_plain(parse_yaml(text, Faults("f")).data()))


def test_the_reference_page_is_current() -> None:
    page = (ROOT / "docs" / "contract-reference.md").read_text(encoding="utf-8")
    assert rewritten(page) == page, "python -m sluicegate.contract.reference_page docs/contract-reference.md"


_WORDS = st.sampled_from(
    ["data_contract", "asset", "name", "version", "owner", "schema", "sla", "quality_checks", "checks", "soda", "great_expectations", "custom", "type", "column",
     "columns", "range", "not_null", "min", "max", "values", "tolerance", "freshness", "max_age_hours", "inline_checks", "asset_path", "contract_path", "kwargs",
     "expectation_suite", "function", "params", "violation_handling", "quarantine", "scope", "status", "severity", "pattern", "reference", "dataset", "${X}", "<<"]
)  # fmt: skip
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.dates(),
    _WORDS,
    st.sampled_from(["0.5%", "now", "a:b", "x.json", "."]),
)
_TREES = st.recursive(
    _SCALARS, lambda below: st.lists(below, max_size=4) | st.dictionaries(_WORDS, below, max_size=6), max_leaves=25
)
_DOCUMENTS = st.one_of(
    _TREES,
    st.builds(
        lambda inner: {"data_contract": {"name": "x", "version": "1", **inner}}, st.dictionaries(_WORDS, _TREES, max_size=5)
    ),
    st.builds(
        lambda inner: {"data_contract": {"name": "x", "version": 1, "quality_checks": inner}},
        st.dictionaries(_WORDS, _TREES, max_size=4),
    ),
    st.builds(
        lambda items: {"data_contract": {"name": "x", "version": 1, "quality_checks": {"checks": items}}},
        st.lists(st.dictionaries(_WORDS, _SCALARS), max_size=4),
    ),
    st.builds(lambda inner: {"asset": {"name": "x", **inner}}, st.dictionaries(_WORDS, _TREES, max_size=5)),
    st.builds(lambda inner: {"asset_path": "x.yaml", **inner}, st.dictionaries(_WORDS, _TREES, max_size=5)),
)


@settings(max_examples=150)
@given(document=_DOCUMENTS)
def test_no_tree_whatever_raises_anything_but_contract_error(document: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    import yaml

    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8", errors="replace")
    with contextlib.suppress(ContractError):
        contract = load_contract(path, environ={"X": "1"})
        lint(contract)
        assert len({check.id for check in contract.checks}) == len(contract.checks)


@settings(max_examples=150)
@given(text=st.text(alphabet=st.sampled_from("ab:-[]{}#&*!|>'\"%@`,? \n\t0.1$<\x00é"), max_size=60))
def test_no_text_whatever_raises_anything_but_contract_error(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "text.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError):
        load_contract(path, environ={})
