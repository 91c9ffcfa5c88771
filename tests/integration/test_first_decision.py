"""The same batch handed in again, or by several at once: the first decision stands, and everybody is told the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from sluicegate import BatchRefused
from sluicegate.cli.main import main
from sluicegate.errors import BatchConflict, StorageError
from sluicegate.gate.act import ActionTaken
from sluicegate.gate.gate import Gate
from sluicegate.ports.quarantine import Manifest, QuarantineStatus
from sluicegate_adapters.quarantine.local import LocalQuarantineStore
from tests.crash.replay_shop import BAD, FIXED, STRICT, committed, gate_of, open_shop, sha, the_item

Status = QuarantineStatus
Action = ActionTaken

BLOCKS = STRICT.replace("violation_handling: {", "violation_handling: {on_quality_violation: block, ")
WITHOUT = STRICT.replace("min: 0", "min: -100").replace("quarantine: {retention_days: 7}", "quarantine: {enabled: false}")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLUICEGATE_CONFIG", str(tmp_path / "gate.yaml"))
    open_shop(tmp_path)
    (tmp_path / "blocks.yaml").write_text(BLOCKS)
    (tmp_path / "without.yaml").write_text(WITHOUT)
    return tmp_path


@pytest.fixture
def gate(shop: Path) -> Gate:
    return gate_of(shop)


def quarantined(gate: Gate) -> Manifest:
    manifest = gate.run("strict.yaml", "bad.csv", batch_id="b1").manifest
    assert manifest
    return manifest


class Away:
    """A store that can't be asked, though it could be written."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        def away(*_: object, **__: object) -> object:
            raise StorageError("the store is away", hint="bring it back")

        return away


def test_a_batch_that_waits_is_not_committed_by_a_contract_that_asks_for_less(gate: Gate, shop: Path) -> None:
    first = quarantined(gate)
    again = gate.run("loose.yaml", "bad.csv", batch_id="b1")
    assert (again.action, again.manifest, again.decided_before) == (Action.QUARANTINED, first, True)
    assert (again.exit_code, again.passed, again.verdict.exit_code) == (3, False, 0)
    assert f"sluicegate quarantine replay {first.quarantine_id}" in " ".join(again.warnings)
    assert committed(shop) == []
    with pytest.raises(BatchRefused):
        again.raise_if_refused()
    assert gate.replay(first.quarantine_id, "loose.yaml").passed


def test_a_batch_that_waits_is_told_so_by_a_contract_that_blocks(gate: Gate) -> None:
    first = quarantined(gate)
    again = gate.run("blocks.yaml", "bad.csv", batch_id="b1")
    assert (again.action, again.manifest, again.exit_code) == (Action.QUARANTINED, first, 3)


def test_a_committed_batch_is_refused_too_late_by_a_contract_that_blocks(gate: Gate, shop: Path) -> None:
    first = gate.run("loose.yaml", "bad.csv", batch_id="b1")
    again = gate.run("blocks.yaml", "bad.csv", batch_id="b1")
    assert first.receipt
    assert again.receipt
    assert (again.action, again.receipt.location, again.exit_code) == (Action.COMMITTED, first.receipt.location, 4)
    assert (again.passed, again.decided_before, first.decided_before) == (False, True, False)


def test_a_batch_that_was_blocked_is_decided_anew(gate: Gate, shop: Path) -> None:
    assert gate.run("blocks.yaml", "bad.csv", batch_id="b1").action is Action.BLOCKED
    assert not (shop / "held").exists()
    assert gate.run("loose.yaml", "bad.csv", batch_id="b1").action is Action.COMMITTED


@pytest.mark.parametrize("contract", ["strict.yaml", "loose.yaml", "blocks.yaml"])
def test_the_same_batch_id_with_other_content_is_a_conflict_whatever_the_checks_say(
    gate: Gate, shop: Path, contract: str
) -> None:
    gate.run("strict.yaml", "fixed.csv", batch_id="b1")
    with pytest.raises(BatchConflict, match="other content"):
        gate.run(contract, "bad.csv", batch_id="b1")
    assert committed(shop) == [sha(FIXED)]
    assert list(gate.quarantine_store.list()) == []


def test_a_conflict_names_the_item_that_this_content_waits_in(gate: Gate) -> None:
    item = quarantined(gate)
    gate.run("strict.yaml", "fixed.csv", batch_id="b1")
    with pytest.raises(BatchConflict, match=item.quarantine_id):
        gate.run("strict.yaml", "bad.csv", batch_id="b1")
    assert gate.quarantine_store.get(item.quarantine_id) == item


