"""A contract whose owners are told by a webhook and by mail, both of them real servers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sluicegate import Gate
from sluicegate.cli.main import main
from sluicegate.config import load_profile
from tests.notify.servers import SmtpServer, WebhookServer

__all__ = ["ADA", "Shop"]

ADA = "ada@example.org"

_CONTRACT = """\
data_contract:
  name: orders
  version: 1.0.0
  owner: tests
  quality_checks:
    checks:
      - {type: range, column: n, min: 1}
  violation_handling:
    on_quality_violation: quarantine
    notification: {channels: [hook, mail], recipients: [ada@example.org]}
"""
_PROFILE = """\
target: {type: parquet, path: data}
quarantine: {type: local, path: held}
history: {path: history.sqlite}
notifications: notifications.yaml
"""
_CHANNELS = """\
time_limit_seconds: LIMIT
channels:
  hook: {type: apprise, url: "json://127.0.0.1:WEB/hook"}
  mail:
    type: email
    smtp: {host: 127.0.0.1, port: SMTP, tls: none}
    sender: gate@example.org
  off: {type: apprise, enabled: false, url: "${NOWHERE}"}
"""


class Shop:
    """A folder with all of it, in which commands are typed."""

    def __init__(
        self, place: Path, web: WebhookServer, smtp: SmtpServer, capsys: pytest.CaptureFixture[str], *, limit: float = 20
    ) -> None:
        self.place, self.web, self.smtp, self._capsys = place, web, smtp, capsys
        (place / "orders.yaml").write_text(_CONTRACT)
        (place / "gate.yaml").write_text(_PROFILE)
        (place / "bad.csv").write_text("n\n0\n1\n")
        (place / "good.csv").write_text("n\n1\n")
        self.wait_at_most(limit)

    def wait_at_most(self, limit: float) -> None:
        """What a run may spend on telling, in seconds."""
        channels = _CHANNELS.replace("LIMIT", str(limit)).replace("WEB", str(self.web.port))
        (self.place / "notifications.yaml").write_text(channels.replace("SMTP", str(self.smtp.port)))

    def types(self, *words: str) -> tuple[int, str, str]:
        """The exit code, and what was said on standard output and standard error."""
        code = main([*words, "--config", str(self.place / "gate.yaml")])
        out, err = self._capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    def asks(self, *words: str) -> Any:
        """The JSON document."""
        return json.loads(self.types(*words, "--json")[1])

    def run(self, batch: str = "bad", *more: str) -> tuple[int, Any]:
        """The exit code and the document of a run."""
        place = self.place
        code, out, _ = self.types(
            "run", str(place / "orders.yaml"), str(place / f"{batch}.csv"), "--batch-id", batch, *more, "--json"
        )
        return code, json.loads(out)

    def states(self) -> dict[tuple[str, str], tuple[str, int]]:
        """Channel and service -> the state of the delivery, and how often it was tried."""
        return {
            (message["channel"], each["service"]): (each["state"], each["attempts"])
            for message in self.asks("notify", "list")["messages"]
            for each in message["deliveries"]
        }

    def gate(self, **later: float) -> Gate:
        """One whose clock stands so much later than ours."""
        moment = datetime.now(UTC) + timedelta(**later)
        return Gate(load_profile(self.place / "gate.yaml"), clock=lambda: moment)

    def flush_after(self, **time: float) -> list[tuple[str, str]]:
        """Deliver when so much time has passed: channel and state of what was tried."""
        with self.gate(**time) as gate:
            return sorted((each.delivery.channel, each.state.value) for each in gate.flush(limit=20))
