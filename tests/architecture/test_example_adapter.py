"""A stranger's engine and notifier: installed as a distribution of its own, found by entry point, proven by the shipped suite."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "example_adapter"
README = (ROOT / "adapters" / "README.md").read_text(encoding="utf-8")


def _uv() -> str:
    beside = ROOT / ".tools" / "bin" / "uv"
    return str(beside) if beside.exists() else shutil.which("uv") or pytest.skip("needs uv, which `make setup` brings")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the distribution installed, built offline and outside our tree and environment."""
    folder = tmp_path_factory.mktemp("stranger")
    shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    command = [_uv(), "pip", "install", "--quiet", "--offline", "--no-deps", "--no-config", "--python", sys.executable]
    subprocess.run([*command, "--target", str(folder / "site"), str(folder / "source")], check=True, cwd=folder)
    return folder


def _python(site: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site / "site")}
    done = subprocess.run([sys.executable, *arguments], cwd=site, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_installed_engine_is_known_and_loads(site: Path) -> None:
    script = (
        "from sluicegate.plugins import known, load\n"
        "assert 'nulls' in known('sluicegate.engines')\n"
        "assert 'lines' in known('sluicegate.notifiers')\n"
        "print(load('sluicegate.engines', 'nulls')().versions())"
    )
    assert "1.0.0" in _python(site, "-c", script)


def test_it_is_not_known_where_it_is_not_installed() -> None:
    from sluicegate.plugins import known

    assert "nulls" not in known("sluicegate.engines")


@pytest.mark.slow
def test_it_passes_the_shipped_suite(site: Path) -> None:
    told = _python(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(site), str(site / "source" / "tests"))
    assert re.search(r"\d{3,} passed", told), told
    assert "failed" not in told


@pytest.mark.parametrize("block", re.findall(r"```(?:python|toml)\n(.*?)```", README, flags=re.DOTALL))
def test_the_readmes_code_is_the_code_that_runs(block: str) -> None:
    sources = [
        *(EXAMPLE / "src").rglob("*.py"),
        *(EXAMPLE / "tests").rglob("*.py"),
        EXAMPLE / "pyproject.toml",
    ]
    assert any(block in source.read_text(encoding="utf-8") for source in sources)
