"""Names that an asset or a job chooses in the profile's target: a batch goes there, and is looked for there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from sluicegate.cli.main import main

pytestmark = pytest.mark.slow

_FILES = {
    "gate.yaml": "target: {type: iceberg}\nquarantine: {type: local, path: held}\nhistory: {path: history.sqlite}\n",
    "orders.yaml": """\
data_contract:
  name: orders
  version: "1"
  owner: me@example.com
  schema: [{name: a, type: integer, required: true}, {name: b}]
  violation_handling: {on_schema_violation: quarantine}
""",
    "asset.yaml": "asset: {name: orders, data_contract: {contract_path: orders.yaml}, target: {table: orders_v2}}\n",
    "job.yaml": "asset_path: asset.yaml\ntarget: {namespace: shop}\n",
    "bad.csv": "a,b\n1,x\n,y\n",
    "good.csv": "a,b\n1,x\n2,y\n",
}

Type = Callable[..., tuple[int, Any]]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in _FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def type_(shop: Path, capsys: pytest.CaptureFixture[str]) -> Type:
    def typed(*words: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = main([*words, "--config", "gate.yaml", "--json"])
        return code, json.loads(capsys.readouterr().out)

    return typed


def tables(shop: Path) -> dict[str, int]:
    """The rows of each table."""
    house = shop / ".sluicegate" / "iceberg"
    catalog = SqlCatalog("sluicegate", uri=f"sqlite:///{house / 'catalog.sqlite'}", warehouse=str(house / "warehouse"))
    try:
        names = [name for space in catalog.list_namespaces() for name in catalog.list_tables(space)]
        return {".".join(name): catalog.load_table(name).scan().to_arrow().num_rows for name in names}
    finally:
        catalog.close()


def test_a_batch_goes_to_the_table_that_asset_and_job_name_together(type_: Type, shop: Path) -> None:
    code, said = type_("run", "job.yaml", "good.csv", "--batch-id", "b1")
    assert (code, said["warnings"]) == (0, [])
    assert said["location"].startswith("iceberg:sluicegate.shop.orders_v2@")
    assert type_("run", "job.yaml", "good.csv", "--batch-id", "b1")[1]["already_committed"] is True
    assert tables(shop) == {"shop.orders_v2": 2}


def test_a_refused_batch_keeps_to_its_table(type_: Type, shop: Path) -> None:
    code, said = type_("run", "job.yaml", "bad.csv", "--batch-id", "b1")
    assert code == 3
    item = said["quarantine_id"]
    assert type_("quarantine", "show", item)[1]["target"] == {"namespace": "shop", "table": "orders_v2"}

    code, said = type_("quarantine", "replay", item, "--data", "good.csv", "--with", "asset.yaml")
    assert code == 2
    assert "on its way to another target (namespace shop, table orders_v2)" in json.dumps(said)
    assert tables(shop) == {}

    assert type_("quarantine", "replay", item, "--data", "good.csv", "--with", "job.yaml")[0] == 0
    assert tables(shop) == {"shop.orders_v2": 2}


def test_an_item_whose_batch_reached_its_table_by_another_way_is_found_there_by_its_id_alone(type_: Type, shop: Path) -> None:
    item = type_("run", "job.yaml", "bad.csv", "--batch-id", "b1")[1]["quarantine_id"]
    (shop / "orders.yaml").write_text(_FILES["orders.yaml"].replace("required: true", "required: false"))
    (manifest,) = (shop / "held").glob(f"**/{item}/manifest.json")
    (shop / "aside").mkdir()
    folder = manifest.parent.rename(shop / "aside" / item)  # out of the gate's sight while the batch is committed
    assert type_("run", "job.yaml", "bad.csv", "--batch-id", "b1")[0] == 0
    folder.rename(manifest.parent)
    assert tables(shop) == {"shop.orders_v2": 2}
    assert type_("recover")[1]["items"][0]["done"] == "finished"
    shown = type_("quarantine", "show", item)[1]
    assert shown["status"] == "replayed"
    assert "shop.orders_v2@" in shown["history"][-1]["details"]["location"]


def test_a_manifest_that_was_edited_leads_nowhere_else(type_: Type, shop: Path) -> None:
    item = type_("run", "job.yaml", "bad.csv", "--batch-id", "b1")[1]["quarantine_id"]
    (manifest,) = (shop / "held").glob(f"**/{item}/manifest.json")
    document = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(document | {"target": {"catalog": {"uri": "http://elsewhere"}}}))
    code, said = type_("quarantine", "delete", item, "--reason", "done")
    assert (code, "somebody has edited it" in json.dumps(said)) == (6, True)


@pytest.mark.parametrize(
    ("target", "told"), [("mode: overwrite", "nothing is replaced"), ("path: /lake", "the profile's to say")]
)
def test_what_cannot_be_had_is_a_fault_of_lint_check_and_run(type_: Type, shop: Path, target: str, told: str) -> None:
    (shop / "job.yaml").write_text(f"asset_path: asset.yaml\ntarget: {{{target}}}\n")
    for words in (("contract", "lint", "job.yaml"), ("check", "job.yaml", "good.csv"), ("run", "job.yaml", "good.csv")):
        code, said = type_(*words)
        assert (code, told in json.dumps(said)) == (2, True), words
    assert tables(shop) == {} if (shop / ".sluicegate" / "iceberg").exists() else True
