"""Batches that lie in a bucket: found, fetched, checked and acted on as if they were here, on a real server."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sluicegate import Gate
from sluicegate.batch.source import Batch, BatchSettings, open_batch
from sluicegate.cli.main import main
from sluicegate.errors import BatchUnreadable, ConfigError, SluicegateError, StorageError, UsageError
from sluicegate.gate.act import ActionTaken
from sluicegate_adapters.sources import s3
from sluicegate_adapters.sources.s3 import S3Source
from tests.integration.rows_shop import LINES, committed, csv, gate_of, open_shop, the_item, wanted
from tests.integration.test_rows import half_split
from tests.s3.proxy import Network
from tests.s3.servers import KEYS, client_of

pytestmark = pytest.mark.slow

CSV = "id,name\n1,a\n2,b\n"


def settings(server: str) -> dict[str, Any]:
    return {"endpoint_url": server, **KEYS}


class Bucket:
    """A bucket as its owner has it, and as a batch sees it."""

    def __init__(self, server: str, name: str, base: Path) -> None:
        self.server, self.name, self.base = server, name, base
        self.client = client_of(server)
        self.scratch = base / "scratch"

    def put(self, key: str, body: str | bytes) -> str:
        self.client.put_object(Bucket=self.name, Key=key, Body=body.encode() if isinstance(body, str) else body)
        return self.uri(key)

    def parquet(self, key: str, query: str) -> str:
        file = self.base / "made.parquet"
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({query}) TO '{file}'")
        return self.put(key, file.read_bytes())

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def open(self, *keys: str, source: S3Source | None = None, **options: Any) -> Batch:
        found = source or S3Source(settings(self.server), self.base)
        limits = BatchSettings(temp_directory=self.scratch)
        uris = [self.uri(key) for key in keys]
        return open_batch(uris[0] if len(uris) == 1 else uris, sources=lambda _: found, settings=limits, **options)

    def rows(self, *keys: str, **options: Any) -> list[Any]:
        with self.open(*keys, **options) as batch:
            return batch.view().connect().execute("SELECT * FROM batch ORDER BY ALL").fetchall()

    def left(self) -> list[Path]:
        """Files that are still here; a gate keeps an idle database, whose folder has a lock and nothing else."""
        return [path for path in self.scratch.rglob("*") if path.is_file() and path.name != ".lock"]


@pytest.fixture
def shelf(server: str, bucket: str, tmp_path: Path) -> Bucket:
    return Bucket(server, bucket, tmp_path)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small object goes in several pieces, too."""
    monkeypatch.setattr(s3, "_PIECE", 10_000)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".csv.gz", ".csv.zst", ".ndjson", ".json.gz", ".arrow"])
def test_a_batch_of_any_format_is_read_from_a_bucket_and_nothing_of_it_stays_here(shelf: Bucket, suffix: str) -> None:
    import pyarrow as pa

    file = shelf.base / f"made{suffix}"
    with duckdb.connect() as connection:
        rows = connection.sql("SELECT range AS id, 'n' || range AS name FROM range(20000)")
        if suffix == ".arrow":
            table = rows.to_arrow_table()
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
        else:
            kind = suffix.split(".")[1].replace("ndjson", "json")
            connection.execute(f"COPY (SELECT * FROM rows) TO '{file}' (FORMAT {kind})")
    shelf.put(f"in/made{suffix}", file.read_bytes())
    with shelf.open(f"in/made{suffix}") as batch, open_batch(file) as here:
        assert (batch.rows, batch.content_sha256, batch.schema) == (20_000, here.content_sha256, here.schema)
        assert batch.origin == (shelf.uri(f"in/made{suffix}"),)
        assert batch.view().connect().execute("SELECT sum(id) FROM batch").fetchall() == [(199990000,)]
        assert len(shelf.left()) > 0
    assert shelf.left() == []


def test_prefixes_globs_and_lists_name_the_objects_that_the_same_folders_would(shelf: Bucket) -> None:
    for key in ("in/1.csv", "in/sub/2.csv", "in/_SUCCESS", "in/.part.csv", "in/_tmp/9.csv", "in-other/3.csv", "in/sub/x[1].csv"):
        shelf.put(key, CSV)
    shelf.put("in/sub/", "")
    everything = ("in/1.csv", "in/sub/2.csv", "in/sub/x[1].csv")
    for keys, found in {
        ("in",): everything,
        ("in/",): everything,
        ("in/*.csv",): ("in/1.csv",),
        ("in*/*.csv",): ("in/1.csv", "in-other/3.csv"),
        ("in/**/[12].csv",): ("in/1.csv", "in/sub/2.csv"),
        ("in/sub/x[1].csv",): ("in/sub/x[1].csv",),
        ("in/1.csv", "in"): everything,
        ("in/1.csv", "in-other/?.csv"): ("in/1.csv", "in-other/3.csv"),
    }.items():
        with shelf.open(*keys) as batch:
            assert sorted(batch.origin) == sorted(map(shelf.uri, found)), keys
            assert batch.rows == 2 * len(found)


