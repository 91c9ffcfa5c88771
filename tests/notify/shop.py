"""A shop with people to tell: contracts, deliveries, a profile, and a webhook that hears of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sluicegate import Gate
from sluicegate.config import load_profile
from sluicegate.gate.outcome import RunOutcome
from sluicegate.history.alert import Alert
from tests.notify.webhooks import WebhookServer

__all__ = ["BAD", "GOOD", "NOW", "WARNS", "Shop", "open_shop"]

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
_CONTRACT = """\
data_contract:
  name: orders
  version: 1.2.0
  owner: shop@example.com
  schema:
    - {name: id, type: integer}
    - {name: amount, type: "decimal(9,2)"}
    - {name: note, type: string}
  quality_checks:
    checks:
      - {type: range, name: amounts are positive, column: amount, min: 0}
      - {type: not_null, name: there should be a note, column: note, severity: warning}
  violation_handling:
    on_schema_violation: quarantine
    notification: {channels: [hook]}
    quarantine: {retention_days: 7}
"""
_SETTINGS = """\
channels:
  hook: {type: apprise, url: "json://127.0.0.1:PORT/hook"}
  other: {type: apprise, enabled: false, url: "json://127.0.0.1:PORT/other"}
retention_warning: {days_before: 2}
"""
_PROFILE = """\
target: {type: parquet, path: "data/{dataset}"}
quarantine: {type: local, path: held}
history: {path: history.sqlite}
notifications: notifications.yaml
"""
GOOD = "id,amount,note\n1,1.00,a\n2,2.00,b\n"
WARNS = "id,amount,note\n1,1.00,a\n2,2.00,\n"
BAD = "id,amount,note\n1,1.00,a\n2,-2.00,b\n"


@dataclass
class Shop:
    """Where everything is, and what time it is there."""

    place: Path
    server: WebhookServer
    now: datetime = NOW
    told: list[str] = field(default_factory=list)

    def write(self, name: str, text: str) -> Path:
        path = self.place / name
        path.write_text(text, "utf-8")
        return path

    def contract(self, *changes: tuple[str, str], name: str = "orders.yaml") -> str:
        text = _CONTRACT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        return str(self.write(name, text))

    def settings(self, more: str = "", *, channel: str = "") -> None:
        text = _SETTINGS.replace("PORT", str(self.server.port))
        self.write("notifications.yaml", (text.replace('/hook"}', f'/hook", {channel}}}') if channel else text) + more)

    def gate(self) -> Gate:
        return Gate(load_profile(self.place / "gate.yaml"), clock=lambda: self.now)

    def run(self, content: str, batch_id: str, *, contract: str = "orders.yaml", gate: Gate | None = None) -> RunOutcome:
        file = self.write(f"{batch_id}.csv", content)
        return (gate or self.gate()).run(self.place / contract, file, batch_id=batch_id)

    def later(self, time: timedelta) -> None:
        self.now += time

    @property
    def heard(self) -> list[str]:
        """What the webhook was sent: title and text of each message."""
        return [f"{request.json['title']}\n{request.json['message']}" for request in self.server.at("/hook")]

    def alerts(self) -> Iterable[Alert]:
        """Those of all messages, the first first."""
        return [alert for message in reversed(self.gate().history.outbox.messages()) for alert in message.alerts]


def open_shop(place: Path, server: WebhookServer) -> Shop:
    place.mkdir(parents=True, exist_ok=True)
    shop = Shop(place, server)
    shop.contract()
    shop.settings()
    shop.write("gate.yaml", _PROFILE)
    return shop
