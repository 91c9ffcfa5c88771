"""What an asset or a job may say of the target, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sluicegate.contract.model import Contract
from sluicegate.contract.placing import place_in_target, placing

from .helpers import contract_of

BARE = Contract(name="c", version="1", owner="o", dataset="d")


def asked(target: str, settings: dict[str, Any] | None = None, **wanted: Any) -> tuple[dict[str, Any], str, str]:
    """What was chosen; the notes; the faults."""
    found = placing(replace(BARE, settings={"target": wanted}), target, settings or {})
    return found.chosen, " | ".join(found.notes), " | ".join(str(fault) for fault in found.faults)


def test_names_in_an_iceberg_target_are_chosen() -> None:
    wanted: dict[str, Any] = {"table": "t", "namespace": "n", "branch": "audit", "partitioning": ["country", "day(at)"]}
    chosen = {"table": "t", "namespace": "n", "branch": "audit", "partition_by": ["country", "day(at)"]}
    assert asked("iceberg", **wanted, mode="append", file_format="parquet") == (chosen, "", "")


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, {"branch": "main"}),
        ({"branch": "audit"}, {"branch": "audit"}),
        ({"table": "t"}, {"table": "t"}),
        ({"catalog": {"name": "lake"}}, {"warehouse": "lake"}),
        ({"catalog": {"warehouse": "s3://lake/house"}}, {"warehouse": "s3://lake/house"}),
        ({}, {"warehouse": "local"}),
        ({}, {"type": "iceberg"}),
        ({}, {"table": None}),
    ],
)
def test_what_the_profile_says_already_is_no_choice(settings: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert asked("iceberg", settings, **wanted) == ({}, "", "")


def test_how_a_table_is_partitioned_makes_no_other_place_of_it() -> None:
    chosen, _, _ = asked("iceberg", table="t", branch="audit", partitioning="country")
    assert place_in_target(chosen) == {"table": "t", "branch": "audit"}


def test_a_branch_of_the_contract_goes_before_the_profiles() -> None:
    assert asked("iceberg", {"branch": "audit"}, branch="main")[0] == {"branch": "main"}


@pytest.mark.parametrize(
    ("target", "wanted", "told"),
    [
        ("parquet", {"mode": "overwrite"}, "nothing is replaced"),
        ("iceberg", {"mode": "merge"}, "nothing is replaced"),
        ("parquet", {"file_format": "orc"}, "kept as Parquet, not as 'orc'"),
        ("parquet", {"type": "iceberg"}, "the profile's target is 'parquet'"),
        ("parquet", {"path": "/etc"}, "the profile's to say"),
        ("iceberg", {"catalog": {"uri": "http://elsewhere"}}, "the profile's to say"),
        ("parquet", {"secret_access_key": "hush"}, "the profile's to say"),
        ("parquet", {"branch": "audit"}, "visible at once"),
        ("iceberg", {"table": ["a"]}, "must be a name"),
        ("iceberg", {"partitioning": [{"field": "a"}]}, "must be a list of columns"),
        ("iceberg", {"warehouse": "prod"}, "has no name, not 'prod'"),
        ("iceberg", {"warehouse": ["local"]}, "has no name, not ['local']"),
    ],
)
def test_what_would_end_in_something_else_is_a_fault(target: str, wanted: dict[str, Any], told: str) -> None:
    chosen, notes, faults = asked(target, **wanted)
    assert (chosen, notes) == ({}, "")
    assert told in faults
    assert "hush" not in faults


@pytest.mark.parametrize(
    ("target", "wanted", "told"),
    [
        (
            "parquet",
            {"partitioning": ["country"], "warehouse": "local"},
            "target (partitioning, warehouse): the profile's target",
        ),
        ("parquet", {"table": "t"}, "target (table)"),
        ("iceberg", {"colour": "red"}, "target (colour)"),
        ("theirs", {"mode": "overwrite"}, "'theirs' decides"),
    ],
)
def test_what_the_target_knows_nothing_of_is_told(target: str, wanted: dict[str, Any], told: str) -> None:
    chosen, notes, faults = asked(target, **wanted)
    assert (chosen, faults) == ({}, "")
    assert told in notes


@pytest.mark.parametrize(
    ("prefix", "filled", "layout"),
    [
        ("refused", "refused", "refused"),
        ("q/${TENANT_ID}/${ASSET_NAME}", "q/acme/orders", "q/{tenant}/{dataset}"),
        ("${ASSET_NAME}/${STAGE}", "orders/test/x", "{dataset}/test/x"),
        ("q/${TENANT_ID:-nobody}", "q/acme", "q/{tenant}"),
        ("q/${TENANT_ID}-x", "q/acme-x", "q/acme-x"),
        ("${TENANT_ID}/${TENANT_ID}", "acme/acme", "acme/acme"),
    ],
)
def test_a_prefix_keeps_its_levels_for_tenant_and_dataset(tmp_path: Path, prefix: str, filled: str, layout: str) -> None:
    body = f"violation_handling: {{quarantine: {{s3_prefix: '{prefix}'}}}}"
    quarantine = contract_of(tmp_path, body, environ={"TENANT_ID": "acme", "STAGE": "test/x"}).quarantine
    assert (quarantine.s3_prefix, quarantine.s3_layout) == (filled, layout)
