"""Ten processes record refusals and send what is due, all into one file: the counts add up, and nothing is sent twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from sluicegate.history import SqliteHistory
from sluicegate.history.message import DeliveryState
from tests.unit.history.alerts import HOUR, NOW, claim

pytestmark = pytest.mark.slow

WORKERS, EACH = 10, 100

WORKER = """
import json, sys
from pathlib import Path
from sluicegate.history import SqliteHistory
from sluicegate.history.message import DeliveryState, Result
from sluicegate.notify.model import Channel, NotificationSettings
from sluicegate.notify.routing import route_waiting
from tests.unit.history.alerts import HERE, LEASE, NOW, alert
from tests.unit.history.test_sqlite import run

path, me, each = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
names = ("slack", "mail")
settings = NotificationSettings(channels={name: Channel(name=name, type=name) for name in names}, default_channels=names)
history = SqliteHistory(path)
outbox = history.outbox
print("ready", flush=True)
sys.stdin.readline()
sent = []
for number in range(each):
    known = f"shared {number}" if number < 10 else f"{me} {number}"
    intent = outbox.intend(alert(known), HERE, NOW)
    history.record(run(1, run_id=f"{me}-{number}"), alert=alert(known), intent=intent)
    if number % 5 == me % 5:
        route_waiting(outbox, settings, NOW)
        for delivery in outbox.claim(NOW, HERE, lease=LEASE, services=lambda channel, _: (f"{channel} 1", f"{channel} 2")):
            sent.append([delivery.message_id, delivery.service, delivery.count])
            assert outbox.note(delivery, Result(state=DeliveryState.DELIVERED, at=NOW))
route_waiting(outbox, settings, NOW)
print(json.dumps(sent))
"""


def test_ten_processes_that_tell_of_a_thousand_refusals_send_one_message_per_channel_and_window(tmp_path: Path) -> None:
    path, root = tmp_path / "history.sqlite", Path(__file__).parents[3]
    command = [sys.executable, "-c", WORKER, str(path)]
    workers = [
        subprocess.Popen([*command, str(me), str(EACH)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)
        for me in range(WORKERS)
    ]
    assert [worker.stdout.readline() for worker in workers if worker.stdout] == ["ready\n"] * WORKERS
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    told = [worker.communicate(timeout=250)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * WORKERS
    sent = Counter((message, service) for each in told for message, service, _ in json.loads(each))
    assert sorted(service for _, service in sent) == ["mail 1", "mail 2", "slack 1", "slack 2"]
    assert set(sent.values()) == {1}

    happened = 10 + WORKERS * (EACH - 10)
    with closing(SqliteHistory(path)) as history:
        assert (history.outbox.intents(), history.outbox.waiting()) == ((), ())
        assert len(history.runs(limit=None)) == WORKERS * EACH
        assert len(claim(history, NOW + HOUR)) == 2
        counts: Counter[str] = Counter()
        for message in history.outbox.messages(limit=None):
            counts[message.channel] += message.count
        assert counts == {"slack": happened, "mail": happened}
        assert len(history.outbox.messages(state=DeliveryState.DELIVERED)) == 2
