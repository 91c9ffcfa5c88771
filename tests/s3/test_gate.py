"""A real batch through the whole gate into a bucket, with the profile that ships, and seen again on the command line."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sluicegate import Gate
from sluicegate.cli.main import main
from sluicegate.errors import UsageError
from sluicegate.gate.act import ActionTaken
from sluicegate.ports.quarantine import Lending
from tests.crash.replay_shop import open_shop
from tests.s3.lake import Lake, lake_settings
from tests.s3.proxy import Network
from tests.s3.servers import KEYS, client_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FLIGHTS = ROOT / "contracts" / "flights"
BLIZZARD = "2013-02-08"


@pytest.fixture
def profile(tmp_path: Path, server: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``configs/s3.yaml``, its bucket and server named by the environment."""
    monkeypatch.setenv("SLUICEGATE_BUCKET", bucket)
    monkeypatch.setenv("S3_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS["secret_access_key"])
    return Path(shutil.copy(ROOT / "configs" / "s3.yaml", tmp_path / "s3.yaml"))


def test_flights_of_the_blizzard_wait_in_the_bucket_and_are_listed_and_shown(
    profile: Path, server: str, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = Gate.from_config(profile)
    delivery = FLIGHTS / "data" / f"{BLIZZARD}.parquet"
    now = datetime(2013, 2, 9, 10, tzinfo=UTC)
    outcome = gate.run(FLIGHTS / "contract.yaml", delivery, batch_id=BLIZZARD, now=now)
    assert outcome.action is ActionTaken.QUARANTINED
    assert outcome.manifest is not None
    wanted = outcome.manifest.quarantine_id

    found = client_of(server).list_objects_v2(Bucket=bucket)["Contents"]
    assert {each["Key"].split("/")[0] for each in found} == {"quarantine"}
    assert [path.read_bytes() for path in Gate.from_config(profile).quarantine_store.data_files(outcome.manifest)] == [
        delivery.read_bytes()
    ]

    again = Gate.from_config(profile).run(FLIGHTS / "contract.yaml", delivery, batch_id=BLIZZARD, now=now)
    assert again.manifest == outcome.manifest

    assert main(["quarantine", "list", "--config", str(profile), "--json"]) == 0
    (item,) = json.loads(capsys.readouterr().out)["items"]
    assert (item["quarantine_id"], item["batch_id"], item["status"]) == (wanted, BLIZZARD, "quarantined")
    assert main(["quarantine", "show", wanted, "--config", str(profile)]) == 0
    assert wanted in capsys.readouterr().out


CLEAN = "2013-11-28"


def lake_profile(folder: Path, settings: dict[str, Any]) -> str:
    file = folder / "lake.yaml"
    file.write_text(json.dumps({"target": {"type": "parquet", **settings}}))
    return str(file)


def run(config: str, day: str) -> int:
    delivery = FLIGHTS / "data" / f"{day}.parquet"
    after = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    return main(
        ["run", str(FLIGHTS / "contract.yaml"), str(delivery), "--batch-id", day, "--now", f"{after}T10:00Z", "--config", config]
    )


def test_flights_of_a_good_day_lie_in_the_bucket_byte_by_byte_and_stay_there_once(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    config = lake_profile(tmp_path, lake_settings(lake.server, lake.bucket))
    for _ in range(2):
        assert run(config, CLEAN) == 0, capsys.readouterr()
        (data,) = [key for key in lake.listed() if key.endswith(".parquet")]
        assert lake.body(data) == (FLIGHTS / "data" / f"{CLEAN}.parquet").read_bytes()
    assert f"s3://{lake.bucket}/{data}" in "".join(capsys.readouterr().out.split())
    kept = lake.listed()
    dead = data.replace(CLEAN, "2013-11-29")
    lake.client.create_multipart_upload(Bucket=lake.bucket, Key=dead)
    assert main(["recover", "--config", config, "--older-than", "0s", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["items"]
    assert (found["what"], found["where"], found["done"]) == ("upload", dead, "removed")
    assert (lake.listed(), lake.uploads()) == (kept, [])


@pytest.mark.parametrize(("fault", "cure"), [("expired", "the credentials have expired"), ("lost", "can't be reached")])
def test_a_commit_that_the_server_refuses_leaves_the_batch_where_it_was_and_the_command_says_6(  # noqa: PLR0917 - fixtures
    lake: Lake,
    network: Network,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    cure: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sluicegate_adapters.s3.objects._FIRST_PAUSE", 0.001)
    network.breaks(fault, 1, always=True)
    assert run(lake_profile(tmp_path, lake_settings(network.url, lake.bucket)), CLEAN) == 6
    told = capsys.readouterr()
    assert cure in told.err
    assert "Traceback" not in told.err
    assert lake.listed("") == []


def test_a_bucket_that_is_missing_is_said_by_the_command_with_6(
    lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(lake_profile(tmp_path, lake_settings(lake.server, "no-such-bucket")), CLEAN) == 6
    assert "create the bucket" in capsys.readouterr().err


def test_what_is_downloaded_goes_as_soon_as_it_is_done_with(server: str, bucket: str, tmp_path: Path) -> None:
    open_shop(tmp_path)
    scratch = tmp_path / "scratch"
    quarantine = {"type": "s3", "bucket": bucket, "endpoint_url": server, "scratch": str(scratch), **KEYS}
    (tmp_path / "gate.yaml").write_text(json.dumps({"quarantine": quarantine}))
    gate = Gate.from_config(tmp_path / "gate.yaml")
    item = gate.run(tmp_path / "strict.yaml", tmp_path / "bad.csv", batch_id="b1").manifest
    assert item is not None

    def left() -> list[Path]:
        return [path for path in scratch.rglob("*") if path.is_file() and path.name != ".lock"]

    kept = gate.quarantine_store.data_files(item)
    assert left() == list(kept)
    at_once = gate.quarantine_store.data_files(item)
    assert set(at_once).isdisjoint(kept), "two who read one item don't share its files"
    store = gate.quarantine_store
    assert isinstance(store, Lending)
    store.give_back((*kept, *at_once, tmp_path / "bad.csv"))
    assert (left(), (tmp_path / "bad.csv").exists()) == ([], True)
    assert [each.done for each in gate.verify()] == ["intact"]
    assert [path.name for path in gate.export(item.quarantine_id, tmp_path / "out")] == ["bad.csv"]
    assert not gate.replay(item.quarantine_id, tmp_path / "strict.yaml").passed
    with pytest.raises(UsageError, match="is of dataset"):
        gate.replay(item.quarantine_id, _another(tmp_path))
    assert gate.replay(item.quarantine_id, tmp_path / "loose.yaml").passed
    assert left() == []
    data = client_of(server).list_objects_v2(Bucket=bucket, Prefix="sluicegate/")["Contents"]
    (key,) = (each["Key"] for each in data if "/data/" in each["Key"])
    client_of(server).put_object(Bucket=bucket, Key=key, Body=b"?")
    assert [each.done for each in gate.verify()] == ["damaged"]
    assert left() == []


def _another(folder: Path) -> Path:
    path = folder / "another.yaml"
    path.write_text((folder / "loose.yaml").read_text().replace("name: orders", "name: another"))
    return path


def test_a_batch_whose_quarantine_is_away_is_not_let_through_and_the_command_says_6(
    profile: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SLUICEGATE_BUCKET", "no-such-bucket")
    delivery = FLIGHTS / "data" / f"{BLIZZARD}.parquet"
    assert (
        main(["run", str(FLIGHTS / "contract.yaml"), str(delivery), "--now", "2013-02-09T10:00Z", "--config", str(profile)]) == 6
    )
    told = capsys.readouterr()
    assert "create the bucket" in told.err
    assert "Traceback" not in told.err
    assert not list((tmp_path / ".sluicegate").glob("data/**/*.parquet"))
