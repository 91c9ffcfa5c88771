from __future__ import annotations

import subprocess
import sys

import pytest

from sluicegate.cli.parser import parse
from sluicegate.errors import UsageError


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        (["chek", "c.yaml"], "did you mean 'check'?"),
        (["quarentine", "list"], "did you mean 'quarantine'?"),
        (["contract", "lnit", "c.yaml"], "did you mean 'lint'?"),
        (["contract", "zzz"], "known: lint, show, init"),
        (["run", "c.yaml", "--fail-on-warning"], "did you mean '--fail-on-warnings'?"),
        (["run", "c.yaml", "--batchid=3"], "did you mean '--batch-id'?"),
        (["quarantine", "show", "q-1", "q-2"], "see `sluicegate quarantine show --help`"),
        (["history", "--limit", "many"], "see `sluicegate history --help`"),
        (["check"], "see `sluicegate check --help`"),
        ([], "see `sluicegate --help`"),
        (["--jsn", "doctor"], "did you mean '--json'?"),
    ],
)
def test_a_slip_of_the_finger_is_answered_with_a_suggestion(typed: list[str], hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(typed)
    assert caught.value.hint == hint


@pytest.mark.parametrize("typed", [["--json", "doctor"], ["doctor", "--json"]])
def test_common_options_may_stand_before_or_after_the_verb(typed: list[str]) -> None:
    options = parse(typed)
    assert options.json
    assert not options.quiet
    assert options.config is None


def test_the_last_word_on_an_option_given_twice_is_the_verbs() -> None:
    assert parse(["--config", "a", "doctor", "--config", "b"]).config == "b"


def test_options_and_batches_mix() -> None:
    options = parse(["run", "c.yaml", "a.parquet", "b.parquet", "--batch-id", "x"])
    assert (options.contract, options.batch, options.batch_id) == ("c.yaml", ["a.parquet", "b.parquet"], "x")


@pytest.mark.parametrize("typed", [["--help"], ["run", "--help"], ["quarantine", "show", "-h"], ["--version"]])
def test_help_and_version_end_well(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(typed)
    assert not caught.value.code
    assert "sluicegate" in capsys.readouterr().out


def test_the_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom sluicegate.cli.main import main\nmain(['--help'])\n"
        "heavy = {'duckdb', 'pandas', 'pyarrow', 'soda', 'great_expectations', 'rich', 'yaml', 'sqlite3', 'importlib.metadata'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stderr.strip() == "[]"


def test_help_is_written_in_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("doctor", "plan"):
        with pytest.raises(SystemExit):
            parse([verb, "--help"])
        said = capsys.readouterr().out
        assert "?." not in said
        assert (
            f"\n\n{'Is everything here that a run needs?' if verb == 'doctor' else 'Print what each engine would run; needs no data.'}\n"
            in said
        )
