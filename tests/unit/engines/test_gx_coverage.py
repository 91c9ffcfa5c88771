"""Every expectation that the installed Great Expectations exports runs from a contract, or is refused with its reason."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from sluicegate.ports.engine import NativeOutcome, Translation, Unsupported
from sluicegate_adapters.engines.great_expectations import gx
from sluicegate_adapters.engines.great_expectations.catalogue import COMMON, EXPECTATIONS, REFUSED, known_expectations
from sluicegate_adapters.engines.great_expectations.engine import GreatExpectationsEngine
from tests.unit.engines.gx_cases import CASES, batch, native, run
from tests.unit.engines.real_gx import real_module

_PAGE = Path(__file__).parents[3] / "docs" / "engines" / "great-expectations.md"
_CLOUD_ONLY = {"windows", "version", "library_metadata"}


def _exported() -> dict[str, type]:
    classes = {
        name: item for name, item in inspect.getmembers(real_module("expectations"), inspect.isclass) if name != "Expectation"
    }
    return {re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower(): item for name, item in classes.items()}


def test_the_catalogue_lists_exactly_what_is_exported() -> None:
    exported = {(item.expectation_type or name): item for name, item in _exported().items()}  # type: ignore[attr-defined]
    assert set(exported) == set(EXPECTATIONS)
    for name, item in exported.items():
        assert EXPECTATIONS[name].class_name == item.__name__


@pytest.mark.parametrize("name", sorted(EXPECTATIONS))
def test_the_catalogue_knows_each_argument(name: str) -> None:
    fields = getattr(gx.load(), EXPECTATIONS[name].class_name).__fields__
    required = {key for key, item in fields.items() if item.required}
    assert set(EXPECTATIONS[name].required) == required
    assert set(EXPECTATIONS[name].optional) == set(fields) - required - COMMON - _CLOUD_ONLY


def test_every_expectation_has_a_case_or_a_reason() -> None:
    assert set(CASES) | set(REFUSED) == set(EXPECTATIONS)
    assert set(CASES) == set(known_expectations())


@pytest.mark.parametrize("name", sorted(CASES))
def test_each_expectation_passes_and_fails_on_real_rows(name: str) -> None:
    case = CASES[name]
    results = run([native(name, case.holds, "holds"), native(name, case.breaks, "breaks")], batch())
    assert not results["holds"].error
    assert not results["breaks"].error
    assert results["holds"].native is NativeOutcome.PASSED
    assert results["breaks"].native is NativeOutcome.FAILED
    assert results["breaks"].failing == case.failing


def test_all_expectations_run_together_as_they_run_alone() -> None:
    checks = [native(name, case.breaks, name) for name, case in CASES.items()]
    results = run(checks, batch())
    assert {name for name, result in results.items() if result.native is NativeOutcome.FAILED} == set(CASES)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refused_expectation_says_why_when_it_is_planned(name: str) -> None:
    answer = GreatExpectationsEngine().translate(native(name, {"column_list": ["a", "b"]}), None)
    assert isinstance(answer, Unsupported)
    assert "broken" in answer.reason


@pytest.mark.parametrize("name", sorted(CASES))
def test_each_expectation_is_printed_without_data(name: str) -> None:
    answer = GreatExpectationsEngine().translate(native(name, CASES[name].holds), None)
    assert isinstance(answer, Translation)
    assert f'"{name}"' in answer.text


@pytest.mark.parametrize("name", sorted(EXPECTATIONS))
def test_the_docs_state_how_each_expectation_is_run(name: str) -> None:
    assert f"| `{name}` | {EXPECTATIONS[name].path} |" in _PAGE.read_text(encoding="utf-8")
