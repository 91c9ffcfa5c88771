"""Kept bytes that are gone are kept again by whoever still has the batch: nobody is told that a batch waits which can't be replayed."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from sluicegate import Gate
from sluicegate.errors import StorageError
from sluicegate.gate.act import ActionTaken
from sluicegate.ports.quarantine import Manifest
from tests.crash.replay_shop import LATER, LOOSE, STRICT
from tests.integration import rows_shop
from tests.s3.servers import client_of, settings_for

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(tmp_path: Path, server: str, bucket: str) -> Path:
    rows_shop.open_shop(tmp_path)
    (tmp_path / "whole.yaml").write_text(STRICT)
    (tmp_path / "passes.yaml").write_text(LOOSE)
    store = json.dumps({"type": "s3", **settings_for(server, bucket, prefix="held")})
    (tmp_path / "gate.yaml").write_text(f"{rows_shop.PARQUET}quarantine: {store}\nhistory: {{path: history.sqlite}}\n")
    return tmp_path


def lose(server: str, bucket: str) -> None:
    """What ``recover`` does to the data of a worker that stalled before its manifest."""
    client = client_of(server)
    data = [each["Key"] for each in client.list_objects_v2(Bucket=bucket)["Contents"] if "/data/" in each["Key"]]
    assert len(data) == 1
    client.delete_object(Bucket=bucket, Key=data[0])


def quarantined(gate: Gate, batch: object, shop: Path) -> Manifest:
    outcome = gate.run(shop / "whole.yaml", batch, batch_id="b1")
    assert outcome.action is ActionTaken.QUARANTINED
    assert outcome.manifest is not None
    return outcome.manifest


def table() -> pa.Table:
    return pa.table({"id": pa.array([1, 2], pa.int64()), "amount": pa.array([1, -2], pa.decimal128(9, 2))})


@pytest.mark.parametrize("kind", ["file", "table"])
def test_a_batch_that_is_handed_in_again_is_kept_again_and_can_be_replayed(
    shop: Path, server: str, bucket: str, kind: str
) -> None:
    batch = shop / "bad.csv" if kind == "file" else table()
    (shop / "bad.csv").write_text("id,amount\n1,1.00\n2,-2.00\n")
    item = quarantined(rows_shop.gate_of(shop), batch, shop)
    lose(server, bucket)
    with pytest.raises(StorageError, match="is gone"):
        rows_shop.gate_of(shop).replay(item.quarantine_id, shop / "passes.yaml")
    again = rows_shop.gate_of(shop, LATER).run(shop / "whole.yaml", batch, batch_id="b1")
    assert (again.action, again.decided_before, again.exit_code) == (ActionTaken.QUARANTINED, True, 3)
    assert again.manifest is not None
    assert again.manifest.files == item.files
    assert "kept again" in " ".join(again.warnings)
    assert not rows_shop.gate_of(shop, LATER).run(shop / "whole.yaml", batch, batch_id="b1").warnings
    assert rows_shop.gate_of(shop, LATER).replay(item.quarantine_id, shop / "passes.yaml").passed


def test_a_batch_that_a_contract_chose_another_bucket_for_is_kept_again_where_it_is(shop: Path, server: str, bucket: str) -> None:
    item = quarantined(rows_shop.gate_of(shop), shop / "bad.csv", shop)
    lose(server, bucket)
    elsewhere = {"s3_bucket": bucket, "s3_prefix": "elsewhere"}
    contract = STRICT.replace("retention_days: 7", f"retention_days: 7, {json.dumps(elsewhere)[1:-1]}")
    (shop / "whole.yaml").write_text(contract)
    again = rows_shop.gate_of(shop).run(shop / "whole.yaml", shop / "bad.csv", batch_id="b1")
    assert again.manifest is not None
    assert again.manifest.quarantine_id == item.quarantine_id
    keys = [each["Key"] for each in client_of(server).list_objects_v2(Bucket=bucket)["Contents"]]
    assert {key.partition("/")[0] for key in keys} == {"held"}
    assert len(keys) == 2


def test_the_rows_of_a_batch_whose_rest_is_not_committed_yet_are_kept_again_and_the_rest_is_committed(
    shop: Path, server: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that died between its manifest and its rest, and had stalled before its manifest."""
    gate = rows_shop.gate_of(shop)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr("sluicegate.gate.first.commit_rest", dies)
        with pytest.raises(KeyboardInterrupt):
            gate.run(shop / "rows.yaml", shop / "bad.csv", batch_id="b1")
    lose(server, bucket)
    (shop / "all-pass.yaml").write_text(LOOSE)
    with pytest.raises(StorageError, match="not what was quarantined"):  # it has no broken rows at hand
        rows_shop.gate_of(shop).run(shop / "all-pass.yaml", shop / "bad.csv", batch_id="b1")
    again = rows_shop.gate_of(shop).run(shop / "rows.yaml", shop / "bad.csv", batch_id="b1")
    assert (again.action, again.decided_before) == (ActionTaken.SPLIT, True)
    assert rows_shop.committed(shop) == rows_shop.wanted()
    item = rows_shop.the_item(rows_shop.gate_of(shop))
    assert (item.scope, item.rows) == ("rows", len(rows_shop.BROKEN))
    assert rows_shop.gate_of(shop).release(item.quarantine_id, by="ada", reason="all right").passed
    assert rows_shop.committed(shop) == rows_shop.wanted(set(range(len(rows_shop.LINES))))


def test_rows_that_are_gone_after_their_rest_was_committed_are_kept_again(shop: Path, server: str, bucket: str) -> None:
    gate = rows_shop.gate_of(shop)
    assert gate.run(shop / "rows.yaml", shop / "bad.csv", batch_id="b1").action is ActionTaken.SPLIT
    lose(server, bucket)
    assert rows_shop.gate_of(shop).run(shop / "rows.yaml", shop / "bad.csv", batch_id="b1").action is ActionTaken.SPLIT
    assert rows_shop.gate_of(shop).release(rows_shop.the_item(gate).quarantine_id, by="ada", reason="all right").passed
    assert rows_shop.committed(shop) == rows_shop.wanted(set(range(len(rows_shop.LINES))))


def test_rows_that_a_looser_contract_would_split_otherwise_are_not_kept_by_it(shop: Path, server: str, bucket: str) -> None:
    gate = rows_shop.gate_of(shop)
    gate.run(shop / "rows.yaml", shop / "bad.csv", batch_id="b1")
    lose(server, bucket)
    with pytest.raises(StorageError, match="is gone"):
        rows_shop.gate_of(shop).run(shop / "loose.yaml", shop / "bad.csv", batch_id="b1")
    assert rows_shop.gate_of(shop).run(shop / "rows.yaml", shop / "bad.csv", batch_id="b1").action is ActionTaken.SPLIT
