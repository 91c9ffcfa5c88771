from collections.abc import Callable
from pathlib import Path

import pytest
from sluicegate_nulls.lines import LinesNotifier

from sluicegate.ports.notifier import Notifier
from sluicegate.testing.notifiers import NotifierConformance


class TestLines(NotifierConformance):
    @pytest.fixture
    def notifier(self, tmp_path: Path) -> Notifier:
        return LinesNotifier({"path": "alerts.jsonl"}, tmp_path)

    @pytest.fixture
    def nobody_there(self, tmp_path: Path) -> Notifier:
        return LinesNotifier({"path": "no such folder/alerts.jsonl"}, tmp_path)

    @pytest.fixture
    def arrived(self, tmp_path: Path) -> Callable[[], bytes]:
        return (tmp_path / "alerts.jsonl").read_bytes
