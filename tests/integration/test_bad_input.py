"""What a user can get wrong: one clear message, the right exit code, no traceback, nothing committed, nothing lost."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sluicegate.cli.main import main
from tests.integration.bad_inputs import BAD_INPUTS, BadInput


def _hashes(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("bad", BAD_INPUTS, ids=lambda bad: bad.name)
def test_a_mistake_gets_one_clear_message(
    bad: BadInput, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    for name, value in bad.environment.items():
        monkeypatch.setenv(name, value)
    contract, batch = tmp_path / "contract.yaml", tmp_path / bad.file
    if bad.contract == "LATIN":
        contract.write_bytes("data_contract: {name: Flüge}".encode("latin-1"))
    elif bad.contract is not None:
        contract.write_text(bad.contract)
    bad.batch(batch)
    for name, text in bad.files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    before = _hashes(tmp_path)

    code = main([arg.format(contract="contract.yaml", batch=bad.file) for arg in bad.args])

    shown = "".join(capsys.readouterr())
    assert code == bad.code, shown
    assert all(words in shown for words in bad.says), shown
    assert "Traceback" not in shown
    assert "internal error" not in shown
    assert shown.strip(), "a refusal without a word"
    after = _hashes(tmp_path)
    (tmp_path / "rules" / "r.py").unlink(
        missing_ok=True
    )  # lets a rule that never returns do so: it would slow down all that follows
    assert {path: after.get(path) for path in before} == before, "the input is as it was"
    assert not list(tmp_path.glob(".sluicegate/**/batch=*")), "nothing was committed"


def _never_returns(folder: Path) -> list[str]:
    """The command line of a run whose rule never returns."""
    bad = next(bad for bad in BAD_INPUTS if bad.name == "a rule that never returns")
    assert bad.contract
    (folder / "contract.yaml").write_text(bad.contract)
    bad.batch(folder / bad.file)
    for name, text in bad.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    command = [str(Path(sys.executable).parent / "sluicegate"), *bad.args]
    return [argument.format(contract="contract.yaml", batch=bad.file) for argument in command]


def test_a_terminated_process_leaves_nothing_behind(tmp_path: Path) -> None:
    arguments = _never_returns(tmp_path)
    (tmp_path / "profile.yaml").write_text("batch: {temp_directory: scratch}\n")
    (rules,) = (tmp_path / "rules").glob("*.py")
    rules.write_text(
        rules.read_text().replace("def forever(batch):\n", "def forever(batch):\n    open('started', 'w').close()\n")
    )
    with subprocess.Popen(arguments, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "started").exists() and process.poll() is None:
            os.sched_yield()
        process.terminate()
        shown = process.communicate(timeout=60)
    assert (process.returncode, shown) == (143, ("", ""))
    assert list((tmp_path / "scratch").iterdir()) == []
    assert not (tmp_path / ".sluicegate").exists()


def test_a_process_that_leaves_an_engine_behind_ends_at_once_and_says_nothing_more(tmp_path: Path) -> None:
    arguments = _never_returns(tmp_path)
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (5, "")
    assert "longer than 0.2 s" in done.stdout


def test_there_are_more_than_sixty_kinds() -> None:
    assert len({bad.name for bad in BAD_INPUTS}) == len(BAD_INPUTS) > 60
