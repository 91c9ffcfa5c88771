"""The verbs that decide on quarantined batches, as their user types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sluicegate.cli.main import main
from tests.crash.replay_shop import BAD, FIXED, committed, open_shop, sha, the_item

Type = Callable[..., tuple[int, Any, str]]


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    open_shop(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("SLUICEGATE_CONFIG", str(tmp_path / "gate.yaml"))
    return tmp_path


@pytest.fixture
def type_(capsys: pytest.CaptureFixture[str]) -> Type:
    """Type a quarantine verb: exit code, JSON document (or the text), standard error."""

    def typed(*words: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = main(["quarantine", *words])
        said = capsys.readouterr()
        return code, json.loads(said.out) if "--json" in words else said.out, said.err

    return typed


@pytest.fixture
def held(shop: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["run", "strict.yaml", "bad.csv", "--batch-id", "b1"]) == 3
    capsys.readouterr()
    return the_item(shop).quarantine_id


def test_replay_says_what_stays_and_what_passes(held: str, shop: Path, type_: Type) -> None:
    code, said, _ = type_("replay", held, "--original-contract")
    assert (code, "stays in quarantine, attempt 2" in said) == (3, True)
    code, said, _ = type_("replay", held, "--with", "loose.yaml", "--dry-run")
    assert (code, "would be committed" in said) == (0, True)
    code, document, _ = type_("replay", held, "--with", "loose.yaml", "--json", "--by", "ada")
    (item,) = document["items"]
    assert (code, item["status"], item["passed"], item["exit_code"]) == (0, "replayed", True, 0)
    assert item["verdict"]["decision"] == "commit"
    assert type_("replay", held, "--with", "loose.yaml")[0] == 0
    assert the_item(shop).history[-2].by == "ada"
    assert committed(shop) == [sha(BAD)]


def test_replay_with_a_repaired_file(held: str, shop: Path, type_: Type) -> None:
    assert type_("replay", held, "--original-contract", "--data", "fixed.csv")[0] == 0
    assert committed(shop) == [sha(FIXED)]


def test_many_are_replayed_by_what_they_have_in_common(held: str, type_: Type) -> None:
    assert main(["run", "strict.yaml", "bad.csv", "--batch-id", "b2"]) == 3
    assert main(["run", "loose.yaml", "fixed.csv", "--batch-id", "b3"]) == 0
    choose = ("replay", "--with", "loose.yaml", "--json", "--dry-run")
    for filters, found in (
        (("--contract", "orders"), 2),
        (("--contract", "another"), 0),
        (("--reason", "AMOUNT"), 2),
        (("--reason", "nothing like it"), 0),
        (("--since", "2020-01-01"), 2),
        (("--since", "2999-01-01"), 0),
    ):
        code, document, _ = type_(*choose, *filters)
        assert (code, len(document["items"])) == (0, found), filters
    code, document, _ = type_("replay", held, "q-0", "--with", "loose.yaml", "--json", "--rate", "1000")
    assert code == 2
    assert [item["exit_code"] for item in document["items"]] == [0, 2], "one that can't be does not keep the others"
    code, said, _ = type_("replay", "--with", "loose.yaml", "--reason", "amount")
    assert code == 0
    assert "replayed" in said
    assert type_("replay", "--with", "loose.yaml", "--reason", "amount")[1] == "nothing waits that fits\n"


@pytest.mark.parametrize(
    "words",
    [
        ("replay", "--with", "loose.yaml"),
        ("replay", "ID"),
        ("replay", "ID", "--with", "loose.yaml", "--original-contract"),
        ("replay", "ID", "--with", "loose.yaml", "--reason", "x"),
        ("replay", "ID", "q-1", "--with", "loose.yaml", "--data", "fixed.csv"),
        ("replay", "ID", "--with", "loose.yaml", "--now", "noon"),
        ("replay", "--since", "noon", "--with", "loose.yaml"),
        ("replay", "ID", "--with", "loose.yaml", "--rate", "0"),
        ("replay", "q-unknown", "--with", "loose.yaml"),
        ("release", "ID", "--by", "ada"),
        ("release", "ID", "--reason", "x"),
        ("release", "ID", "--by", "", "--reason", "x"),
        ("review", "ID"),
        ("delete", "ID"),
        ("export", "ID"),
        ("verify", "q-unknown"),
    ],
)
def test_a_call_that_makes_no_sense_changes_nothing(held: str, shop: Path, type_: Type, words: tuple[str, ...]) -> None:
    before = the_item(shop)
    code, _, error = type_(*(held if word == "ID" else word for word in words))
    assert (code, error.startswith("error: ")) == (2, True)
    assert the_item(shop) == before


def test_release_needs_a_name_and_a_reason_and_commits(held: str, shop: Path, type_: Type) -> None:
    code, document, _ = type_("release", held, "--by", "ada", "--reason", "refunds", "--json")
    assert (code, document["status"]) == (0, "released")
    assert committed(shop) == [sha(BAD)]
    code, said, _ = type_("show", held)
    assert (code, "released by ada: refunds" in said) == (0, True)


def test_review_hold_delete_and_purge(held: str, type_: Type) -> None:
    assert type_("review", held, "--note", "asked the shop", "--hold", "--by", "ada")[0] == 0
    code, _, error = type_("delete", held, "--reason", "x")
    assert (code, "on hold" in error) == (2, True)
    assert type_("list", "--status", "reviewed", "--json")[1]["items"][0]["held"] is True
    assert type_("review", held, "--note", "no longer", "--unhold")[0] == 0
    assert type_("purge")[1] == "nothing has expired\n"
    code, document, _ = type_("delete", held, "--reason", "a test", "--json")
    assert (code, document["status"], document["why"]) == (0, "deleted", "a test")
    assert type_("replay", held, "--with", "loose.yaml")[0] == 2


def test_verify_and_export(held: str, shop: Path, type_: Type) -> None:
    assert type_("verify")[0] == 0
    code, document, _ = type_("export", held, "out", "--json")
    assert (code, [Path(file).read_text() for file in document["files"]]) == (0, [BAD])
    (kept,) = (shop / "held").rglob("*bad.csv")
    kept.write_text("id,amount\n")
    code, document, _ = type_("verify", "--json")
    assert (code, document["items"][0]["done"]) == (6, "damaged")
    assert type_("replay", held, "--with", "loose.yaml")[0] == 6
    (kept.parents[2] / "manifest.json").write_text("{")
    code, _, error = type_("verify")
    assert (code, "damaged" in error) == (6, True)
    assert type_("purge")[0] == 6


def test_one_damaged_item_hides_none_of_the_others(held: str, shop: Path, type_: Type) -> None:
    assert main(["run", "strict.yaml", "bad.csv", "--batch-id", "b2"]) == 3
    (hurt,) = {path for path in shop.glob("held/*/*/*/manifest.json") if path.parent.name != held}
    hurt.write_text("{")
    code, said, error = type_("list")
    assert (code, held in said, "damaged" in error) == (6, True, True)
    code, document, _ = type_("list", "--json")
    assert (code, [item["quarantine_id"] for item in document["items"]]) == (6, [held])
    assert hurt.parent.name in document["error"]["message"]
    code, document, _ = type_("replay", "--contract", "orders", "--with", "loose.yaml", "--json")
    assert (code, document["exit_code"]) == (6, 6)
    assert [item["status"] for item in document["items"]] == ["replayed"]
    assert "damaged" in document["error"]["message"]
    assert committed(shop) == [sha(BAD)]


def test_a_tombstone_whose_bytes_cannot_go_does_not_keep_the_purge_from_the_others(held: str, shop: Path, type_: Type) -> None:
    assert main(["run", "strict.yaml", "bad.csv", "--batch-id", "b2"]) == 3
    (other,) = {path.parent for path in shop.glob("held/*/*/*/manifest.json") if path.parent.name != held}
    assert type_("delete", other.name, "--reason", "a test")[0] == 0
    (other / ".lock").unlink()
    (other / ".lock").mkdir()
    document = json.loads((path := next(shop.glob(f"held/*/*/{held}/manifest.json"))).read_text())
    path.write_text(json.dumps({**document, "expires_at": "2026-01-01T00:00:00+00:00"}))
    code, document, _ = type_("purge", "--json")
    assert (code, document["error"]) == (6, None)
    assert {item["quarantine_id"]: item["done"] for item in document["items"]} == {other.name: "failed", held: "deleted"}
