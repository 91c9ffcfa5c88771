"""One dataset, a strict contract and a loose one, a bad delivery and its repair: and all that can be done with them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from sluicegate import Gate
from sluicegate.ports.quarantine import quarantine_id

__all__ = [
    "BAD",
    "BAD_PARQUET",
    "BATCH",
    "BROKEN",
    "CONTENTS",
    "FILES",
    "FIXED",
    "OTHERS",
    "ROWS",
    "WORKS",
    "WORSE",
    "item_of",
    "open_shop",
    "sha",
]

BATCH = "b1"
STRICT = """\
data_contract:
  name: orders
  version: 1.0.0
  owner: shop
  schema:
    - {name: id, type: integer, required: true}
    - {name: amount, type: "decimal(9,2)"}
  quality_checks:
    checks:
      - {type: range, column: amount, min: 0}
  violation_handling: {quarantine: {retention_days: 7}}
"""
SPLITTING = STRICT.replace("retention_days: 7", "scope: rows, retention_days: 7")
WARNING = STRICT.replace("min: 0", "min: 0, severity: warning")
BLOCKING = STRICT.replace("violation_handling: {", "violation_handling: {on_quality_violation: block, ")
LOOSE = STRICT.replace("min: 0", "min: -100").replace("1.0.0", "1.1.0")
BAD = "id,amount\n1,1.00\n2,-2.00\n3,3.00\n"
FIXED = BAD.replace("-2", "2")
WORSE = BAD.replace("-2", "-3")
"""Bad, too, and another content under the same batch_id."""
BROKEN = [(1, ("2", "-2.00"))]
"""What is split off the bad delivery: each row's position, and the row as text."""
OTHERS = tuple(f"id,amount\n{number},1.00\n" for number in range(10, 18))
"""Eight more deliveries, each passing."""
ELSE = "id,amount\n8,8.00\n"
"""What another batch brought before anything happens here; it must stay."""


