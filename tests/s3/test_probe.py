"""A server that ignores conditional writes is refused before anything is written; what else a server may refuse has its cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluicegate.cli.main import main
from sluicegate.errors import StorageError, TransientStorageError
from sluicegate.ports.quarantine import QuarantineStatus
from sluicegate.testing.quarantine import moved, quarantine_request
from sluicegate.testing.targets import commit_request
from sluicegate_adapters.quarantine.s3 import S3QuarantineStore
from tests.s3.lake import Lake
from tests.s3.proxy import Network
from tests.s3.servers import KEYS, client_of, settings_for

pytestmark = pytest.mark.slow


@pytest.fixture
def far(network: Network, bucket: str, tmp_path: Path) -> S3QuarantineStore:
    store = S3QuarantineStore(settings_for(network.url, bucket), tmp_path)
    store._bucket._pause = lambda _seconds: None
    return store


def profile(folder: Path, url: str, bucket: str) -> str:
    file = folder / "gate.yaml"
    keys = "".join(f"  {name}: {value}\n" for name, value in KEYS.items())
    file.write_text(f"quarantine:\n  type: s3\n  bucket: {bucket}\n  endpoint_url: {url}\n{keys}")
    return str(file)


def test_a_server_that_keeps_conditions_passes_and_nothing_is_left_of_the_probe(
    server: str, bucket: str, store: S3QuarantineStore
) -> None:
    store.probe()
    assert client_of(server).list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_the_server_is_tried_out_once_for_a_store(far: S3QuarantineStore, network: Network, delivery: Path) -> None:
    manifest = far.put(quarantine_request(delivery))
    probed = [request for request in network.seen if "probe" in request]
    far.swap(manifest, moved(manifest, QuarantineStatus.REVIEWED, nonce="n2"))
    far.put(quarantine_request(delivery, batch_id="b2"))
    assert probed
    assert [request for request in network.seen if "probe" in request] == probed


@pytest.mark.parametrize("keys_that_end_so", ["", "/one", "/race"], ids=["always", "one after the other", "in a race"])
def test_a_server_that_ignores_conditions_is_refused_and_nothing_is_written_there(
    network: Network, far: S3QuarantineStore, bucket: str, delivery: Path, keys_that_end_so: str
) -> None:
    network.ignores_conditions_of = keys_that_end_so
    with pytest.raises(StorageError, match="ignores conditional writes") as caught:
        far.put(quarantine_request(delivery))
    assert not isinstance(caught.value, TransientStorageError)
    assert "MinIO from RELEASE" in caught.value.hint
    assert client_of(network.upstream).list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize(
    ("ignored", "keys_that_end_so", "named"),
    [
        ("if-match", "", "a replacement of what has changed since (If-Match)"),
        ("if-match", "/race", "several racing replacements of one object"),
        ("if-none-match", "/one", "a second create of one object (If-None-Match)"),
        ("if-none-match", "/race", "several racing creates of one object"),
    ],
)
def test_a_server_that_keeps_but_one_of_the_conditions_is_refused_and_told_which(  # noqa: PLR0917 - fixtures
    network: Network, far: S3QuarantineStore, bucket: str, delivery: Path, ignored: str, keys_that_end_so: str, named: str
) -> None:
    network.ignores, network.ignores_conditions_of = (ignored,), keys_that_end_so
    with pytest.raises(StorageError, match="ignores conditional writes") as caught:
        far.put(quarantine_request(delivery))
    assert named in caught.value.message
    assert client_of(network.upstream).list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize(
    ("keys_that_end_so", "named"),
    [
        ("/one", "a second create of one object (If-None-Match)"),
        ("/parts", "a completion of an upload in parts (If-None-Match) over an object that is there"),
        ("/parts-race", "several racing completions of an upload in parts (If-None-Match)"),
    ],
)
def test_a_target_refuses_a_server_that_ignores_the_condition_of_a_create_or_of_a_completion(
    network: Network, lake: Lake, keys_that_end_so: str, named: str
) -> None:
    network.ignores_conditions_of = keys_that_end_so
    with pytest.raises(StorageError, match="ignores conditional writes") as caught:
        lake.target(endpoint_url=network.url).commit(commit_request([1]))
    assert not isinstance(caught.value, TransientStorageError)
    assert named in caught.value.message
    assert "MinIO from RELEASE" in caught.value.hint
    assert (lake.listed(""), lake.uploads()) == ([], [])


def test_a_target_needs_no_if_match_and_a_store_no_conditional_completion(
    network: Network, lake: Lake, far: S3QuarantineStore, delivery: Path
) -> None:
    network.ignores, network.ignores_conditions_of = ("if-match",), ""
    assert lake.target(endpoint_url=network.url).commit(commit_request([1])).rows == 1
    network.ignores, network.ignores_conditions_of = ("if-none-match",), "/parts"
    assert far.put(quarantine_request(delivery))


@pytest.mark.parametrize(
    ("fault", "cure"),
    [("clock", "clock is wrong"), ("expired", "get new ones"), ("denied", "s3:GetObject"), ("full", "free some")],
)
@pytest.mark.parametrize("at", [1, 2])
def test_what_the_server_refuses_a_target_for_good_is_told_at_once_with_its_cure(
    network: Network, lake: Lake, fault: str, cure: str, at: int
) -> None:
    target = lake.target(endpoint_url=network.url)
    network.breaks(fault, at, always=True)
    with pytest.raises(StorageError, match="on purpose") as caught:
        target.commit(commit_request([1]))
    assert not isinstance(caught.value, TransientStorageError)
    assert cure in caught.value.hint
    assert KEYS["secret_access_key"] not in str(caught.value)
    assert lake.listed("") == []


def test_an_item_is_not_changed_on_a_server_that_ignores_conditions(
    network: Network, far: S3QuarantineStore, store: S3QuarantineStore, delivery: Path
) -> None:
    first = store.put(quarantine_request(delivery))
    network.ignores_conditions_of = ""
    with pytest.raises(StorageError, match="ignores conditional writes"):
        far.swap(first, moved(first, QuarantineStatus.REVIEWED, nonce="n2"))
    assert store.get(first.quarantine_id) == first


@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        ("clock", "clock is wrong"),
        ("expired", "get new ones"),
        ("unknown keys", "set access_key_id"),
        ("wrong secret", "set the right pair"),
        ("denied", "s3:GetObject"),
        ("full", "free some space"),
        ("unheard of", "conditional writes"),
        ("moved", "set region"),
    ],
)
@pytest.mark.parametrize("at", [1, 2])
def test_what_the_server_refuses_for_good_is_told_at_once_with_its_cure(  # noqa: PLR0917 - fixtures
    network: Network, far: S3QuarantineStore, delivery: Path, fault: str, cure: str, at: int
) -> None:
    network.breaks(fault, at, always=True)
    with pytest.raises(StorageError, match="on purpose") as caught:
        far.put(quarantine_request(delivery))
    assert not isinstance(caught.value, TransientStorageError)
    assert cure in caught.value.hint
    assert caught.value.exit_code == 6
    assert KEYS["secret_access_key"] not in str(caught.value)


def test_a_bucket_that_is_not_there_is_said_to_be_missing(server: str, delivery: Path, tmp_path: Path) -> None:
    store = S3QuarantineStore(settings_for(server, "no-such-bucket"), tmp_path)
    for ask in (lambda: store.put(quarantine_request(delivery)), lambda: list(store.list()), lambda: store.get("q-1")):
        with pytest.raises(StorageError, match="no-such-bucket") as caught:
            ask()
        assert "create the bucket" in caught.value.hint


def test_without_any_credentials_the_hint_says_where_they_belong(
    server: str, bucket: str, tmp_path: Path, delivery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/none",
        "AWS_SHARED_CREDENTIALS_FILE": "/none",
    }.items():
        monkeypatch.setenv(name, value)
    store = S3QuarantineStore({"bucket": bucket, "endpoint_url": server}, tmp_path)
    with pytest.raises(StorageError, match="no credentials") as caught:
        store.put(quarantine_request(delivery))
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint


def test_the_usual_chain_gives_credentials_where_the_profile_has_none(
    server: str, bucket: str, tmp_path: Path, delivery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    assert S3QuarantineStore({"bucket": bucket, "endpoint_url": server}, tmp_path).put(quarantine_request(delivery))


def test_doctor_finds_a_server_that_ignores_conditions(
    network: Network, bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = profile(tmp_path, network.url, bucket)
    assert main(["doctor", "--config", file]) == 0
    network.ignores_conditions_of = ""
    assert main(["doctor", "--config", file]) == 6
    assert "ignores conditional writes" in " ".join(capsys.readouterr().out.split())
