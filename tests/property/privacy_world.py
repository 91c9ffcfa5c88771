"""A batch whose classified cells are marked, contracts that reach for them in every way, and everything that left a run."""

from __future__ import annotations

import json
import logging
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import yaml

from sluicegate import Gate
from sluicegate.cli.main import main
from sluicegate.config import load_profile
from sluicegate.errors import SluicegateError
from tests.notify.mailboxes import SmtpServer
from tests.notify.webhooks import WebhookServer

__all__ = ["FORMS", "SECRETS", "World", "leaks"]

FORMS = ("parquet", "csv", "json")
TEXTS = ("Qzvjaneq", "Qzvbobbq", "Qzvlizzq")
NUMBERS = (712_843_961, 723_954_172, 734_165_283)
DATES = (date(1871, 3, 14), date(1872, 4, 15), date(1873, 5, 16))
SECRETS = {
    "WIKI_TOKEN": "wk-Zt19xQv7Lm",
    "HOOK_PASSWORD": "hk-Bn83~rWq5Yp",
    "MAIL_PASSWORD": "ml Gs47&dKe2Hj",
    "LAKE_SECRET": "lk-Xc55pTf8Ud==",
}
_MARKS = re.compile("|".join([*TEXTS, *map(str, NUMBERS), *map(str, DATES)]), re.IGNORECASE)
_SEPARATORS = re.compile(r"(?<=\d)[,_](?=\d{3})")

_RULES = """\
import duckdb

def raises(batch):
    raise ValueError("bad: %r" % (batch.fetchall(),))

def raises_deep(batch: "pyarrow.Table"):
    import pyarrow.compute as pc
    try:
        pc.cast(batch["name"], "int64")
    except Exception as error:
        raise KeyError(batch["ssn"][0].as_py()) from error

def counts_wrongly(batch: "pyarrow.Table"):
    return batch["ssn"][0].as_py()

def says(batch: "pyarrow.Table"):
    from sluicegate.ports.rules import RuleResult
    return RuleResult(failing=1, message="look at %s" % batch["name"][0].as_py())

def says_the_secret(batch: "pyarrow.Table"):
    import os
    from sluicegate.ports.rules import RuleResult
    return RuleResult(failing=1, message="asked with %s" % os.environ["LAKE_SECRET"])

def renames(batch):
    return batch.project("name AS kind, ssn AS id")

def rows(batch):
    return batch.filter("id = 1")

def mask(batch: "pyarrow.Table"):
    return [value != 1 for value in batch["id"].to_pylist()]

def missing(batch: "pyarrow.Table"):
    raise ModuleNotFoundError("x", name=batch["name"][0].as_py())

def leaves(batch: "pyarrow.Table"):
    raise SystemExit(batch["name"][0].as_py())
"""

_PROFILE = """\
target: {type: parquet, path: data}
quarantine: {type: local, path: held}
history: {path: history.sqlite}
notifications: notifications.yaml
sources: {s3: {access_key_id: anybody, secret_access_key: "${LAKE_SECRET}", session_token: "${MAIL_PASSWORD}"}}
"""
_CHANNELS = """\
window: 0
time_limit_seconds: 20
default_channels: [hook, broken, mail]
channels:
  hook: {type: apprise, url: "json://gate:${HOOK_PASSWORD}@127.0.0.1:WEB/hook"}
  broken: {type: apprise, url: "json://127.0.0.1:WEB/echo/?+X-Token=${HOOK_PASSWORD}"}
  mail:
    type: email
    smtp: {host: 127.0.0.1, port: SMTP, tls: none}
    sender: gate@example.org
    recipients: [ada@example.org]
"""


def leaks(what: str, text: str) -> Iterator[str]:
    """Where a mark, or a secret in any guise that can be decoded at sight, occurs."""
    found = set(_MARKS.findall(_SEPARATORS.sub("", text)))
    found |= {name for name, secret in SECRETS.items() if secret in text or json.dumps(secret)[1:-1] in text}
    for mark in sorted(found):
        place = text.casefold().find(mark.casefold())
        yield f"{what}: {mark} in …{text[max(0, place - 150) : place + 80]!r}…"


def rows(*, few: bool = False) -> pa.Table:
    """Three rows, the open columns of which say nothing of the classified ones; ``few``: one of them."""
    table = pa.table(
        {
            "name": list(TEXTS),
            "id": [1, 2, 3],
            "amount": [1.5, None, -2.0],
            "kind": ["a", "b", "a"],
            "ssn": pa.array(NUMBERS, pa.int64()),
            "born": pa.array(DATES, pa.date32()),
            "person": [{"first": name, "age": number} for name, number in zip(TEXTS, NUMBERS, strict=True)],
        }
    )
    return table.slice(0, 1) if few else table


