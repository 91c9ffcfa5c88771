from __future__ import annotations

import pytest

from sluicegate.checks.contract_check import ContractCheck
from sluicegate.ports.engine import Translation
from sluicegate_adapters.engines.duckdb.engine import DuckdbEngine
from tests.golden import check_golden
from tests.golden.samples import BOUND_SAMPLES, SCHEMA


@pytest.mark.parametrize("check", BOUND_SAMPLES, ids=lambda check: check.id)
def test_each_canonical_check_is_this_sql(check: ContractCheck) -> None:
    translation = DuckdbEngine().translate(check, SCHEMA)
    assert isinstance(translation, Translation)
    assert translation.language == "sql"
    check_golden("duckdb", f"{check.id}.sql", translation.text)
