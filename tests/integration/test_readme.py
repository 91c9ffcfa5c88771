"""The README is a program: its bash and python blocks run in order in one folder, as a newcomer would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r"# (?P<name>[\w.]+\.ya?ml)\n")


def _blocks(page: str = "README.md") -> list[tuple[str, str]]:
    return [(match["language"], match["text"]) for match in _BLOCK.finditer((_ROOT / page).read_text("utf-8"))]


@pytest.mark.slow
def test_every_block_of_the_readme_runs(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "100"}
    environment.pop("SLUICEGATE_CONFIG", None)
    said = ""
    for language, text in _blocks():
        if language == "yaml" and (named := _FILE_NAME.match(text)):
            (tmp_path / named["name"]).write_text(text, "utf-8")
        command = {"bash": ["bash", "-euo", "pipefail", "-c", text], "python": [sys.executable, "-c", text]}.get(language)
        if command is None:
            continue
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        said += done.stdout
    for expected in (
        "COMMITTED WITH WARNINGS",
        "QUARANTINED",
        "exit code 4",
        "had been committed before",
        "commit_with_warnings",
        "mail  orders: schema_violation  1 alert",
    ):
        assert expected in said


@pytest.mark.slow
def test_the_page_on_python_is_one_program(tmp_path: Path) -> None:
    contract = next(text for _, text in _blocks() if text.startswith("# orders.yaml"))
    (tmp_path / "orders.yaml").write_text(contract, "utf-8")
    program = "\n".join(text for language, text in _blocks("docs/python-api.md") if language == "python")
    environment = {name: value for name, value in os.environ.items() if name != "SLUICEGATE_CONFIG"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "quarantined q-" in done.stdout
    assert "range(amount)" in done.stdout


@pytest.mark.parametrize("page", ["README.md", *sorted(str(path.relative_to(_ROOT)) for path in (_ROOT / "docs").rglob("*.md"))])
def test_every_link_between_our_pages_leads_somewhere(page: str) -> None:
    text = re.sub(r"```.*?```", "", (_ROOT / page).read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text):
        assert ((_ROOT / page).parent / target).exists(), f"{page} links to {target}"