@dataclass(slots=True)
class World:
    """A folder with all of it, two servers, and what came out of the commands typed in it."""

    place: Path
    web: WebhookServer
    smtp: SmtpServer
    output: pytest.CaptureFixture[str]
    logs: pytest.LogCaptureFixture

    def begin(self) -> None:
        for name, text in {"gate.yaml": _PROFILE, "rules/people.py": _RULES}.items():
            (self.place / name).parent.mkdir(exist_ok=True)
            (self.place / name).write_text(text)
        channels = _CHANNELS.replace("WEB", str(self.web.port)).replace("SMTP", str(self.smtp.port))
        (self.place / "notifications.yaml").write_text(channels)

    def left(
        self, contract: Mapping[str, Any], form: str, verbs: Sequence[Sequence[str]], *, few: bool = False
    ) -> dict[str, str]:
        """Everything that left a run and the looks at it, by where it did."""
        self.begin()
        (self.place / "people.yaml").write_text(yaml.safe_dump({"data_contract": dict(contract)}, sort_keys=False))
        batch = self._batch(form, few=few)
        self.output.readouterr()
        self.logs.clear()
        with (
            patch.dict("os.environ", SECRETS),
            self.logs.at_level(logging.DEBUG),
            patch.object(logging.getLogger("mail.log"), "propagate", new=False),  # the mail server's own
        ):
            told = self._in_python(batch)
            written, config = str(self.place / "people.yaml"), ["--config", str(self.place / "gate.yaml")]
            main(["check", written, batch, "--verbose", *config])
            main(["run", written, batch, *self._reports(), *config])
            for words in verbs:
                main([written if word == "people.yaml" else word for word in words] + config)
            for item in self.place.rglob("manifest.json"):
                found = json.loads(item.read_text())["quarantine_id"]
                main(["quarantine", "show", found, *config])
                main(["quarantine", "replay", found, "--with", written, "--dry-run", "--json", *config])
        out, err = self.output.readouterr()
        told |= {"stdout": out, "stderr": err, "logs": self.logs.text}
        told |= {f"webhook {i}": f"{request.body!r} {request.body.decode()}" for i, request in enumerate(self.web.requests)}
        told |= {
            f"mail {i}": f"{mail.content!r} {mail.body('plain')} {mail.body('html')}" for i, mail in enumerate(self.smtp.mails)
        }
        return told | self._files()

    def _reports(self) -> Iterator[str]:
        for kind, ending in {"html": "html", "junit": "xml", "json": "json", "markdown": "md", "github": "txt"}.items():
            yield from ("--report", f"{kind}={self.place / 'report'}.{ending}")

    def _batch(self, form: str, *, few: bool) -> str:
        place, table = self.place / f"batch.{form}", rows(few=few)
        if form == "parquet":
            pq.write_table(table, place)
        elif form == "csv":
            pyarrow.csv.write_csv(table.drop_columns("person"), place)
        else:
            place.write_text("".join(json.dumps(row, default=str) + "\n" for row in table.to_pylist()))
        return str(place)

    def _in_python(self, batch: str) -> dict[str, str]:
        told: dict[str, str] = {}
        with Gate(load_profile(self.place / "gate.yaml")) as gate:
            try:
                outcome = gate.check(self.place / "people.yaml", batch)
                told |= {"document": json.dumps(outcome.as_document(), default=str), "repr": repr(outcome.verdict)}
                outcome.raise_if_refused()
            except SluicegateError as error:
                told["exception"] = f"{error} {error!r} {getattr(error, '__notes__', '')}"
        return told

    def _files(self) -> dict[str, str]:
        """What the gate wrote, but for the rows themselves and for the figures that drift compares."""
        told = {}
        for path in self.place.rglob("*"):
            is_text = path.suffix in {".json", ".html", ".xml", ".md", ".txt"}
            if is_text and not path.stem.endswith("batch"):  # the rows wait as they came
                told[path.name] = path.read_text(errors="replace")
        if not (self.place / "history.sqlite").exists():  # the contract was refused
            return told
        with closing(sqlite3.connect(self.place / "history.sqlite")) as history:
            history.execute("DELETE FROM figures")
            told["history"] = "\n".join(history.iterdump())
        return told
