"""Profiles: what a gate knows beside the contract."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from sluicegate.config import BatchLimits, PluginSettings, Profile, load_profile
from sluicegate.config_file import BatchDocument, ProfileDocument
from sluicegate.errors import ConfigError

ROOT = Path(__file__).parents[3]


def written(folder: Path, text: str) -> Path:
    path = folder / "gate.yaml"
    path.write_text(text)
    return path


def test_the_embedded_profile_is_the_shipped_file() -> None:
    assert load_profile(ROOT / "configs" / "local.yaml") == Profile(base=ROOT / "configs")


def test_without_a_file_paths_start_at_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    profile = load_profile(environ={})
    assert profile.base == tmp_path
    assert profile.history == tmp_path / ".sluicegate" / "history.sqlite"
    assert profile.engines == {"python": {"rules": [str(tmp_path / "rules"), "{contract}/rules"]}}


def test_the_environment_names_whom_the_embedded_profile_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = {"SLUICEGATE_NOTIFICATIONS": "people.yaml"}
    assert load_profile(environ=told).notifications == tmp_path / "people.yaml"
    assert load_profile(written(tmp_path, "evidence_rows: 7"), environ=told).notifications is None


def test_a_path_that_leaves_the_profiles_folder_is_shown_without_the_way(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path, "history: {path: ../h.sqlite}\nbatch: {temp_directory: ../spill}"))
    assert (profile.history, profile.batch.temp_directory) == (tmp_path.parent / "h.sqlite", tmp_path.parent / "spill")


def test_the_environment_names_the_file_and_the_argument_goes_before_it(tmp_path: Path) -> None:
    file = written(tmp_path, "evidence_rows: 7")
    other = tmp_path / "other.yaml"
    other.write_text("evidence_rows: 8")
    assert load_profile(environ={"SLUICEGATE_CONFIG": str(file)}).evidence_rows == 7
    assert load_profile(other, environ={"SLUICEGATE_CONFIG": str(file)}).evidence_rows == 8
    with pytest.raises(ConfigError, match="SLUICEGATE_CONFIG names this file"):
        load_profile(environ={"SLUICEGATE_CONFIG": str(tmp_path / "none.yaml")})


def test_every_key_is_read_and_paths_start_at_the_file(tmp_path: Path) -> None:
    (tmp_path / "checks").mkdir()
    profile = load_profile(
        written(
            tmp_path,
            """
            target: {type: iceberg, catalog: lake, retries: 3}
            quarantine: {type: s3, bucket: held, also: [{bucket: older}, {prefix: q}]}
            history: {path: runs.db}
            notifications: people.yaml
            timeout_seconds: 1.5
            evidence_rows: 0
            engine_order: [soda, duckdb]
            batch: {memory_limit: 2GB, threads: 2, temp_directory: /spill}
            engines:
              python: {rules: [checks, our.rules, ../shared/rules.py, "/abs"]}
              soda: {anything: [1, 2]}
            """,
        )
    )
    assert profile == Profile(
        base=tmp_path,
        target=PluginSettings(type="iceberg", settings={"catalog": "lake", "retries": 3}),
        quarantine=PluginSettings(type="s3", settings={"bucket": "held"}, also=({"bucket": "older"}, {"prefix": "q"})),
        history=tmp_path / "runs.db",
        notifications=tmp_path / "people.yaml",
        timeout_seconds=1.5,
        evidence_rows=0,
        engine_order=("soda", "duckdb"),
        batch=BatchLimits(memory_limit="2GB", threads=2, temp_directory=Path("/spill")),
        engines={
            "python": {"rules": [str(tmp_path / "checks"), "our.rules", str(tmp_path / "../shared/rules.py"), "/abs"]},
            "soda": {"anything": [1, 2]},
        },
    )


def test_variables_are_filled_in(tmp_path: Path) -> None:
    file = written(tmp_path, "history: {path: '${DATA}/runs.db'}\nevidence_rows: ${ROWS:-3}\n")
    profile = load_profile(file, environ={"DATA": "/var/gate"})
    assert (profile.history, profile.evidence_rows) == (Path("/var/gate/runs.db"), 3)
    with pytest.raises(ConfigError, match="DATA"):
        load_profile(file, environ={})


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("targt: {type: parquet}", ":1:1", "did you mean 'target'"),
        ("target: {path: data}", ":1:9", "'type' is missing"),
        ("target: parquet", ":1:9", "must be a mapping with a type"),
        ("target: {type: [a]}", ":1:16", "must be a text"),
        ("quarantine: []", ":1:13", "must be a mapping with a type"),
        ("quarantine: {type: local, also: elsewhere}", ":1:33", "must be a list"),
        ("quarantine: {type: local, also: [elsewhere]}", ":1:34", "must be a mapping"),
        ("history: runs.db", ":1:10", "mapping"),
        ("history: {pth: runs.db}", ":1:11", "did you mean 'path'"),
        ("timeout_seconds: soon", ":1:18", "must be a number"),
        ("timeout_seconds: 0", ":1:18", "at least"),
        ("timeout_seconds: -1", ":1:18", "at least"),
        ("evidence_rows: 1.5", ":1:16", "whole number"),
        ("evidence_rows: -1", ":1:16", "at least 0"),
        ("evidence_rows: 100000", ":1:16", "at most 1000"),
        ("engine_order: []", ":1:15", "empty"),
        ("batch: {memory_limit: lots}", ":1:23", "an amount of memory"),
        ("batch: {memory_limit: 2}", ":1:23", "an amount of memory"),
        ("batch: {threads: 0}", ":1:18", "at least 1"),
        ("batch: {memory: 2GB}", ":1:9", "did you mean 'memory_limit'"),
        ("engines: [soda]", ":1:10", "must be a mapping"),
        ("engines: {python: rules}", ":1:19", "must be a mapping"),
        ("engines: {python: {rules: {a: b}}}", ":1:27", "must be a list"),
        ("- target", ":1:1", "expected a mapping"),
        ("target: {type: parquet", ":", ""),
        ("", "", ""),
    ],
)
def test_a_fault_has_a_place_and_says_what_is_wrong(tmp_path: Path, text: str, place: str, message: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_profile(file)
    assert f"{file}{place}" in str(caught.value)
    assert message in str(caught.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_profile(written(tmp_path, "targt: 1\ntimeout_seconds: soon\nbatch: {threads: many, x: 1}\n"))
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_is_none_is_a_config_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        load_profile(tmp_path / name)


def test_the_embedded_profile_needs_no_yaml_reader() -> None:
    code = "import sys; from sluicegate.config import load_profile; load_profile(environ={}); print('yaml' in sys.modules)"
    found: Any = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_the_docs_have_every_key_and_no_other() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    tables = {part.partition("\n")[0]: part for part in text.split("\n## ")}
    keys, *sections = tables["Keys"].split("\n### ")
    rows = [line.split("|")[1].strip(" `") for line in keys.splitlines() if line.startswith("| `")]
    assert rows == [item.name for item in fields(ProfileDocument)]
    (batch,) = (section for section in sections if section.startswith("`batch`"))
    assert [line.split("|")[1].strip(" `") for line in batch.splitlines() if line.startswith("| `")] == [
        item.name for item in fields(BatchDocument)
    ]


def test_the_example_in_the_docs_is_a_profile(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    profile = load_profile(written(tmp_path, text.partition("```yaml\n")[2].partition("```")[0]))
    assert profile.target.settings == {"path": "/lake/{tenant}/{dataset}"}
    assert profile.engines["python"]["rules"] == [str(tmp_path / "rules"), "our_company.rules"]
