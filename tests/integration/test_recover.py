"""What dead workers left is finished or rolled back, by whoever comes by."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from pathlib import Path

import pytest

from sluicegate.batch.scratch import Scratch, leavings
from sluicegate.cli.main import main
from sluicegate.errors import StorageError
from sluicegate.gate.gate import Gate
from sluicegate.ports.quarantine import Manifest, QuarantineStatus
from sluicegate.ports.recovery import Recovered
from sluicegate_adapters.quarantine.local import LocalQuarantineStore
from tests.crash.replay_shop import BAD, LATER, NOW, committed, gate_of, open_shop, sha, the_item

Status = QuarantineStatus


class Died(BaseException):
    """The process is gone: what it would have tidied up stays."""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLUICEGATE_CONFIG", str(tmp_path / "gate.yaml"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    open_shop(tmp_path)
    return tmp_path


@pytest.fixture
def item(shop: Path) -> Manifest:
    manifest = gate_of(shop).run("strict.yaml", "bad.csv", batch_id="b1").manifest
    assert manifest
    return manifest


def dies_at(operation: str, name: str) -> Callable[[str, Path], AbstractContextManager[object]]:
    """From that operation on nothing more is done: neither tidying up nor giving back."""
    dead = False

    def step(current: str, path: Path) -> AbstractContextManager[object]:
        nonlocal dead
        dead = dead or (current == operation and path.name == name)
        if dead:
            raise Died
        return nullcontext()

    return step


def dies(shop: Path, operation: str, name: str, work: Callable[[Gate], object]) -> None:
    with pytest.raises(Died):
        work(gate_of(shop, step=dies_at(operation, name)))
    for descriptor in Path("/proc/self/fd").iterdir():  # a death lets go of the locks
        if descriptor.is_symlink() and ".sluicegate-staging" in str(descriptor.readlink()):
            os.close(int(descriptor.name))


def recovered(shop: Path, *, dry_run: bool = False) -> list[Recovered]:
    return list(gate_of(shop, now=LATER).recover(dry_run=dry_run))


def about(found: list[Recovered], *kinds: str) -> list[tuple[str, str]]:
    return [(item.what, item.done) for item in found if item.what in kinds]


def test_a_claim_that_died_before_its_commit_is_given_back(shop: Path, item: Manifest) -> None:
    dies(shop, "write parquet", "part-00000.parquet", lambda gate: gate.replay(item.quarantine_id, "loose.yaml"))
    claimed = the_item(shop)
    assert claimed.status is Status.REPLAYING
    (living,) = (each for each in gate_of(shop).recover() if each.what == "lease")
    assert (living.what, living.done, living.exit_code, str(claimed.owner) in living.why) == ("lease", "left", 0, True)
    assert about(recovered(shop, dry_run=True), "lease") == [("lease", "would be rolled back")]
    assert the_item(shop) == claimed
    assert about(recovered(shop), "lease") == [("lease", "rolled back")]
    waiting = the_item(shop)
    assert (waiting.status, waiting.attempt, waiting.owner, waiting.lease_until) == (Status.QUARANTINED, 1, None, None)
    assert "its worker died" in waiting.history[-1].why
    assert recovered(shop) == []
    assert gate_of(shop, now=LATER).replay(item.quarantine_id, "loose.yaml").passed


def test_a_claim_that_died_after_its_commit_is_settled(shop: Path, item: Manifest) -> None:
    released: list[bool] = []

    def step(operation: str, path: Path) -> AbstractContextManager[object]:
        if released or (operation == "sync" and path.name == "orders" and (path / "batch=b1").exists()):
            released.append(True)
            raise Died
        return nullcontext()

    with pytest.raises(Died):
        gate_of(shop, step=step).release(item.quarantine_id, by="ada", reason="right", beside=shop)
    assert (the_item(shop).status, committed(shop)) == (Status.REPLAYING, [sha(BAD)])
    assert about(recovered(shop, dry_run=True), "lease") == [("lease", "would be finished")]
    assert about(recovered(shop), "lease") == [("lease", "finished")]
    assert the_item(shop).status is Status.RELEASED
    assert recovered(shop) == []


def test_an_item_whose_batch_a_run_committed_says_so(shop: Path, item: Manifest) -> None:
    blind = gate_of(shop)
    blind.__dict__["quarantine_store"] = LocalQuarantineStore({"path": "elsewhere"}, shop)
    blind.run("loose.yaml", "bad.csv", batch_id="b1")
    assert about(recovered(shop, dry_run=True), "item") == [("item", "would be finished")]
    assert the_item(shop) == item
    assert about(recovered(shop), "item") == [("item", "finished")]
    assert the_item(shop).status is Status.REPLAYED
    assert recovered(shop) == []


def test_a_deletion_that_died_before_the_bytes_were_gone_is_finished(shop: Path, item: Manifest) -> None:
    dies(shop, "remove", "data", lambda gate: gate.delete(item.quarantine_id, by="ada", reason="over"))
    assert list((shop / "held").rglob("*.csv"))
    assert about(recovered(shop), "orphan copy") == [("orphan copy", "removed")]
    assert not list((shop / "held").rglob("*.csv"))
    assert the_item(shop).status is Status.DELETED


def test_what_a_run_left_that_died_on_its_way_is_cleared_away(shop: Path) -> None:
    dies(shop, "link", "manifest.json", lambda gate: gate.run("strict.yaml", "bad.csv", batch_id="b1"))
    dies(shop, "publish", "batch=b1", lambda gate: gate.run("loose.yaml", "bad.csv", batch_id="b1"))
    found = recovered(shop)
    assert sorted(about(found, "orphan copy", "temporary file", "staging folder")) == [
        ("orphan copy", "removed"),
        ("staging folder", "removed"),
        ("temporary file", "removed"),
    ]
    assert not [path for path in (shop / "held").rglob("*") if path.is_file() and path.name != ".lock"]
    assert (shop / "bad.csv").read_text() == BAD
    assert recovered(shop) == []


class AwayTarget:
    def find(self, _batch_id: str, **_: str) -> None:
        raise StorageError("the target is away")


def test_what_can_not_be_done_is_told_and_keeps_nothing_else(
    shop: Path, item: Manifest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = shop / "held" / "default" / "orders" / "q-000000000000000000000000"
    damaged.mkdir()
    (damaged / "manifest.json").write_text("{}")
    monkeypatch.setattr(Gate, "target", AwayTarget())
    gate = gate_of(shop)
    found = list(gate.recover())
    assert [(each.where, each.done, each.exit_code) for each in found] == [(item.quarantine_id, "left", 6), ("", "left", 6)]
    assert "is damaged" in found[1].why
    assert main(["recover"]) == 6
    assert "2 could not be" in capsys.readouterr().out


def test_the_command_line_tells_each_thing_and_the_exit_code(
    shop: Path, item: Manifest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recover"]) == 0
    assert capsys.readouterr().out == "nothing was left\n"
    dies(shop, "publish", "batch=b1", lambda gate: gate.replay(item.quarantine_id, "loose.yaml"))
    assert main(["recover", "--dry-run", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {(each["what"], each["done"]) for each in document["items"]} >= {
        ("lease", "would be rolled back"),
        ("staging folder", "would be removed"),
    }
    assert document["dry_run"] is True
    assert main(["recover", "--older-than", "15m"]) == 0
    said = capsys.readouterr().out
    assert f"rolled back: lease {item.quarantine_id}" in said
    for age in ("15", "m", "-1h", "999999d", "1w"):
        assert main(["recover", f"--older-than={age}"]) == 2


def test_the_folders_of_killed_gates_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    living, dead, strange = Scratch(tmp_path), Scratch(tmp_path), tmp_path / "sluicegate-demo"
    strange.mkdir()
    (dead.path / "spilled").write_bytes(b"x" * 100)
    os.close(dead._lock)
    later = LATER + timedelta(days=3650)
    assert list(leavings(tmp_path, older_than=NOW - timedelta(days=3650))) == []
    (would,) = leavings(tmp_path, older_than=later, dry_run=True)
    assert (would.where, would.done, would.bytes, dead.path.exists()) == (str(dead.path), "would be removed", 100, True)
    (gone,) = leavings(tmp_path, older_than=later)
    assert (gone.where, gone.done, dead.path.exists()) == (str(dead.path), "removed", False)
    assert living.path.exists()
    assert strange.exists()
    living.remove()
    assert list(leavings(tmp_path, older_than=later)) == []
