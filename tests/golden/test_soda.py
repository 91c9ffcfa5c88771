from __future__ import annotations

import pytest

from sluicegate.checks.contract_check import ContractCheck
from sluicegate.ports.engine import Translation
from sluicegate_adapters.engines.soda.engine import SodaEngine
from tests.golden import check_golden
from tests.golden.samples import BOUND_SAMPLES, SCHEMA


@pytest.mark.parametrize("check", BOUND_SAMPLES, ids=lambda check: check.id)
def test_each_canonical_check_is_this_sodacl(check: ContractCheck) -> None:
    translation = SodaEngine().translate(check, SCHEMA)
    assert isinstance(translation, Translation)
    assert translation.language == "sodacl"
    check_golden("soda", f"{check.id}.yml", translation.text)
