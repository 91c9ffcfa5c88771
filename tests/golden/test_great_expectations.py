from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sluicegate.checks.contract_check import ContractCheck
from sluicegate.ports.engine import Translation
from sluicegate_adapters.engines.great_expectations.engine import GreatExpectationsEngine
from tests.golden import check_golden
from tests.golden.samples import BOUND_SAMPLES, SCHEMA


@pytest.mark.parametrize("check", BOUND_SAMPLES, ids=lambda check: check.id)
def test_each_canonical_check_is_this_entry_of_a_suite(check: ContractCheck) -> None:
    answer = GreatExpectationsEngine().translate(check, SCHEMA)
    if isinstance(answer, Translation):
        assert answer.language == "gx"
        check_golden("great_expectations", f"{check.id}.json", answer.text)
    else:
        check_golden("great_expectations", f"{check.id}.txt", f"unsupported: {answer.reason}")


def test_each_entry_is_one_that_great_expectations_takes() -> None:
    from sluicegate_adapters.engines.great_expectations import gx

    for check in BOUND_SAMPLES:
        answer = GreatExpectationsEngine().translate(check, SCHEMA)
        if isinstance(answer, Translation) and check.promise.type_name != "freshness":  # type: ignore[union-attr]  # its time is relative
            entry = json.loads(answer.text)
            assert gx.build(entry["type"], entry["kwargs"], check.id).expectation_type == entry["type"]


def test_translating_imports_nothing_of_great_expectations() -> None:
    code = (
        "import sys; from tests.golden.samples import BOUND_SAMPLES, SCHEMA\n"
        "from sluicegate_adapters.engines.great_expectations.engine import GreatExpectationsEngine as E\n"
        "[E().translate(check, SCHEMA) for check in BOUND_SAMPLES]\n"
        "print(sorted({'_sluicegate_gx', 'great_expectations', 'pandas', 'pyarrow', 'numpy'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert found.stdout.strip() == "[]"