def test_a_folder_that_spark_writes_is_part_of_what_a_glob_matches(shelf: Bucket) -> None:
    shelf.parquet("in/a.parquet/part-0.parquet", "SELECT 1 AS a")
    shelf.put("in/a.parquet/_SUCCESS", "")
    assert shelf.rows("in/*.parquet") == [(1,)]


@pytest.mark.parametrize("keys", [["in/day=*/*.parquet"], ["in"], ["in/day=1/p.parquet", "in/day=2/p.parquet"]])
def test_partition_folders_become_columns_where_they_are_part_of_what_was_named(shelf: Bucket, keys: list[str]) -> None:
    for day in (1, 2):
        shelf.parquet(f"in/day={day}/p.parquet", f"SELECT {day * 10} AS a")
    assert shelf.rows(*keys) == ([(10, 1), (20, 2)] if len(keys) == 1 else [(10,), (20,)])
    with shelf.open(*keys) as batch:
        assert batch.origin == ((shelf.uri("in"),) if len(keys) == 1 else tuple(map(shelf.uri, keys)))


def test_hadoops_spelling_names_the_same_objects(shelf: Bucket) -> None:
    shelf.put("a.csv", CSV)
    source = S3Source(settings(shelf.server), shelf.base)
    asked: list[str] = []

    def sources(scheme: str) -> S3Source:
        asked.append(scheme)
        return source

    with open_batch(f"s3a://{shelf.name}/a.csv", sources=sources) as batch:
        assert batch.rows == 2
    assert asked == ["s3"]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("nothing", "nothing: nothing is there"),
        ("nothing/*.csv", "nothing matches s3://"),
        ("markers", "nothing is there"),
        ("mixed", "mixes formats"),
        ("a//b.csv", "can't be a path"),
        (f"long/{'x' * 300}.csv", "can't be a file's"),
        ("both", "can't be a file's"),
    ],
)
def test_what_is_no_batch_is_a_usage_error_that_names_the_uri(shelf: Bucket, key: str, message: str) -> None:
    shelf.put("markers/", "")
    shelf.put("markers/_SUCCESS", "")
    for name in ("mixed/a.csv", "mixed/a.json", "both/a.csv", "both/a.csv/b.csv", "a//b.csv", f"long/{'x' * 300}.csv"):
        shelf.put(name, CSV)
    with pytest.raises(UsageError, match=message) as caught:
        shelf.open(key)
    assert caught.value.hint
    assert str(shelf.scratch) not in str(caught.value)
    assert shelf.left() == []


@pytest.mark.parametrize(("body", "message"), [("", "is empty: not a single byte"), ("a,b\n1\n", "line 2: the row has 1")])
def test_an_object_that_can_not_be_read_is_named_by_its_uri(shelf: Bucket, body: str, message: str) -> None:
    uri = shelf.put("in/a.csv", body)
    with pytest.raises(BatchUnreadable, match=message) as caught:
        shelf.open("in/a.csv")
    assert str(caught.value).startswith(uri)
    assert shelf.left() == []


def test_no_object_and_an_object_without_rows_are_different_things(shelf: Bucket) -> None:
    shelf.put("empty/a.csv", "id,name\n")
    with shelf.open("empty") as batch:
        assert (batch.rows, batch.schema.names) == (0, ("id", "name"))
    with pytest.raises(UsageError, match="nothing is there"):
        shelf.open("none")


@pytest.mark.parametrize("how", ["changed", "gone"])
def test_an_object_that_changes_while_it_is_fetched_is_refused(shelf: Bucket, how: str) -> None:
    body = "a\n" + "1234567\n" * 5000
    uri = shelf.put("a.csv", body)

    @contextmanager
    def meddled(operation: str, path: Path) -> Iterator[None]:
        if seen.append(operation) or len(seen) == 3:  # type: ignore[func-returns-value]
            change()
        yield

    def change() -> None:
        if how == "gone":
            shelf.client.delete_object(Bucket=shelf.name, Key="a.csv")
        else:
            shelf.put("a.csv", body.replace("1234567", "7654321"))

    seen: list[str] = []
    source = S3Source(settings(shelf.server), shelf.base, step=meddled)
    with pytest.raises(BatchUnreadable, match=r"changed while|is gone") as caught:
        shelf.open("a.csv", source=source)
    assert uri in str(caught.value)
    assert shelf.left() == []