def sha(content: str | bytes) -> str:
    """The fingerprint of a delivery of one file."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _rows(text: str) -> list[tuple[str, str]]:
    return sorted((number, amount) for number, amount in (line.split(",") for line in text.splitlines()[1:]))


BAD_PARQUET = base64.b64decode(
    "UEFSMRUAFTwVNiwVBhUAFQYVBgAAHhwCAAAABgEBAAkBAQ4sAAAAAAMAAAAAAAAAFQAVJBUoLBUGFQAVBhUGAAASRAIAAAAGAWQAAAA4////LAEAABUC"
    "GTw1ABgNZHVja2RiX3NjaGVtYRUEABUEJQIYAmlkJSQAFQIlAhgGYW1vdW50JQoVBBUSLFwVBBUSAAAAFgYZHBksJgAcFQQZFQAZGAJpZBUCFgYWXhZY"
    "Jgg8GAgDAAAAAAAAABgIAQAAAAAAAAAWACgIAwAAAAAAAAAYCAEAAAAAAAAAEREAGRwVABUAFQIAAAAmABwVAhkVABkYBmFtb3VudBUCFgYWRhZKJmA8"
    "GAQsAQAAGAQ4////FgAoBCwBAAAYBDj///8REQAZHBUAFQAVAgAAABakARYGJggWogEAKChEdWNrREIgdmVyc2lvbiB2Mi4wLjAgKGJ1aWxkIGQ1NGNi"
    "YmUzZGYpGSwcAAAcAAAAFgEAAFBBUjE="
)
CONTENTS: Mapping[str, bytes] = {
    **{sha(text): text.encode() for text in (BAD, FIXED, WORSE, ELSE, *OTHERS)},
    sha(BAD_PARQUET): BAD_PARQUET,
}
"""Fingerprint -> the delivery."""
ROWS: Mapping[str, list[tuple[str, str]]] = {
    **{found: _rows(content.decode()) for found, content in CONTENTS.items() if content != BAD_PARQUET},
    sha(BAD_PARQUET): _rows(BAD),
}
"""Fingerprint -> the rows that a reader of the target must find, as text."""


def item_of(batch_id: str = BATCH) -> str:
    """The quarantine ID of the bad delivery, handed in under this ID."""
    return quarantine_id(tenant="default", dataset="orders", batch_id=batch_id, content_sha256=sha(BAD))


_TEXTS = {
    "strict.yaml": STRICT,
    "loose.yaml": LOOSE,
    "splitting.yaml": SPLITTING,
    "warning.yaml": WARNING,
    "blocking.yaml": BLOCKING,
    "bad.csv": BAD,
    "fixed.csv": FIXED,
    "worse.csv": WORSE,
    "else.csv": ELSE,
    **{f"other-{number}.csv": text for number, text in enumerate(OTHERS)},
}
FILES: Mapping[str, bytes] = {**{name: text.encode() for name, text in _TEXTS.items()}, "bad.parquet": BAD_PARQUET}
"""Contracts and deliveries; nobody changes them."""


def open_shop(place: Path, profile: str) -> None:
    """A folder with contracts, deliveries and a profile."""
    place.mkdir(parents=True, exist_ok=True)
    for name, content in {**FILES, "gate.yaml": profile.encode()}.items():
        (place / name).write_bytes(content)


Work = Callable[[Gate, Path], object]


def _run(contract: str, delivery: str, batch_id: str = BATCH) -> Work:
    return lambda gate, place: gate.run(place / contract, place / delivery, batch_id=batch_id)


def _replay(contract: str, data: str | None = None, batch_id: str = BATCH) -> Work:
    return lambda gate, place: gate.replay(item_of(batch_id), place / contract, data=None if data is None else str(place / data))


def _release(gate: Gate, place: Path) -> object:
    return gate.release(item_of(), by="ada", reason="it is right", beside=place)


def _delete(batch_id: str = BATCH) -> Work:
    return lambda gate, _place: gate.delete(item_of(batch_id), by="ada", reason="a test delivery")


def _purge(gate: Gate, _place: Path) -> object:
    found = list(gate.purge())
    failed = [kept for kept in found if kept.exit_code]
    assert all("is being worked on" in kept.told for kept in failed), failed
    return "left" if failed else "purged"


def _review(gate: Gate, _place: Path) -> object:
    return gate.review(item_of(), by="ada", note="seen")


def _recover(gate: Gate, _place: Path) -> object:
    found = list(gate.recover())
    assert all(not done.exit_code or "is being worked on" in done.why for done in found), found
    return "recovered"


def _flush(gate: Gate, _place: Path) -> object:
    gate.flush()
    return "flushed"


WORKS: Mapping[str, Work] = {
    "commit": _run("loose.yaml", "bad.csv"),
    "commit parquet": _run("loose.yaml", "bad.parquet"),
    "commit another": _run("loose.yaml", "else.csv", "b0"),
    "commit fixed": _run("strict.yaml", "fixed.csv"),
    "quarantine": _run("strict.yaml", "bad.csv"),
    "quarantine parquet": _run("strict.yaml", "bad.parquet"),
    "split": _run("splitting.yaml", "bad.csv"),
    "warn": _run("warning.yaml", "bad.csv"),
    "block": _run("blocking.yaml", "bad.csv"),
    "flush": _flush,
    "passes": _replay("loose.yaml"),
    "repaired": _replay("strict.yaml", data="fixed.csv"),
    "fails": _replay("strict.yaml"),
    "release": _release,
    "review": _review,
    "delete": _delete(),
    "purge": _purge,
    "recover": _recover,
    **{f"commit {number}": _run("strict.yaml", f"other-{number}.csv") for number in range(len(OTHERS))},
    **{f"batch {number}": _run("strict.yaml", f"other-{number}.csv", f"n{number}") for number in range(len(OTHERS))},
    "quarantine r1": _run("strict.yaml", "bad.csv", "r1"),
    "passes r1": _replay("loose.yaml", batch_id="r1"),
    "quarantine r2": _run("strict.yaml", "bad.csv", "r2"),
    "delete r2": _delete("r2"),
    "split r3": _run("splitting.yaml", "bad.csv", "r3"),
    "commit r4": _run("loose.yaml", "bad.parquet", "r4"),
    "quarantine r5": _run("strict.yaml", "bad.parquet", "r5"),
    "quarantine r6": _run("strict.yaml", "bad.parquet", "r6"),
}
"""What a worker can be told to do."""
