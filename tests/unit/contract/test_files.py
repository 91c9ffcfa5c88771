"""Contract, asset and job: what each says, what goes before what, and what a schema and an SLA imply."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import Area, Severity, Untestable
from sluicegate.contract.loader import load_contract
from sluicegate.contract.model import Action, Contract, Enforcement, FieldSpec, Notification, QuarantinePolicy, ViolationPolicy
from sluicegate.errors import ContractError

from .helpers import HEAD, contract_of, write

ASSET = """\
asset:
  name: shop
  version: 3
  source_type: csv
  object: orders
  schema: [{name: id, type: integer, required: true}]
  governance: {owner: theirs, tags: [gold, shared], classification: pii}
  source: {path: in/*.csv, format: csv}
  target: {mode: append, file_format: parquet}
"""


def _load(folder: Path, name: str, **environ: str) -> Contract:
    return load_contract(folder / name, environ=environ)


def _promises(contract: Contract, area: Area) -> list[tuple[object, Severity]]:
    return [(check.promise, check.severity) for check in contract.checks if check.area is area]


def test_every_key_of_a_contract_arrives(tmp_path: Path) -> None:
    contract = contract_of(
        tmp_path,
        """\
        status: deprecated
        description: D
        tags: [a, b]
        classification: restricted
        documentation_url: https://example.com
        enforcement_mode: warn
        schema: [{name: a, classification: public, description: x}, {name: b, optional: true}]
        quality_checks: {allow_empty: true}
        violation_handling:
          on_schema_violation: quarantine
          on_quality_violation: warn
          on_sla_violation: block
          on_unsupported: warn
          notification: {channels: [slack, email], recipients: me@example.com}
          quarantine: {enabled: no, s3_bucket: b, s3_prefix: p, retention_days: 5, scope: batch}
        """,
    )
    assert (contract.name, contract.version, contract.owner, contract.dataset) == ("orders", "1.0.0", "me", "orders")
    assert (contract.status, contract.description, contract.tags) == ("deprecated", "D", ("a", "b"))
    assert (contract.documentation_url, contract.enforcement, contract.allow_empty) == (
        "https://example.com",
        Enforcement.WARN,
        True,
    )
    assert contract.fields == (FieldSpec(name="a", classification="public", description="x"), FieldSpec(name="b", optional=True))
    assert set(contract.classified_columns) == {"a", "b"}
    assert "undeclared" in contract.classified_columns
    assert contract.policy == ViolationPolicy(
        on_schema_violation=Action.QUARANTINE,
        on_quality_violation=Action.WARN,
        on_sla_violation=Action.BLOCK,
        on_unsupported=Action.WARN,
    )
    assert contract.notification == Notification(channels=("slack", "email"), recipients=("me@example.com",))
    assert contract.quarantine == QuarantinePolicy(enabled=False, s3_bucket="b", s3_prefix="p", s3_layout="p", retention_days=5)
    assert contract.text == (tmp_path / "contract.yaml").read_text(encoding="utf-8")
    assert len(contract.sha256) == 64
    assert [fault.message for fault in contract.warnings] == ["this contract is deprecated"]


def test_a_contract_without_anything_has_the_documented_defaults(tmp_path: Path) -> None:
    contract = contract_of(tmp_path, "description: x")
    assert (contract.policy, contract.quarantine, contract.notification) == (
        ViolationPolicy(),
        QuarantinePolicy(),
        Notification(),
    )
    assert (contract.enforcement, contract.tenant, contract.environment) == (Enforcement.STRICT, "default", "default")
    assert contract.checks == ()
    assert contract.settings == {"source": {}, "target": {}}


def test_a_schema_implies_columns_types_nulls_and_keys(tmp_path: Path) -> None:
    contract = contract_of(
        tmp_path,
        """\
        schema:
          - {name: a, type: integer, primary_key: true}
          - {name: b, type: "decimal(10,2)", primary_key: true}
          - {name: c, required: true, unique: true}
          - {name: d, nullable: false}
          - {name: e, type: date, optional: true}
          - name: f
        """,
    )
    assert _promises(contract, Area.SCHEMA) == [
        (promise, Severity.ERROR)
        for promise in (
            m.Schema(columns=("a", "b", "c", "d", "f"), optional_columns=("e",)),
            m.ColumnType(column="a", type="integer"),
            m.ColumnType(column="b", type="decimal(10,2)"),
            m.ColumnType(column="e", type="date", optional=True),
            m.NotNull(column="a"),
            m.NotNull(column="b"),
            m.NotNull(column="c"),
            m.NotNull(column="d"),
            m.Unique(columns=("c",)),
            m.Unique(columns=("a", "b")),
        )
    ]
    assert [check.line for check in contract.checks if isinstance(check.promise, m.NotNull)] == [6, 7, 8, 9]


def test_a_single_primary_key_that_is_unique_too_is_one_check(tmp_path: Path) -> None:
    contract = contract_of(tmp_path, "schema: [{name: a, primary_key: true, unique: true}]")
    assert sum(isinstance(check.promise, m.Unique) for check in contract.checks) == 1


def test_the_schema_contract_decides_what_may_differ(tmp_path: Path) -> None:
    contract = contract_of(
        tmp_path,
        """\
        schema: {fields: [{name: a, type: integer, required: true}]}
        schema_contract: {strict_mode: true, allow_nullable_expansion: true, allow_type_changes: true}
        """,
    )
    assert _promises(contract, Area.SCHEMA) == [
        (m.Schema(columns=("a",), allow_unexpected=False), Severity.ERROR),
        (m.ColumnType(column="a", type="integer"), Severity.WARNING),
        (m.NotNull(column="a"), Severity.WARNING),
    ]


def test_an_sla_is_checked_or_told_untestable(tmp_path: Path) -> None:
    contract = contract_of(
        tmp_path,
        """\
        schema: [{name: a, type: timestamp}]
        sla:
          freshness: {max_age_hours: 1.5}
          completeness: {min_records_per_day: 100}
          availability: {uptime_percentage: 99.9}
        """,
    )
    freshness, volume, availability = (promise for promise, _ in _promises(contract, Area.SLA))
    assert freshness == m.Freshness(column="a", max_age_hours=Decimal("1.5"))
    assert volume == m.RowCount(bounds=m.Bounds(min=100), window_hours=Decimal(24))
    assert isinstance(availability, Untestable)
    assert availability.key == "sla.availability.uptime_percentage"


@pytest.mark.parametrize(
    "schema", ["[{name: a, type: string}]", "[{name: a, type: date}, {name: b, type: timestamp_tz}]", "[{name: a}]"]
)
def test_freshness_of_no_certain_column_is_untestable_not_guessed(schema: str, tmp_path: Path) -> None:
    contract = contract_of(tmp_path, f"schema: {schema}\nsla: {{freshness: {{max_age_hours: 1}}}}\n")
    (promise,) = (promise for promise, _ in _promises(contract, Area.SLA))
    assert isinstance(promise, Untestable)
    assert "give sla.freshness a 'column'" in promise.reason


def test_an_asset_starts_a_run_without_any_contract_file(tmp_path: Path) -> None:
    write(tmp_path, ASSET + "  data_contract: {inline_checks: [{null_check: {columns: [id]}}]}\n", "asset.yaml")
    contract = _load(tmp_path, "asset.yaml")
    assert (contract.name, contract.version, contract.owner, contract.dataset) == ("shop", "3", "theirs", "shop")
    assert (contract.tags, contract.classification) == (("gold", "shared"), "pii")
    assert [check.area for check in contract.checks] == [Area.SCHEMA, Area.SCHEMA, Area.SCHEMA, Area.QUALITY]
    assert contract.settings == {
        "source": {"source_type": "csv", "object": "orders", "path": str(tmp_path / "in/*.csv"), "format": "csv"},
        "target": {"mode": "append", "file_format": "parquet"},
    }


def test_an_asset_points_to_its_contract_and_the_contract_may_point_back(tmp_path: Path) -> None:
    write(tmp_path, ASSET + "  data_contract: {contract_path: contracts/c.yaml}\n", "asset.yaml")
    write(tmp_path, HEAD + "  asset_ref: ../asset.yaml\n  tags: [own, gold]\n", "contracts/c.yaml")
    for start in ("asset.yaml", "contracts/c.yaml"):
        contract = _load(tmp_path, start)
        assert (contract.name, contract.dataset, contract.owner) == ("orders", "shop", "me")
        assert contract.tags == ("own", "gold", "shared")
        assert [check.name for check in contract.checks] == ["schema", "column_type(id)", "not_null(id)"]
        assert contract.text.startswith("data_contract:")
        assert {path.name for path in contract.files} == {"asset.yaml", "c.yaml"}


def test_a_contracts_own_schema_replaces_the_assets_and_says_so(tmp_path: Path) -> None:
    write(tmp_path, ASSET, "asset.yaml")
    write(tmp_path, HEAD + "  asset_ref: asset.yaml\n  schema: [{name: other}]\n")
    contract = _load(tmp_path, "contract.yaml")
    assert [spec.name for spec in contract.fields] == ["other"]
    assert [fault.message for fault in contract.warnings] == ["the asset has a schema too: only this one is held"]


def test_what_either_file_classifies_is_masked(tmp_path: Path) -> None:
    fields = "[{name: a, classification: pii}, {name: b, classification: secret}, {name: c}, {name: d, classification: public}]"
    write(tmp_path, f"asset: {{name: x, schema: {fields}, governance: {{classification: internal}}}}\n", "asset.yaml")
    own = "[{name: a, classification: public}, {name: c, classification: phi}, {name: d}, {name: e}]"
    contract = contract_of(tmp_path, f"asset_ref: asset.yaml\nclassification: open\nschema: {own}\n")
    assert contract.classified_columns == {"a", "b", "c"}
    assert contract.classification == "open"


def test_a_confidential_asset_is_not_opened_by_its_contract(tmp_path: Path) -> None:
    write(tmp_path, "asset: {name: x, schema: [{name: a}], governance: {classification: confidential}}\n", "asset.yaml")
    assert set(contract_of(tmp_path, "asset_ref: asset.yaml\nclassification: public\n").classified_columns) == {"a"}


def test_a_classified_contract_masks_columns_that_it_never_declared(tmp_path: Path) -> None:
    body = "classification: PII\nquality_checks: {checks: [{null_check: a}, {unique: [b, c]}, {compare: {left: d, operator: '<', right: e}}]}"
    contract = contract_of(tmp_path, body)
    assert set(contract.classified_columns) == {"a", "b", "c", "d", "e"}
    assert "never heard of" in contract.classified_columns
    assert "x" not in contract_of(tmp_path, "classification: public").classified_columns


def test_a_job_goes_before_its_asset(tmp_path: Path) -> None:
    write(tmp_path, ASSET + "  data_contract: {contract_path: contract.yaml, enforcement_mode: strict}\n", "a/asset.yaml")
    write(
        tmp_path,
        HEAD + "  enforcement_mode: disabled\n  violation_handling: {quarantine: {s3_prefix: '${TENANT_ID}/${ASSET_NAME}'}}\n",
        "a/contract.yaml",
    )
    write(
        tmp_path,
        """\
        name: nightly
        tenant_id: acme
        environment: prod
        asset_path: a/asset.yaml
        data_contract: {enforcement_mode: warn}
        source: {path: [today.csv, s3://bucket/x.csv]}
        target: {branch: main, mode: overwrite}
        """,
        "job.yaml",
    )
    contract = _load(tmp_path, "job.yaml", TENANT_ID="never")
    assert (contract.tenant, contract.environment, contract.enforcement) == ("acme", "prod", Enforcement.WARN)
    assert contract.quarantine.s3_prefix == "acme/shop"
    assert contract.settings["source"]["path"] == [str(tmp_path / "today.csv"), "s3://bucket/x.csv"]
    assert contract.settings["target"] == {"mode": "overwrite", "file_format": "parquet", "branch": "main"}
    assert _load(tmp_path, "a/asset.yaml").enforcement is Enforcement.STRICT
    assert _load(tmp_path, "a/contract.yaml").enforcement is Enforcement.DISABLED


@pytest.mark.parametrize(
    ("job", "asset", "enforcement"),
    [
        ("{}", "{}", Enforcement.STRICT),
        ("{}", "{enabled: false}", Enforcement.DISABLED),
        ("{enabled: true}", "{enabled: false}", Enforcement.STRICT),
        ("{enabled: false}", "{enforcement_mode: strict}", Enforcement.DISABLED),
        ("{}", "{enforcement_mode: warn}", Enforcement.WARN),
        ("{enforcement_mode: disabled}", "{enforcement_mode: warn}", Enforcement.DISABLED),
    ],
)
def test_the_enforcement_of_a_job_goes_before_the_assets(job: str, asset: str, enforcement: Enforcement, tmp_path: Path) -> None:
    write(tmp_path, ASSET + f"  data_contract: {asset}\n", "asset.yaml")
    write(tmp_path, f"asset_path: asset.yaml\ndata_contract: {job}\n", "job.yaml")
    assert _load(tmp_path, "job.yaml").enforcement is enforcement


def test_a_job_may_name_another_contract_than_its_asset_does(tmp_path: Path) -> None:
    write(tmp_path, ASSET + "  data_contract: {contract_path: nowhere.yaml}\n", "asset.yaml")
    write(tmp_path, HEAD, "mine.yaml")
    write(tmp_path, "asset_path: asset.yaml\ndata_contract: {contract_path: mine.yaml}\n", "job.yaml")
    assert _load(tmp_path, "job.yaml").name == "orders"


def test_a_job_may_name_a_contract_only(tmp_path: Path) -> None:
    write(tmp_path, ASSET, "asset.yaml")
    write(
        tmp_path, HEAD + "  asset_ref: asset.yaml\n  violation_handling: {quarantine: {s3_prefix: '${ASSET_NAME}'}}\n", "c.yaml"
    )
    write(tmp_path, "data_contract: {contract_path: c.yaml}\n", "job.yaml")
    contract = _load(tmp_path, "job.yaml")
    assert (contract.dataset, contract.quarantine.s3_prefix) == ("shop", "shop")


def test_keys_may_stand_beside_the_top_key(tmp_path: Path) -> None:
    write(tmp_path, "asset: {name: a}\nschema: [{name: x}]\n", "asset.yaml")
    assert [spec.name for spec in _load(tmp_path, "asset.yaml").fields] == ["x"]


@pytest.mark.parametrize(
    "inline",
    [
        "[{null_check: [a, b]}]",
        "{null_check: {columns: [a, b]}}",
        "{null_check: [{column: a}, {column: b}]}",
        "{null_check: [a, b]}",
    ],
)
def test_inline_checks_are_a_list_or_a_mapping_by_type(inline: str, tmp_path: Path) -> None:
    write(tmp_path, f"asset: {{name: a, data_contract: {{inline_checks: {inline}}}}}\n", "asset.yaml")
    assert [check.promise for check in _load(tmp_path, "asset.yaml").checks] == [m.NotNull(column="a"), m.NotNull(column="b")]


def test_unique_check_of_columns_is_one_key(tmp_path: Path) -> None:
    write(tmp_path, "asset: {name: a, data_contract: {inline_checks: [{unique_check: {columns: [a, b]}}]}}\n", "asset.yaml")
    assert [check.promise for check in _load(tmp_path, "asset.yaml").checks] == [m.Unique(columns=("a", "b"))]


def test_retention_is_shown_and_not_promised(tmp_path: Path) -> None:
    write(tmp_path, "asset: {name: a, governance: {retention_days: 5}}\n", "asset.yaml")
    (check,) = _load(tmp_path, "asset.yaml").checks
    assert isinstance(check.promise, Untestable)


def test_a_reference_is_found_from_the_file_that_names_it(tmp_path: Path) -> None:
    body = "quality_checks: {checks: [{reference: {column: a, dataset: %s}}]}"
    cases: list[tuple[str, Callable[[Path], str]]] = [
        ("../x.parquet", lambda folder: str(folder.parent / "x.parquet")),
        ("data/*.csv", lambda folder: str(folder / "data/*.csv")),
        ("/abs/x.csv", lambda _: "/abs/x.csv"),
        ("s3://bucket/x.csv", lambda _: "s3://bucket/x.csv"),
    ]
    for dataset, location in cases:
        assert contract_of(tmp_path, body % f"'{dataset}'").references == {dataset: location(tmp_path)}


def test_one_name_for_two_datasets_is_a_fault(tmp_path: Path) -> None:
    check = "{reference: {column: id, dataset: x.csv}}"
    write(tmp_path, f"asset: {{name: a, data_contract: {{contract_path: c/c.yaml, inline_checks: [{check}]}}}}\n", "asset.yaml")
    write(tmp_path, HEAD + f"  quality_checks: {{checks: [{check}]}}\n", "c/c.yaml")
    with pytest.raises(ContractError, match="in another file"):
        _load(tmp_path, "asset.yaml")


@pytest.mark.parametrize("tenant", ["../other", "a/b", ".", "-a", "", "a" * 200, "a b"])
def test_a_tenant_is_one_segment_of_a_path(tenant: str, tmp_path: Path) -> None:
    write(tmp_path, ASSET, "asset.yaml")
    write(tmp_path, f"asset_path: asset.yaml\ntenant_id: '{tenant}'\n", "job.yaml")
    with pytest.raises(ContractError, match="tenant"):
        _load(tmp_path, "job.yaml")
    if tenant:
        with pytest.raises(ContractError, match="can't be a tenant"):
            _load(tmp_path, "asset.yaml", TENANT_ID=tenant)


def test_loading_imports_nothing_heavy(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "  quality_checks: {checks: [{null_check: a}], soda: {checks: [row_count > 0]}}\n")
    code = "import sys; from sluicegate.contract.loader import load_contract; load_contract(sys.argv[1]); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout.split()
    assert not {"difflib", "jsonschema", "duckdb", "pyarrow", "pandas", "soda", "great_expectations", "rich"} & set(loaded)


BAD_FILES: list[tuple[dict[str, str], str, str, str]] = [
    ({"job.yaml": "asset_path: asset.yaml\n"}, "job.yaml", "1:13", "there is no file"),
    ({"job.yaml": "tenant_id: x\n"}, "job.yaml", "1:1", "names neither an asset nor a contract"),
    ({"job.yaml": "tenant_id: x\nasset_pth: a\n"}, "job.yaml", "2:1", "unknown key 'asset_pth'"),
    ({"job.yaml": "asset_path: 5\ndata_contract: {contract_path: ''}\n"}, "job.yaml", "1:13", "there is no file"),
    ({"job.yaml": "asset_path: c.yaml\n", "c.yaml": HEAD}, "c.yaml", "1:1", "this is not an asset file"),
    ({"job.yaml": "asset_path: job.yaml\n"}, "job.yaml", "1:13", "leads back"),
    ({"asset.yaml": "asset: {name: a, data_contract: {contract_path: asset.yaml}}\n"}, "asset.yaml", "1:49", "leads back"),
    (
        {"asset.yaml": "asset: {name: a, data_contract: {contract_path: b.yaml}}\n", "b.yaml": "asset: {name: b}\n"},
        "b.yaml",
        "1:1",
        "not a contract file",
    ),
    ({"asset.yaml": "asset: {name: a, data_contract: {contract_path: .}}\n"}, ".", "", "this is a folder"),
    (
        {"asset.yaml": "asset: {name: a, data_contract: {contract_path: b.yaml}}\n", "b.yaml": "a: ["},
        "b.yaml",
        "2:1",
        "is not YAML",
    ),
    ({"asset.yaml": "asset: {name: a, data_contract: {inline_checks: 5}}\n"}, "asset.yaml", "1:49", "must be a list"),
    (
        {"asset.yaml": "asset: {name: a, data_contract: {inline_checks: [{nul_check: [a]}]}}\n"},
        "asset.yaml",
        "1:51",
        "no check is called",
    ),
    ({"asset.yaml": "asset: {name: a, governance: {retention_days: -1}}\n"}, "asset.yaml", "1:47", "at least 0"),
    ({"asset.yaml": "asset: [a]\n"}, "asset.yaml", "1:8", "expected a mapping"),
    ({"contract.yaml": HEAD + "  asset_ref: a.yaml\n", "a.yaml": "asset: {nam: x}\n"}, "a.yaml", "1:9", "unknown key 'nam'"),
    (
        {
            "asset.yaml": "asset: {name: a, data_contract: {contract_path: c.yaml}}\n",
            "c.yaml": HEAD + "  asset_ref: other.yaml\n",
            "other.yaml": "asset: {name: o}\n",
        },
        "c.yaml",
        "5:14",
        "the contract is about the asset 'other.yaml'",
    ),
    (
        {
            "contract.yaml": HEAD + "  asset_ref: a.yaml\n",
            "a.yaml": "asset: {name: a, data_contract: {contract_path: c2.yaml}}\n",
        },
        "a.yaml",
        "1:49",
        "not the one that names this asset",
    ),
]


@pytest.mark.parametrize(("files", "file", "place", "message"), BAD_FILES)
def test_faults_across_files_name_the_file_they_are_in(
    files: dict[str, str], file: str, place: str, message: str, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        _load(tmp_path, next(iter(files)))
    found = [(fault.file, f"{fault.line}:{fault.column}" if fault.line else "", fault.message) for fault in caught.value.faults]
    assert [one for one in found if one[0] == str(tmp_path / file) and one[1] == place and message in one[2]], found


def test_faults_of_asset_and_contract_are_told_together(tmp_path: Path) -> None:
    write(tmp_path, "asset: {name: a, versoin: 1}\n", "asset.yaml")
    write(tmp_path, HEAD + "  asset_ref: asset.yaml\n  statsu: x\n")
    with pytest.raises(ContractError) as caught:
        _load(tmp_path, "contract.yaml")
    assert {Path(fault.file).name for fault in caught.value.faults} == {"asset.yaml", "contract.yaml"}


def test_a_contract_may_be_named_by_an_absolute_path(tmp_path: Path) -> None:
    contract = write(tmp_path, HEAD, "far/contract.yaml")
    write(tmp_path, f"asset: {{name: a, data_contract: {{contract_path: {contract}}}}}\n", "asset.yaml")
    assert _load(tmp_path, "asset.yaml").name == "orders"
