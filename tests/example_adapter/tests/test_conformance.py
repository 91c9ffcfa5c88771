import pytest
from sluicegate_nulls import NullsEngine

from sluicegate.checks.model import CANONICAL_TYPES
from sluicegate.ports.engine import Engine
from sluicegate.testing.engines import EngineConformance, never


class TestNulls(EngineConformance):
    divergences = tuple(never(f"{name}/*", reason="counts NULLs only") for name in CANONICAL_TYPES if name != "not_null")

    @pytest.fixture
    def engine(self) -> Engine:
        return NullsEngine()
