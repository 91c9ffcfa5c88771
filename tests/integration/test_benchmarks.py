"""What ``make bench`` measures still runs: every case that needs no other tool, on a few rows, one round."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from benchmarks.bars import BARS, Bar
from benchmarks.cases import CASES
from benchmarks.chart import bar_chart
from benchmarks.contracts import NAMES, contract, many_checks, on_engine
from benchmarks.data import make_orders
from benchmarks.measure import Run, ratio
from benchmarks.peers import Peer, all_peers
from benchmarks.scripts.hand_written import check

from sluicegate.config import Profile
from sluicegate.gate.gate import Gate

ROOT = Path(__file__).resolve().parents[2]
ALONE = [case.name for case in CASES if not case.others]


@pytest.fixture(scope="module")
def told() -> str:
    options = ["--set", "full", "--no-peers", "--smaller", "1000", "--rounds", "1", "--only", *ALONE]
    done = subprocess.run([sys.executable, "-m", "benchmarks", *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ALONE)
def test_a_case_runs_and_is_told(name: str, told: str) -> None:
    title = next(case.title for case in CASES if case.name == name)
    assert title[1:] in told


@pytest.mark.slow
@pytest.mark.parametrize("bar", [bar for bar in BARS if bar.case in ALONE], ids=lambda bar: bar.wanted)
def test_a_bar_is_held_against_its_case(bar: Bar, told: str) -> None:
    assert f"| {bar.wanted} |" in told


def test_every_bar_reads_a_case_of_the_full_set() -> None:
    assert {bar.case for bar in BARS} <= {case.name for case in CASES if "full" in case.rounds}


def test_the_hand_written_script_finds_the_faults_that_the_gate_finds(tmp_path: Path) -> None:
    dirty = make_orders(tmp_path / "dirty.parquet", 10_000, faulty_every=10)
    (tmp_path / "contract.yaml").write_text(contract(on_engine()))
    verdict = Gate(Profile(base=tmp_path)).check(tmp_path / "contract.yaml", dirty).verdict
    failing = {outcome.check.name: outcome.failing for outcome in verdict.outcomes if outcome.outcome == "failed"}
    by_hand = check(str(dirty))
    assert set(failing) == {name for name, count in by_hand.items() if count} == set(NAMES) - {"rows"}
    alike = set(NAMES) - {"rows", "status_complete", "order_id_unique", "code_unique"}
    assert {name: failing[name] for name in alike} == {name: by_hand[name] for name in alike}


def test_a_clean_file_is_clean(tmp_path: Path) -> None:
    assert not any(check(str(make_orders(tmp_path / "clean.parquet", 10_000))).values())


def test_no_two_of_many_checks_are_alike() -> None:
    assert len({json.dumps(each, sort_keys=True) for each in many_checks(400)}) == 400


def test_a_ratio_is_that_of_the_rounds_not_of_the_medians() -> None:
    slow_down = {"a": [Run(1, 0, 0), Run(10, 0, 0), Run(30, 0, 0)], "b": [Run(2, 0, 0), Run(5, 0, 0), Run(15, 0, 0)]}
    assert ratio(slow_down, "a", "b") == 2


def test_the_chart_is_well_formed_and_colours_ours() -> None:
    drawn = ET.fromstring(
        bar_chart({"Seconds": [("`sluicegate` <x>", 1.0, "1 s"), ("other & more", 2.0, "2 s")]}, ours="sluicegate")
    )
    bars = [element.get("class") for element in drawn.iter() if element.tag.endswith("rect")]
    assert bars == ["ours", "other"]


@pytest.mark.parametrize("peer", all_peers(), ids=lambda peer: peer.script.parent.name + "/" + peer.script.stem)
def test_another_tool_has_a_name_and_pinned_versions(peer: Peer) -> None:
    assert peer.name
    assert peer.versions