def test_other_content_under_one_batch_id_waits_as_items_of_their_own_and_one_is_committed(gate: Gate, shop: Path) -> None:
    (shop / "worse.csv").write_text(BAD.replace("-2", "-3"))
    first, second = quarantined(gate), gate.run("strict.yaml", "worse.csv", batch_id="b1").manifest
    assert second
    assert {item.quarantine_id for item in gate.quarantine_store.list()} == {first.quarantine_id, second.quarantine_id}
    assert gate.replay(first.quarantine_id, "loose.yaml").passed
    with pytest.raises(BatchConflict):
        gate.replay(second.quarantine_id, "loose.yaml")
    assert gate.quarantine_store.get(second.quarantine_id).status is Status.QUARANTINED
    assert committed(shop) == [sha(BAD)]


@pytest.mark.parametrize("work", ["replay", "release"])
def test_after_a_replay_or_a_release_the_step_succeeds(gate: Gate, shop: Path, work: str) -> None:
    item = quarantined(gate)
    if work == "replay":
        gate.replay(item.quarantine_id, data="fixed.csv")
    else:
        gate.release(item.quarantine_id, by="ada", reason="it is right")
    again = gate.run("strict.yaml", "bad.csv", batch_id="b1")
    assert (again.action, again.exit_code, again.passed) == (Action.COMMITTED, 0, True)
    assert again.raise_if_refused() is again
    assert len(committed(shop)) == 1


def test_what_the_target_forgot_the_item_still_knows(gate: Gate, shop: Path) -> None:
    item = quarantined(gate)
    location = gate.replay(item.quarantine_id, "loose.yaml").manifest.history[-1].details["location"]
    shutil.rmtree(location)
    again = gate.run("loose.yaml", "bad.csv", batch_id="b1")
    assert again.receipt
    assert (again.action, again.receipt.location, again.receipt.already_there) == (Action.COMMITTED, location, True)
    assert "doesn't show it any more" in " ".join(again.warnings)
    assert committed(shop) == []


def test_a_store_that_cannot_be_asked_lets_nothing_in(gate: Gate, shop: Path) -> None:
    gate.__dict__["quarantine_store"] = Away()
    for contract in ("loose.yaml", "strict.yaml"):
        with pytest.raises(StorageError, match="away"):
            gate.run(contract, "bad.csv", batch_id="b1")
    assert committed(shop) == []
    blocked = gate.run("blocks.yaml", "bad.csv", batch_id="b1")
    assert (blocked.action, blocked.exit_code) == (Action.BLOCKED, 4)
    assert "could not be asked" in " ".join(blocked.warnings)


def test_a_store_that_the_contract_does_not_use_keeps_nothing_out(gate: Gate, shop: Path) -> None:
    gate.__dict__["quarantine_store"] = Away()
    done = gate.run("without.yaml", "bad.csv", batch_id="b1")
    assert (done.action, done.exit_code) == (Action.COMMITTED, 0)
    assert "could not be asked" in " ".join(done.warnings)
    assert committed(shop) == [sha(BAD)]


def test_a_contract_without_quarantine_finds_what_waits_there_all_the_same(gate: Gate, shop: Path) -> None:
    item = quarantined(gate)
    assert gate.run("without.yaml", "bad.csv", batch_id="b1").manifest == item
    assert committed(shop) == []


def test_what_is_committed_is_said_to_be_so_though_the_store_is_away(gate: Gate, shop: Path) -> None:
    gate.run("loose.yaml", "bad.csv", batch_id="b1")
    gate.__dict__["quarantine_store"] = Away()
    again = gate.run("loose.yaml", "bad.csv", batch_id="b1")
    assert (again.action, again.exit_code) == (Action.COMMITTED, 0)
    assert "could not be asked" in " ".join(again.warnings)


def at(operation: str, name: str, happen: Callable[[], object]) -> Callable[[str, Path], AbstractContextManager[object]]:
    """A step that lets something happen once, before the operation on the file of this name."""
    done = False

    def step(current: str, path: Path) -> AbstractContextManager[object]:
        nonlocal done
        if not done and current == operation and path.name == name:
            done = True
            happen()
        return nullcontext()

    return step


def test_what_is_quarantined_right_before_the_commits_last_look_stands(gate: Gate, shop: Path) -> None:
    slow = gate_of(shop, step=at("write parquet", "part-00000.parquet", lambda: quarantined(gate)))
    late = slow.run("loose.yaml", "bad.csv", batch_id="b1")
    assert (late.action, late.exit_code, late.decided_before) == (Action.QUARANTINED, 3, True)
    assert (the_item(shop).status, committed(shop)) == (Status.QUARANTINED, [])


def test_what_is_quarantined_right_before_the_commit_becomes_visible_is_settled_by_the_commit(gate: Gate, shop: Path) -> None:
    slow = gate_of(shop, step=at("publish", "batch=b1", lambda: quarantined(gate)))
    done = slow.run("loose.yaml", "bad.csv", batch_id="b1")
    assert (done.action, done.exit_code, done.manifest) == (Action.COMMITTED, 0, the_item(shop))
    assert (the_item(shop).status, committed(shop)) == (Status.REPLAYED, [sha(BAD)])
    assert "a run of the gate had committed it" in the_item(shop).history[-1].why


