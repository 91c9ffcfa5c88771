"""Ten workers, a thousand failing batches: people get the configured number of messages, and no batch is missing from their counts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from sluicegate import Gate
from sluicegate.config import load_profile
from sluicegate.history.sqlite import SqliteHistory
from tests.notify.servers import WebhookServer
from tests.notify.webhooks import Request
from tests.unit.notify.people import alert

WORKERS, BATCHES = 10, 100
CHANNELS = ("one", "two")

_CONTRACT = """\
data_contract:
  name: orders
  version: 1.0.0
  owner: tests
  quality_checks:
    checks:
      - {type: range, column: n, min: 1}
  violation_handling:
    on_quality_violation: block
    notification: {channels: [one, two]}
"""
_PROFILE = """\
target: {type: parquet, path: data}
quarantine: {type: local, path: held}
history: {path: history.sqlite}
notifications: notifications.yaml
batch: {threads: 1}
evidence_rows: 0
"""
_CHANNELS = """\
window: 1h
time_limit_seconds: 20
templates: {quality_violation: "{folded} of them"}
channels:
"""


def counts(requests: Sequence[Request]) -> list[int]:
    """How many batches each message says that it stands for."""
    return [int(found[1]) for request in requests if (found := re.search(r"(\d+) of them", request.json["message"]))]


def clock(later: int) -> datetime:
    """So many hours from now."""
    return datetime.now(UTC) + timedelta(hours=later)


@pytest.mark.slow
def test_a_thousand_failing_batches_of_ten_workers_are_two_messages_a_channel_and_all_counted(
    tmp_path: Path, webhook_server: WebhookServer
) -> None:
    (tmp_path / "orders.yaml").write_text(_CONTRACT)
    (tmp_path / "gate.yaml").write_text(_PROFILE)
    channels = "".join(
        f'  {name}: {{type: apprise, url: "json://127.0.0.1:{webhook_server.port}/{name}"}}\n' for name in CHANNELS
    )
    (tmp_path / "notifications.yaml").write_text(_CHANNELS + channels)

    command = [sys.executable, "-m", "tests.integration.telling_crew", str(tmp_path), str(WORKERS), str(BATCHES)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"actions": {"blocked": WORKERS * BATCHES}, "failed": 0}, done.stderr
    assert {name: len(webhook_server.at(f"/{name}")) for name in CHANNELS} == dict.fromkeys(CHANNELS, 1)

    for hours in (0, 2, 3, 30):  # the next window, and later ones, in which nothing happens
        with Gate(load_profile(tmp_path / "gate.yaml"), clock=partial(clock, hours)) as gate:
            gate.flush()
    for name in CHANNELS:
        found = counts(webhook_server.at(f"/{name}"))
        assert len(found) == 2
        assert sum(found) == WORKERS * BATCHES


@pytest.mark.slow
def test_of_four_processes_that_flush_at_once_one_sends_each_message(tmp_path: Path, webhook_server: WebhookServer) -> None:
    (tmp_path / "gate.yaml").write_text(_PROFILE)
    url = f"json://127.0.0.1:{webhook_server.port}/one"
    (tmp_path / "notifications.yaml").write_text(f'channels: {{ops: {{type: apprise, url: "{url}"}}}}\n')
    outbox = SqliteHistory(tmp_path / "history.sqlite").outbox
    for number in range(100):
        outbox.put(alert(f"a-{number}", contract=f"contract-{number}", at=datetime.now(UTC)))
    command = [str(Path(sys.executable).parent / "sluicegate"), "notify", "flush", "--json", "--config", "gate.yaml"]
    running = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [json.loads(each.communicate(timeout=120)[0]) for each in running]
    assert {told["state"] for each in said for told in each["told"]} == {"delivered"}
    assert sum(len(each["told"]) for each in said) == 100
    assert len({request.json["title"] for request in webhook_server.requests}) == len(webhook_server.requests) == 100
