"""Encryption, storage class, tags, addresses and certificates: what a profile says of a bucket is what the server is asked for, and shows."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sluicegate.errors import ConfigError, StorageError
from sluicegate.testing.quarantine import quarantine_request
from sluicegate.testing.targets import commit_request, parquet_file
from sluicegate_adapters.quarantine.s3 import S3QuarantineStore
from tests.s3.lake import Lake
from tests.s3.proxy import Network, bad_network
from tests.s3.servers import settings_for

pytestmark = pytest.mark.slow

PART = 4000  # smaller than S3 would have it
KEY = "arn:aws:kms:us-east-1:000000000000:key/a-key"
Write = Callable[..., None]


@pytest.fixture(params=["store", "target"])
def write(request: pytest.FixtureRequest, lake: Lake, tmp_path: Path) -> Write:
    """Keeps one batch that goes up at once and one that goes up in parts, with these settings."""
    small, large = parquet_file(tmp_path / "small.parquet", [1]), parquet_file(tmp_path / "large.parquet", range(2000))

    def written(**settings: Any) -> None:
        if request.param == "store":
            store = S3QuarantineStore({**settings_for(lake.server, lake.bucket, prefix="lake"), **settings}, tmp_path)
            store._bucket.settings = replace(store._bucket.settings, part_bytes=PART)
            manifest = store.put(quarantine_request(small, large))
            assert [path.read_bytes() for path in store.data_files(manifest)] == [small.read_bytes(), large.read_bytes()]
            return
        target = lake.target(**settings)
        target._bucket.settings = replace(target._bucket.settings, part_bytes=PART)
        for batch_id, file, values in (("small", small, [1]), ("large", large, range(2000))):
            target.commit(commit_request(values, batch_id=batch_id, files=(file,)))

    return written


def shown(lake: Lake) -> dict[str, dict[str, Any]]:
    """What the server shows of each object."""
    found = {key: dict(lake.client.head_object(Bucket=lake.bucket, Key=key)) for key in lake.listed()}
    assert len([key for key in found if key.endswith(".parquet")]) == 2
    assert len([key for key, head in found.items() if "-" in head["ETag"]]) == 1, "one came in parts"
    return found


def test_what_is_encrypted_with_the_servers_key_is_all_encrypted(lake: Lake, write: Write) -> None:
    write(sse="AES256")
    assert {head["ServerSideEncryption"] for head in shown(lake).values()} == {"AES256"}


def test_what_is_encrypted_with_a_key_of_ones_own_is_all_encrypted_with_that(lake: Lake, write: Write) -> None:
    write(sse="aws:kms", sse_kms_key_id=KEY)
    found = {(head["ServerSideEncryption"], head["SSEKMSKeyId"]) for head in shown(lake).values()}
    assert found == {("aws:kms", KEY)}


def test_the_storage_class_is_that_of_the_data(lake: Lake, write: Write) -> None:
    write(storage_class="STANDARD_IA")
    for key, head in shown(lake).items():
        assert head.get("StorageClass", "STANDARD") == ("STANDARD_IA" if key.endswith(".parquet") else "STANDARD")


def test_tags_are_on_every_object_that_goes_up_at_once_and_asked_for_with_every_upload_in_parts(
    lake: Lake, network: Network, write: Write
) -> None:
    write(tags={"team": "a & b", "cost": "1"}, endpoint_url=network.url)
    for key, head in shown(lake).items():
        if "-" not in head["ETag"]:  # this server forgets the tags of what came in parts
            tags = lake.client.get_object_tagging(Bucket=lake.bucket, Key=key)["TagSet"]
            assert sorted((tag["Key"], tag["Value"]) for tag in tags) == [("cost", "1"), ("team", "a & b")]
    asked = [
        headers
        for seen, headers in zip(network.seen, network.headers, strict=True)
        if seen.startswith("POST") and "?uploads" in seen
    ]
    assert asked
    assert {headers["x-amz-tagging"] for headers in asked} == {"team=a+%26+b&cost=1"}


@pytest.mark.parametrize(("checksums", "sent"), [("when_required", set()), ("when_supported", {"x-amz-checksum-crc32"})])
def test_newer_checksums_are_sent_only_where_the_profile_says_so_and_md5_always(
    lake: Lake, network: Network, write: Write, checksums: str, sent: set[str]
) -> None:
    write(checksums=checksums, endpoint_url=network.url)
    assert shown(lake)
    asked = [
        headers
        for seen, headers in zip(network.seen, network.headers, strict=True)
        if seen.startswith("PUT") and ".sluicegate-probe" not in seen
    ]
    assert len(asked) > 4
    for headers in asked:
        assert {name for name in headers if name.startswith("x-amz-checksum-")} == sent
        assert "content-md5" in headers


@pytest.mark.parametrize(("style", "begins"), [("path", "PUT /{bucket}/lake"), ("virtual", "PUT /lake")])
def test_the_bucket_is_named_by_the_path_or_by_the_host(lake: Lake, network: Network, style: str, begins: str) -> None:
    host = network.url.replace("127.0.0.1", "localhost")  # *.localhost is this machine for whoever knows no better
    target = lake.target(endpoint_url=host, addressing_style=style)
    target._bucket._pause = lambda _seconds: None
    target._probed = True
    if style == "path":
        target.commit(commit_request([1]))
        wanted = begins.format(bucket=lake.bucket)
        assert [seen for seen in network.seen if seen.startswith(wanted)]
    else:
        made: list[str] = []
        target._bucket.client().meta.events.register("before-send", lambda request, **_: made.append(request.url))
        network.breaks("denied", 1, always=True)
        with pytest.raises(StorageError):
            target.find("b1", dataset="numbers")
        assert made[0].startswith(f"{host.replace('://', f'://{lake.bucket}.')}/lake")


@pytest.fixture
def certified(server: str, tmp_path: Path) -> Iterator[tuple[Network, Path]]:
    """The server behind TLS, with a certificate that no authority has signed."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs openssl to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    options = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([program, "req", *options, *names], check=True, capture_output=True)
    with bad_network(server, tls=(certificate, key)) as network:
        yield network, certificate


def test_a_server_whose_certificate_is_ones_own_is_trusted_where_the_profile_names_it_and_only_there(
    lake: Lake, certified: tuple[Network, Path]
) -> None:
    network, certificate = certified
    assert network.url.startswith("https://")
    stranger = lake.target(endpoint_url=network.url)
    stranger._bucket._pause = lambda _seconds: None
    with pytest.raises(StorageError, match="CERTIFICATE_VERIFY_FAILED") as caught:
        stranger.commit(commit_request([1]))
    assert "ca_bundle" in caught.value.hint
    assert lake.target(endpoint_url=network.url, ca_bundle=certificate.name).commit(commit_request([1])).rows == 1


def test_a_file_of_certificates_that_is_not_there_is_told(lake: Lake) -> None:
    with pytest.raises(ConfigError, match=r"target\.ca_bundle: .*nothing\.pem: no such file"):
        lake.target(ca_bundle="nothing.pem")