def test_what_is_committed_right_before_the_item_appears_is_settled_by_the_quarantine(gate: Gate, shop: Path) -> None:
    slow = gate_of(
        shop, step=at("link", "manifest.json", lambda: gate.run("loose.yaml", "bad.csv", batch_id="b1").raise_if_refused())
    )
    done = slow.run("strict.yaml", "bad.csv", batch_id="b1")
    assert (done.action, done.exit_code, done.manifest) == (Action.COMMITTED, 4, the_item(shop))
    assert (the_item(shop).status, committed(shop)) == (Status.REPLAYED, [sha(BAD)])


def test_other_content_that_is_committed_right_before_the_item_appears_is_a_conflict_and_the_item_waits(
    gate: Gate, shop: Path
) -> None:
    slow = gate_of(shop, step=at("link", "manifest.json", lambda: gate.run("strict.yaml", "fixed.csv", batch_id="b1")))
    with pytest.raises(BatchConflict):
        slow.run("strict.yaml", "bad.csv", batch_id="b1")
    assert (the_item(shop).status, committed(shop)) == (Status.QUARANTINED, [sha(FIXED)])


def test_a_deletion_in_the_moment_of_the_commit_is_on_record(gate: Gate, shop: Path) -> None:
    def given_up() -> None:
        gate.delete(quarantined(gate).quarantine_id, by="ada", reason="a test")

    done = gate_of(shop, step=at("publish", "batch=b1", given_up)).run("loose.yaml", "bad.csv", batch_id="b1")
    assert (done.action, done.exit_code) == (Action.COMMITTED, 0)
    item = the_item(shop)
    assert (item.status, item.history[-1].details["data_sha256"]) == (Status.DELETED, sha(BAD))
    assert gate.run("loose.yaml", "bad.csv", batch_id="b1").manifest == item, "noted once"


class Died(BaseException):
    """The process is gone: no handler of ours runs on."""


def test_a_run_that_dies_between_its_commit_and_its_last_word_is_settled_by_the_next(gate: Gate, shop: Path) -> None:
    def die() -> None:
        raise Died

    slow = gate_of(shop, step=at("publish", "batch=b1", lambda: quarantined(gate)))
    slow.__dict__["quarantine_store"] = LocalQuarantineStore({"path": "held"}, shop, step=at("replace", "manifest.json", die))
    with pytest.raises(Died):
        slow.run("loose.yaml", "bad.csv", batch_id="b1")
    assert (the_item(shop).status, committed(shop)) == (Status.QUARANTINED, [sha(BAD)])
    again = gate.run("strict.yaml", "bad.csv", batch_id="b1")
    assert (again.action, the_item(shop).status, committed(shop)) == (Action.COMMITTED, Status.REPLAYED, [sha(BAD)])


def test_the_command_line_says_what_stands_and_how_to_go_on(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "strict.yaml", "bad.csv", "--batch-id", "b1"]) == 3
    capsys.readouterr()
    assert main(["run", "loose.yaml", "bad.csv", "--batch-id", "b1", "--fail-on-warnings"]) == 3
    said = " ".join(capsys.readouterr().out.split())
    item = the_item(shop)
    since = item.created_at[:16].replace("T", " ")
    assert f"QUARANTINED: nothing was committed; 3 rows wait as {item.quarantine_id} since {since} UTC" in said
    assert f"quarantine replay {item.quarantine_id} --with loose.yaml" in said
    assert main(["run", "loose.yaml", "bad.csv", "--batch-id", "b1", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    told = {key: document[key] for key in ("action", "decided_before", "quarantine_id", "exit_code", "location")}
    assert told == {
        "action": "quarantined",
        "decided_before": True,
        "quarantine_id": item.quarantine_id,
        "exit_code": 3,
        "location": None,
    }
    assert document["verdict"]["decision"] == "commit"
    assert main(["quarantine", "release", item.quarantine_id, "--by", "ada", "--reason", "right", "--beside", "."]) == 0
    capsys.readouterr()
    assert main(["run", "strict.yaml", "bad.csv", "--batch-id", "b1"]) == 0
    assert "COMMITTED BEFORE: 3 rows had been committed before" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("contract", ["strict.yaml", "loose.yaml"])
def test_a_batch_whose_kept_bytes_are_gone_is_not_said_to_wait(gate: Gate, shop: Path, contract: str) -> None:
    quarantined(gate)
    (kept,) = (shop / "held").rglob("*bad.csv")
    kept.unlink()
    with pytest.raises(StorageError, match="not what was quarantined") as caught:
        gate.run(contract, "bad.csv", batch_id="b1")
    assert "replay a repaired file" in caught.value.hint
    assert committed(shop) == []
    assert gate.replay(the_item(shop).quarantine_id, "loose.yaml", data="bad.csv").passed