@pytest.mark.parametrize("fault", ["lost", "half an answer", "503", "500"])
def test_a_piece_that_is_lost_on_the_way_is_fetched_again(
    shelf: Bucket, network: Network, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr("sluicegate_adapters.s3.objects._FIRST_PAUSE", 0.001)
    body = "a\n" + "".join(f"{number}\n" for number in range(10_000))
    shelf.put("a.csv", body)
    network.breaks(fault, 3)
    source = S3Source(settings(network.url), shelf.base)
    assert shelf.rows("a.csv", source=source) == [(number,) for number in range(10_000)]
    assert len(network.seen) > 5


def test_a_server_that_stays_away_ends_it_with_nothing_left(
    shelf: Bucket, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sluicegate_adapters.s3.objects._FIRST_PAUSE", 0.001)
    shelf.put("a.csv", "a\n" + "1234567\n" * 5000)
    network.breaks("503", 2, always=True)
    with pytest.raises(StorageError):
        shelf.open("a.csv", source=S3Source(settings(network.url), shelf.base))
    assert shelf.left() == []


def test_a_batch_for_which_there_is_no_room_is_not_begun(shelf: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.put("a.csv", CSV)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(StorageError, match=r"the batch has 16 bytes, and .* has room for 10") as caught:
        shelf.open("a.csv")
    assert "batch.temp_directory" in caught.value.hint
    assert shelf.left() == []


def test_a_disk_that_fills_up_on_the_way_is_no_fault_of_the_batch(shelf: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.put("a.csv", "a\n" + "1234567\n" * 5000)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StorageError, match="no space left"):
        shelf.open("a.csv")
    assert shelf.left() == []


def test_ctrl_c_while_a_batch_is_fetched_is_let_through(shelf: Bucket) -> None:
    shelf.put("a.csv", CSV)

    def interrupted(operation: str, path: Path) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shelf.open("a.csv", source=S3Source(settings(shelf.server), shelf.base, step=interrupted))
    assert shelf.left() == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bucket": "x"}, "no setting 'bucket'"),
        ({"endpoint_url": "nowhere"}, "sources.s3.endpoint_url"),
        ({"access_key_id": "a"}, "or neither"),
    ],
)
def test_settings_that_can_not_be_are_told(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        S3Source(given, tmp_path)


def test_a_bucket_that_can_not_be_called_so_is_a_usage_error(shelf: Bucket) -> None:
    for uri in ("s3://No_Bucket/a.csv", "s3://", "s3:///a.csv", "s3://b*/a.csv"):
        with pytest.raises(UsageError):
            open_batch(uri, sources=lambda _: S3Source(settings(shelf.server), shelf.base))


@pytest.fixture
def shop(shelf: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """The orders' shop, whose deliveries lie in the bucket."""
    monkeypatch.chdir(open_shop(tmp_path))
    profile = tmp_path / "gate.yaml"
    profile.write_text(
        profile.read_text() + f"sources: {{s3: {json.dumps(settings(shelf.server))}}}\nbatch: {{temp_directory: scratch}}\n"
    )
    shelf.put("in/bad.csv", csv(LINES))
    shelf.put("in/good.csv", csv(LINES[2:5]))
    return gate_of(tmp_path)


def test_a_batch_from_a_bucket_is_committed_as_its_own_bytes_under_its_uri(shop: Gate, shelf: Bucket, tmp_path: Path) -> None:
    uri = shelf.parquet(
        "in/good.parquet",
        "SELECT range AS id, 2::DECIMAL(9,2) AS amount, 'a' AS note FROM range(3)",
    )
    assert shop.run("rows.yaml", uri).action is ActionTaken.COMMITTED
    (part,) = (tmp_path / "data").rglob("part-*.parquet")
    assert part.read_bytes() == (tmp_path / "made.parquet").read_bytes()
    assert any(uri in path.read_text(errors="replace") for path in (tmp_path / "data").rglob("*.json"))
    assert shop.run("rows.yaml", uri).decided_before
    assert shelf.left() == []


def test_a_quarantined_batch_remembers_its_uris_is_exported_and_replayed_with_what_was_repaired(
    shop: Gate, shelf: Bucket, tmp_path: Path
) -> None:
    (tmp_path / "whole.yaml").write_text(
        (tmp_path / "rows.yaml").read_text().replace("scope: rows, ", "").replace(", max_quarantined: 60 %", "")
    )
    outcome = shop.run("whole.yaml", shelf.uri("in/bad.csv"), batch_id="b1")
    assert outcome.action is ActionTaken.QUARANTINED
    item = the_item(shop)
    assert [file.original for file in item.files] == [shelf.uri("in/bad.csv")]
    (copy,) = shop.export(item.quarantine_id, tmp_path / "out")
    assert (copy.name, copy.read_text()) == ("bad.csv", csv(LINES))
    replayed = shop.replay(item.quarantine_id, contract="whole.yaml", data=shelf.uri("in/good.csv"))
    assert replayed.passed
    assert committed(tmp_path) == wanted({2, 3, 4})
    assert shelf.left() == []


def test_a_batch_from_a_bucket_is_split_and_a_dead_workers_rest_is_committed_from_there(
    shop: Gate, shelf: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = half_split(shop, monkeypatch, shelf.uri("in/bad.csv"))
    assert item.split["files"] == [shelf.uri("in/bad.csv")]
    (done,) = [told for told in shop.recover() if told.what == "rows"]
    assert done.done == "finished"
    assert committed(tmp_path) == wanted()
    assert shelf.left() == []


def test_a_job_may_name_a_uri_and_a_contract_references_in_a_bucket(shop: Gate, shelf: Bucket, tmp_path: Path) -> None:
    shelf.put("ref/notes.csv", "note\na\nc\nd\ne\n")
    text = (tmp_path / "rows.yaml").read_text()
    text = text.replace("  schema:", f"  references: {{notes: '{shelf.uri('ref/notes.csv')}'}}\n  schema:")
    text = text.replace(
        "    checks:\n", "    checks:\n      - {type: reference, name: known notes, columns: [note], dataset: notes}\n"
    )
    (tmp_path / "ref.yaml").write_text(text)
    (tmp_path / "job.yaml").write_text(
        f"data_contract: {{contract_path: ref.yaml}}\nsource: {{path: '{shelf.uri('in/good.csv')}'}}\n"
    )
    outcome = shop.check("job.yaml")
    assert outcome.passed, outcome.verdict.reasons
    assert "known notes" in [item.check.name for item in outcome.verdict.outcomes]


def test_the_command_line_takes_uris_and_says_what_reads_them(
    shop: Gate, shelf: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call: Callable[..., int] = partial(lambda *words: main(["check", "rows.yaml", *words, "--config", "gate.yaml"]))
    assert call(shelf.uri("in/good.csv")) == 0
    assert call(shelf.uri("nothing")) == 2
    assert call("gs://bucket/a.csv") == 2
    assert "nothing reads gs:// URIs" in capsys.readouterr().err
    (tmp_path / "gate.yaml").write_text((tmp_path / "gate.yaml").read_text().replace("sources: {s3:", "sources: {s4:"))
    assert call(shelf.uri("in/good.csv")) == 2
    assert "sources.s4: nothing reads s4:// URIs" in capsys.readouterr().err


def test_a_contract_can_be_begun_with_the_columns_of_an_object(
    shop: Gate, shelf: Bucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLUICEGATE_CONFIG", "gate.yaml")
    assert main(["contract", "init", "orders", "--from", shelf.uri("in/good.csv"), "--output", "-"]) == 0
    assert "name: amount" in capsys.readouterr().out


def test_a_source_that_is_not_told_its_server_asks_the_usual_chain(shelf: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.put("a.csv", CSV)
    for name, value in {
        "AWS_ENDPOINT_URL": shelf.server,
        "AWS_ACCESS_KEY_ID": KEYS["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": KEYS["secret_access_key"],
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    assert shelf.rows("a.csv", source=S3Source({}, shelf.base)) == [(1, "a"), (2, "b")]


def test_errors_of_every_kind_speak_of_uris(shelf: Bucket) -> None:
    shelf.parquet("in/a.parquet", "SELECT 1 AS a")
    shelf.parquet("in/b.parquet", "SELECT 1 AS b")
    shelf.put("torn.parquet", b"PAR1" + bytes(100))
    for key in ("in", "torn.parquet"):
        with pytest.raises(SluicegateError) as caught:
            shelf.open(key)
        assert shelf.uri(key) in str(caught.value)
        assert str(shelf.scratch) not in str(caught.value)
