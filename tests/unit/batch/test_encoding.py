"""Text in another encoding than UTF-8: read exactly, or refused by its line."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluicegate.batch.database import BatchSettings
from sluicegate.batch.source import open_batch
from sluicegate.errors import BatchUnreadable, UsageError
from tests.unit.batch.support import read, text

CSV = "id,name\n1,Zoë\n2,Çelik\n"
ROWS = [(1, "Zoë"), (2, "Çelik")]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "UTF-16-LE", "utf-32", "utf-8", "utf-8-sig", "iso8859_15"])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.zst"])
def test_text_is_read_in_the_encoding_that_is_named(tmp_path: Path, encoding: str, suffix: str) -> None:
    data, path = CSV.encode(encoding), tmp_path / f"a{suffix}"
    if suffix == ".csv.zst":
        with pa.CompressedOutputStream(str(path), "zstd") as stream:
            stream.write(data)
    else:
        text(path, gzip.compress(data) if suffix == ".csv.gz" else data)
    assert read(path, options={"encoding": encoding})[1] == ROWS


def test_json_is_read_in_the_encoding_that_is_named(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-8-sig"):
        path = text(tmp_path / "a.ndjson", '{"id": 1, "name": "Zoë"}\n{"id": 2, "name": "Çelik"}\n'.encode(encoding))
        assert read(path, options={"encoding": encoding})[1] == ROWS


def test_the_batch_is_its_own_bytes_and_no_copy_of_it_stays(tmp_path: Path) -> None:
    path, spill = text(tmp_path / "a.csv", CSV.encode("latin-1")), tmp_path / "spill"
    with (
        open_batch(path, options={"encoding": "latin-1"}, settings=BatchSettings(temp_directory=spill)) as batch,
        open_batch(path, options={"encoding": "cp1252"}) as other,
    ):
        assert batch.files == (path,)
        assert batch.content_sha256 == other.content_sha256
        assert batch.options == {"encoding": "latin-1"}
        assert not [*spill.rglob("*.txt")]


@pytest.mark.parametrize(
    ("data", "encoding", "line"),
    [
        (CSV.encode(), "ascii", 2),
        (CSV.encode("utf-16")[:-1], "utf-16", 3),
        (b"a\n" + b"x\n" * 700_000 + b"\x81\n", "cp1252", 700_002),
    ],
)
def test_bytes_that_are_not_in_that_encoding_are_refused_by_their_line(
    tmp_path: Path, data: bytes, encoding: str, line: int
) -> None:
    path = text(tmp_path / "a.csv", data)
    with pytest.raises(BatchUnreadable, match=f"line {line}: the text is not {encoding}") as caught:
        open_batch(path, options={"encoding": encoding})
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.csv", {"encoding": "utf-99"}, "no encoding 'utf-99'"),
        ("a.csv", {"encoding": "rot13"}, "no encoding 'rot13'"),
        ("a.csv", {"encoding": 8}, "no encoding 8"),
        ("a.json", {"delimiter": ";"}, "no JSON option 'delimiter'"),
        ("a.arrow", {"encoding": "utf-16"}, "arrow files take no options"),
    ],
)
def test_what_is_no_encoding_is_a_usage_error(tmp_path: Path, name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        open_batch(text(tmp_path / name, CSV), options=options)
    assert caught.value.hint


def test_text_that_is_not_utf8_is_refused_with_the_cure(tmp_path: Path) -> None:
    for encoding in ("latin-1", "utf-16"):
        with pytest.raises(BatchUnreadable, match="the text is not UTF-8") as caught:
            open_batch(text(tmp_path / "a.csv", CSV.encode(encoding)))
        assert "encoding" in caught.value.hint


@settings(max_examples=25)
@given(st.text(st.characters(codec="utf-16", exclude_characters='"\r\n\0', exclude_categories=["Cs"]), min_size=1))
def test_any_text_survives_the_way_through_utf16(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    path = text(tmp_path_factory.mktemp("csv") / "a.csv", f'name,n\n"{value}",1\n'.encode("utf-16"))
    with open_batch(path, options={"encoding": "utf-16"}, declared=[("name", "string")]) as batch:
        assert batch.view().connect().execute("SELECT name FROM batch").fetchall() == [(value,)]
