"""The whole year, all 336,776 real departures, through the flights contract; every figure against one computed without us."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from sluicegate import Gate
from sluicegate.cli.demo import DAYS, source_folder
from sluicegate.verdict.model import CheckOutcome, Outcome

if TYPE_CHECKING:
    import pandas as pd

    from sluicegate import RunOutcome

pytestmark = pytest.mark.slow

_FLIGHTS = Path(__file__).parents[2] / "contracts" / "flights"


def _slices() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_slices", _FLIGHTS / "make_slices.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _gate(folder: Path) -> Gate:
    profile = folder / "gate.yaml"
    profile.write_text(
        f"target: {{type: parquet, path: data}}\nquarantine: {{type: local, path: quarantine}}\nhistory: {{path: history.sqlite}}\n"
        f"engines: {{python: {{rules: ['{_FLIGHTS / 'rules'}']}}}}\n",
        "utf-8",
    )
    return Gate.from_config(profile)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> RunOutcome:
    from pyarrow import parquet

    folder = tmp_path_factory.mktemp("year")
    parquet.write_table(_slices().read_table("flights"), folder / "2013.parquet")
    now = datetime(2014, 1, 1, 10, tzinfo=UTC)
    return _gate(folder).run(_FLIGHTS / "contract.yaml", folder / "2013.parquet", batch_id="2013", now=now)


@pytest.fixture(scope="module")
def found(year: RunOutcome) -> Mapping[str, CheckOutcome]:
    return {item.check.name: item for item in year.verdict.outcomes}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """The package's CSV, read by pandas alone."""
    import io

    import pandas as pd

    return pd.read_csv(io.BytesIO(_slices().package_file("flights.csv.zip")), compression="zip")


def _reference(name: str, column: str) -> set[str]:
    import io

    import pandas as pd

    return set(pd.read_csv(io.BytesIO(_slices().package_file(f"{name}.csv")), keep_default_na=False)[column])


def test_the_year_is_committed_with_the_warnings_that_it_deserves(year: RunOutcome) -> None:
    assert year.verdict.rows == 336_776
    assert year.verdict.decision == "commit_with_warnings"
    assert year.action == "committed"
    ended = {name: sorted(item.check.name for item in year.verdict.outcomes if item.outcome is name) for name in Outcome}
    assert not ended[Outcome.FAILED] + ended[Outcome.ERRORED] + ended[Outcome.UNSUPPORTED]
    assert ended[Outcome.WARNED] == [
        "departure is a time of day",
        "flight arrived where it was going",
        "flight was not cancelled",
        "speed is plausible",
        "tail number is American",
    ]


def test_the_real_violations_are_counted_to_the_row(found: Mapping[str, CheckOutcome], frame: pd.DataFrame) -> None:
    known = frame.tailnum.notna()
    flew = frame.dep_time.notna()
    expected = {
        "flight was not cancelled": (len(frame), int((~flew).sum())),
        "tail number is known": (len(frame), int((~known).sum())),
        "plane is registered": (int(known.sum()), int((~frame.tailnum[known].isin(_reference("planes", "tailnum"))).sum())),
        "destination is an airport": (len(frame), int((~frame.dest.isin(_reference("airports", "faa"))).sum())),
        "departure delay is plausible": (int(frame.dep_delay.notna().sum()), 0),
        "departure is a time of day": (int(flew.sum()), int((frame.dep_time > 2359).sum())),
        "schedule agrees with itself": (len(frame), 0),
        "tail number is American": (
            int(known.sum()),
            int((~frame.tailnum[known].str.contains("^N[0-9A-Z]{2,5}$")).sum()),
        ),
    }
    figures = {name: (found[name].rows, found[name].failing) for name in expected}
    assert figures == expected
    # ... and the same as numbers, so that a slip on both sides can't hide:
    assert [failing for _, failing in expected.values()] == [8_255, 2_512, 50_094, 7_602, 0, 29, 0, 4]


def test_rules_in_python_count_what_pandas_counts(found: Mapping[str, CheckOutcome], frame: pd.DataFrame) -> None:
    lost = int((frame.dep_time.notna() & frame.arr_delay.isna()).sum())
    fast = int((frame.distance * 60 / frame.air_time > 650).sum())
    assert found["flight arrived where it was going"].failing == lost == 1_175
    assert found["speed is plausible"].failing == fast == 2
    assert found["delay is the difference of the clock times"].failing == 0


def test_figures_of_the_whole_batch_are_right(found: Mapping[str, CheckOutcome], frame: pd.DataFrame) -> None:
    mean = found["mean delay of a day"].value
    assert isinstance(mean, float | Decimal)
    assert float(mean) == pytest.approx(frame.dep_delay.mean(), rel=1e-12)
    assert float(mean) == pytest.approx(12.639070257304708, rel=1e-12)


def test_each_engine_had_its_share(year: RunOutcome) -> None:
    assert {item.engine for item in year.verdict.outcomes} >= {"duckdb", "soda", "great_expectations", "python"}


@pytest.mark.parametrize(
    ("day", "decision"), [("2013-11-28", "commit"), ("2013-12-31", "commit_with_warnings"), ("2013-02-08", "quarantine")]
)
def test_the_three_days_of_the_demo_are_decided_as_the_story_goes(day: str, decision: str, tmp_path: Path) -> None:
    assert day in DAYS
    now = datetime.fromisoformat(f"{day}T10:00:00+00:00").replace(hour=23)
    outcome = _gate(tmp_path).check(_FLIGHTS / "contract.yaml", _FLIGHTS / "data" / f"{day}.parquet", now=now)
    assert outcome.verdict.decision == decision


def test_the_slices_are_what_the_package_has(tmp_path: Path) -> None:
    from pyarrow import parquet

    _slices().main(tmp_path)
    for path in sorted((_FLIGHTS / "data").glob("*.parquet")):
        assert parquet.read_table(path).equals(parquet.read_table(tmp_path / path.name)), path.name


@pytest.mark.parametrize("name", ["contract.yaml", "asset.yaml", "job.yaml"])
def test_each_of_the_three_files_starts_a_run_unchanged(name: str, tmp_path: Path) -> None:
    now = datetime(2013, 11, 29, 10, tzinfo=UTC)
    batch = _FLIGHTS / "data" / "2013-11-28.parquet" if name == "contract.yaml" else None
    outcome = _gate(tmp_path).run(_FLIGHTS / name, batch, now=now)
    assert outcome.action == "committed"


def test_the_demo_finds_its_data_in_a_checkout() -> None:
    assert source_folder() == _FLIGHTS
