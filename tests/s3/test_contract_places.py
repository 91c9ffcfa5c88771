"""The bucket and the prefix that a contract names: refused batches wait there, and are found there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sluicegate.cli.main import main
from tests.s3.servers import KEYS, client_of, new_bucket

pytestmark = pytest.mark.slow

_CONTRACT = """\
data_contract:
  name: orders
  version: "1"
  owner: me@example.com
  schema: [{{name: a, type: integer}}, {{name: b}}]
  quality_checks: {{checks: [{{type: not_null, column: a}}]}}
  violation_handling: {{quarantine: {{{place}}}}}
"""
_PLACE = "s3_bucket: {bucket}, s3_prefix: 'refused/${{TENANT_ID}}/${{ASSET_NAME}}'"

Type = Callable[..., tuple[int, Any]]


@pytest.fixture
def other(server: str) -> str:
    """The bucket that the contract names."""
    return new_bucket(server)


@pytest.fixture
def shop(tmp_path: Path, server: str, bucket: str, other: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TENANT_ID", "acme")
    monkeypatch.chdir(tmp_path)
    gate(tmp_path, server, f"bucket: {bucket}")
    contract(tmp_path, _PLACE.format(bucket=other))
    (tmp_path / "bad.csv").write_text("a,b\n1,x\n,y\n")
    (tmp_path / "good.csv").write_text("a,b\n1,x\n2,y\n")
    return tmp_path


def gate(folder: Path, server: str, places: str) -> None:
    keys = ", ".join(f"{key}: {value}" for key, value in KEYS.items())
    store = f"{{type: s3, endpoint_url: '{server}', {keys}, {places}}}"
    (folder / "gate.yaml").write_text(f"target: {{type: parquet, path: 'data/{{dataset}}'}}\nquarantine: {store}\n")


def contract(folder: Path, place: str) -> None:
    (folder / "orders.yaml").write_text(_CONTRACT.format(place=place))


@pytest.fixture
def type_(shop: Path, capsys: pytest.CaptureFixture[str]) -> Type:
    """Type a command with this shop's profile: exit code and JSON."""

    def typed(*words: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = main([*words, "--config", "gate.yaml", "--json"])
        return code, json.loads(capsys.readouterr().out)

    return typed


def refuse(type_: Type) -> tuple[str, dict[str, Any]]:
    code, said = type_("run", "orders.yaml", "bad.csv", "--batch-id", "b1")
    assert code == 3, said
    return said["quarantine_id"], said


def keys(server: str, bucket: str) -> list[str]:
    return [each["Key"] for each in client_of(server).list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_an_item_lies_where_its_contract_says_and_every_verb_finds_it_there(
    type_: Type, server: str, bucket: str, other: str, shop: Path
) -> None:
    item, said = refuse(type_)
    assert f"refused/acme/orders/{item}/manifest.json" in keys(server, other)
    assert not [key for key in keys(server, bucket) if item in key]
    assert f"show {item} --at orders.yaml" in said["next"]
    assert "s3_bucket" not in " ".join(said["warnings"])

    at = ("--at", "orders.yaml")
    assert type_("quarantine", "list")[1]["items"] == []
    assert type_("quarantine", "show", item)[0] == 2
    assert [each["quarantine_id"] for each in type_("quarantine", "list", *at)[1]["items"]] == [item]
    assert type_("quarantine", "show", item, *at)[1]["status"] == "quarantined"
    assert type_("quarantine", "review", item, "--note", "seen", *at)[0] == 0
    assert type_("quarantine", "verify", item, *at)[1]["items"][0]["done"] == "intact"
    assert type_("quarantine", "export", item, "out", *at)[0] == 0
    assert (shop / "out" / "bad.csv").read_bytes() == (shop / "bad.csv").read_bytes()

    assert type_("recover", *at)[0] == 0
    replay = ("quarantine", "replay", item, "--data", "good.csv", "--with", "orders.yaml")
    assert type_(*replay)[1]["items"][0]["status"] == "replayed"
    assert type_("quarantine", "delete", item, "--reason", "done", *at)[1]["status"] == "deleted"
    assert keys(server, other) == [f"refused/acme/orders/{item}/manifest.json"]


def test_a_place_that_the_profile_names_too_is_looked_into_without_being_told(
    type_: Type, server: str, bucket: str, other: str, shop: Path
) -> None:
    gate(shop, server, f"bucket: {bucket}, also: [{{bucket: {other}, prefix: 'refused/{{tenant}}/{{dataset}}'}}]")
    item, said = refuse(type_)
    assert "--at" not in said["next"]
    assert f"refused/acme/orders/{item}/manifest.json" in keys(server, other)
    assert [each["quarantine_id"] for each in type_("quarantine", "list")[1]["items"]] == [item]
    assert type_("quarantine", "release", item, "--by", "ada", "--reason", "fine", "--with", "orders.yaml")[0] == 0


def test_a_contract_that_moves_to_another_bucket_leaves_its_items_where_they_are(
    type_: Type, server: str, bucket: str, other: str, shop: Path
) -> None:
    contract(shop, "retention_days: 3")
    item, _ = refuse(type_)
    contract(shop, _PLACE.format(bucket=other))
    assert refuse(type_)[0] == item
    assert not [key for key in keys(server, other) if key.endswith("manifest.json")]
    assert [each["quarantine_id"] for each in type_("quarantine", "list", "--at", "orders.yaml")[1]["items"]] == [item]


def test_a_profile_may_leave_the_bucket_to_its_contracts(type_: Type, server: str, other: str, shop: Path) -> None:
    gate(shop, server, "prefix: q")
    contract(shop, f"s3_bucket: {other}")
    item, _ = refuse(type_)
    assert f"q/acme/orders/{item}/manifest.json" in keys(server, other)
    assert type_("quarantine", "show", item, "--at", "orders.yaml")[0] == 0
    code, said = type_("quarantine", "list")
    assert (code, "--at" in said["error"]["hint"]) == (2, True)
    assert type_("doctor", "--at", "orders.yaml")[0] == 0


@pytest.mark.parametrize(
    ("place", "code", "told"),
    [
        ("s3_bucket: no-such-bucket-here", 6, "no-such-bucket-here"),
        ("s3_bucket: 'NO BUCKET'", 2, "orders.yaml"),
        ("s3_prefix: a/../b", 2, "can't have a level"),
    ],
)
def test_a_place_that_cannot_be_is_told_and_nothing_is_let_through(
    type_: Type, shop: Path, place: str, code: int, told: str
) -> None:
    contract(shop, place)
    found, said = type_("run", "orders.yaml", "bad.csv", "--batch-id", "b1")
    assert found == code
    assert told in json.dumps(said["error"])
    assert not (shop / "data").exists()
