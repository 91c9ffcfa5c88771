"""What URIs name, on a source that is a dictionary: no server is needed to tell which names match, and which can't be paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from sluicegate.batch.files import SUFFIXES, find_files, format_of
from sluicegate.batch.remote import Remote
from sluicegate.errors import UsageError
from sluicegate.ports.source import RemoteFile


class Shelf:
    """Files by URI; what was fetched is counted."""

    def __init__(self, *names: str) -> None:
        self.files = {f"s3://b/{name}": RemoteFile(f"s3://b/{name}", 4, "1") for name in names}
        self.fetched: list[str] = []

    def look(self, uri: str) -> RemoteFile | None:
        return self.files.get(uri)

    def list(self, prefix: str) -> Iterable[RemoteFile]:
        return [file for uri, file in self.files.items() if uri.startswith(prefix)]

    def fetch(self, wanted: Mapping[RemoteFile, Path]) -> None:
        for file, path in wanted.items():
            self.fetched.append(file.uri)
            path.write_text("a\n1\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


def remote_of(shelf: Shelf, folder: Path) -> Remote:
    return Remote(lambda _: shelf, folder, suffixes=SUFFIXES)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf("a.csv", "x/1.csv", "x/2.csv", "x/y/3.csv", "x/y/.4.csv", "x/_5.csv", "x[1].csv", "x1.csv", "x.csv/p.csv")


def matched(shelf: Shelf, folder: Path, uri: str) -> list[str]:
    remote = remote_of(shelf, folder)
    try:
        found = find_files(uri, remote=remote)
        assert sorted(shelf.fetched) == sorted(found.origin)
        return [name.removeprefix("s3://b/") for name in found.origin]
    finally:
        remote.close()


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        ("s3://b/a.csv", ["a.csv"]),
        ("s3://b/x[1].csv", ["x[1].csv"]),
        ("s3://b/x[12].csv", ["x1.csv"]),
        ("s3://b/x", ["x/1.csv", "x/2.csv", "x/y/3.csv"]),
        ("s3://b/x/*", ["x/1.csv", "x/2.csv", "x/_5.csv"]),
        ("s3://b/x/**", ["x/1.csv", "x/2.csv", "x/_5.csv", "x/y/3.csv"]),
        ("s3://b/x/?.csv", ["x/1.csv", "x/2.csv"]),
        ("s3://b/**/3.csv", ["x/y/3.csv"]),
        ("s3://b/*.csv", ["a.csv", "x.csv/p.csv", "x1.csv", "x[1].csv"]),
        ("s3://b/x/y/.*", ["x/y/.4.csv"]),
        ("s3://b", ["a.csv", "x/1.csv", "x/2.csv", "x/y/3.csv", "x.csv/p.csv", "x1.csv", "x[1].csv"]),
    ],
)
def test_a_uri_names_what_the_same_words_would_name_on_a_disk(shelf: Shelf, folder: Path, uri: str, names: list[str]) -> None:
    assert matched(shelf, folder, uri) == names
    assert [*folder.iterdir()] == []


@pytest.mark.parametrize("key", ["../up.csv", "a/../../up.csv", "a//b.csv", "./a.csv", "a\0b.csv"])
def test_a_key_never_leads_out_of_the_folder_that_it_is_fetched_to(folder: Path, key: str) -> None:
    for uri, message in {f"s3://b/{key}": "can't be a path", "s3://b/**/*.csv": r"can't be a path|nothing matches"}.items():
        shelf = Shelf(key)
        with pytest.raises(UsageError, match=message):
            find_files(uri, remote=remote_of(shelf, folder))
        assert not shelf.fetched


def test_the_format_is_told_without_fetching_anything(shelf: Shelf, folder: Path) -> None:
    assert format_of("s3://b/x", remote=remote_of(shelf, folder)) == "csv"
    assert shelf.fetched == []


def test_an_object_that_is_named_twice_is_fetched_once(shelf: Shelf, folder: Path) -> None:
    remote = remote_of(shelf, folder)
    found = find_files(["s3://b/x/*.csv", "s3://b/x/1.csv"], remote=remote)
    assert len(found.files) == len(shelf.fetched) == 3
    find_files("s3://b/x/1.csv", remote=remote)
    assert len(shelf.fetched) == 3


def test_files_of_this_machine_and_of_others_are_one_batch(shelf: Shelf, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "here.csv").write_text("a\n1\n")
    found = find_files([tmp_path / "here.csv", "s3://b/a.csv"], remote=remote_of(shelf, folder))
    assert {*found.origin} == {str(tmp_path / "here.csv"), "s3://b/a.csv"}


def test_a_source_that_gives_a_listing_piece_by_piece_is_read_to_its_end(folder: Path) -> None:
    class Slow(Shelf):
        def list(self, prefix: str) -> Iterator[RemoteFile]:
            yield from super().list(prefix)

    shelf = Slow(*(f"x/{number}.csv" for number in range(100)))
    assert len(find_files("s3://b/x", remote=remote_of(shelf, folder)).files) == 100
