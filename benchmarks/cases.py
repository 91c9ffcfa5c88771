"""What is measured, as data: each case is contenders that take their turns, and for how many rounds in which set."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.contracts import many_checks, many_figures, on_engine, wide_checks
from benchmarks.measure import Command, Runs, in_one_process, paired
from benchmarks.workshop import HERE, Workshop

__all__ = ["CASES", "CHECK", "HAND", "HAND_FUSED", "Case"]

HAND, HAND_FUSED = "hand-written DuckDB script", "hand-fused query"
CHECK, RUN = "`sluicegate check`", "`sluicegate run` (with commit and history)"
ON_SODA, ON_GX = "`sluicegate check`, all on Soda", "`sluicegate check`, all on Great Expectations"

_M = 1_000_000
_ONLY_SMALL = ("great_expectations",)
"""Tools that a large file is not given to: on pandas it is out of memory, through SQL it takes minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Contenders that take their turns.

    Attributes:
        name: in one word, for ``--only``.
        title: what is measured, for people.
        rounds: set -> how often; a set that isn't in it leaves the case out.
        commands: what takes its turns, each as a process; the first is what the others are compared to.
        script: instead of them: one process that measures by itself, told how often.
        warm_up: whether a first round isn't counted, where there are several.
        others: whether it is about other tools, and left out where there are none.
    """

    name: str
    title: str
    rounds: Mapping[str, int]
    commands: Callable[[Workshop], Mapping[str, Command]] | None = None
    script: Callable[[Workshop, int], Command] | None = None
    warm_up: bool = True
    others: bool = False

    def measure(self, workshop: Workshop, rounds: int) -> Runs:
        """Every contender, so many rounds.

        Raises:
            RuntimeError: a process ended otherwise than it should.
        """
        if self.script is not None:
            return in_one_process(self.script(workshop, rounds).words, workshop.folder)
        assert self.commands is not None
        return paired(self.commands(workshop), rounds, workshop.folder, warm_up=self.warm_up and rounds > 1)


def _twelve(workshop: Workshop, rows: int) -> dict[str, Command]:
    orders, contract = workshop.orders(rows), workshop.contract("twelve", on_engine())
    return {HAND: workshop.script("hand_written", orders), CHECK: workshop.check(contract, orders)}


def _one_million(workshop: Workshop) -> Mapping[str, Command]:
    run = workshop.run(workshop.contract("twelve", on_engine()), workshop.orders(_M))
    return {**_twelve(workshop, _M), RUN: run}


def _ten_million(workshop: Workshop) -> Mapping[str, Command]:
    return _twelve(workshop, 10 * _M)


def _hundred_million(workshop: Workshop) -> Mapping[str, Command]:
    large, contract = workshop.orders(100 * _M), workshop.contract("twelve", on_engine())
    return {
        "`sluicegate check`, 10 M rows": workshop.check(contract, workshop.orders(10 * _M)),
        "`sluicegate check`, 100 M rows": workshop.check(contract, large),
        f"{HAND}, 100 M rows": workshop.script("hand_written", large),
    }


def _all_tools(workshop: Workshop) -> Mapping[str, Command]:
    orders = workshop.orders(_M)
    ours = {
        ON_SODA: workshop.check(workshop.contract("soda", on_engine("soda")), orders),
        ON_GX: workshop.check(workshop.contract("gx", on_engine("great_expectations")), orders),
    }
    return {**_twelve(workshop, _M), **ours, **{peer.name: peer.command(orders) for peer in workshop.peers}}


def _large_tools(workshop: Workshop) -> Mapping[str, Command]:
    orders = workshop.orders(10 * _M)
    able = [peer for peer in workshop.peers if peer.script.parent.name not in _ONLY_SMALL]
    return {**_twelve(workshop, 10 * _M), **{peer.name: peer.command(orders) for peer in able}}


def _warm(workshop: Workshop, rounds: int) -> Command:
    engines = {"canonical": None, "all on Soda": "soda", "all on Great Expectations": "great_expectations"}
    contracts = [f"{name}={workshop.contract(f'warm-{name}', on_engine(engine))}" for name, engine in engines.items()]
    return workshop.script("in_process", str(rounds), workshop.orders(_M), *contracts)


def _three_engines(workshop: Workshop) -> Mapping[str, Command]:
    orders, folder = workshop.orders(_M), HERE / "three_engines"
    return {
        "Soda, then GX on pandas": Command((sys.executable, str(folder / "alone.py"), orders)),
        "`sluicegate check`, three engines": workshop.check(str(folder / "contract.yaml"), orders),
    }


def _checks(workshop: Workshop) -> Mapping[str, Command]:
    orders = workshop.orders(_M)
    counts = (20, 5, 100, 400)
    checked = {
        f"{count} checks": workshop.check(workshop.contract(f"checks-{count}", many_checks(count)), orders) for count in counts
    }
    by_hand = {
        f"{count} checks but the two keys, in one statement written by hand": workshop.script(
            "statement", orders, many_figures(count)
        )
        for count in (20, 400)
    }
    return {**checked, **by_hand}


def _columns(workshop: Workshop) -> Mapping[str, Command]:
    rows, few = 200_000, workshop.contract("wide-5", wide_checks(5))
    narrow, wide = workshop.wide(rows, 8), workshop.wide(rows, 200)
    statement = ", ".join(f"avg(c{number:03})" for number in range(200))
    return {
        "5 of 8 columns checked": workshop.check(few, narrow),
        "5 of 200 columns checked": workshop.check(few, wide),
        "each of 200 columns checked": workshop.check(workshop.contract("wide-200", wide_checks(200)), wide),
        "the same in one statement written by hand": workshop.script("statement", wide, statement),
    }


def _dirty(workshop: Workshop) -> Mapping[str, Command]:
    contract = workshop.contract("twelve", on_engine())
    return {
        "clean": workshop.check(contract, workshop.orders(_M)),
        "dirty, with evidence": workshop.check(contract, workshop.orders(_M, faulty_every=100), exits=4),
    }


def _small_batches(workshop: Workshop, rounds: int) -> Command:
    contract = workshop.contract("ten", on_engine()[1:11])
    return workshop.script("small_batches", str(rounds), contract, workshop.orders(1000 * workshop.smaller))


def _start_up(workshop: Workshop) -> Mapping[str, Command]:
    return {"Python, doing nothing": Command((sys.executable, "-c", "pass")), "`sluicegate --help`": workshop.help()}


CASES = (
    Case(
        name="one-million",
        title="1 M rows × 8 columns, 12 canonical checks of which two unique, whole processes",
        rounds={"quick": 5, "full": 9},
        commands=_one_million,
    ),
    Case(name="ten-million", title="the same, 10 M rows", rounds={"quick": 2, "full": 5}, commands=_ten_million),
    Case(
        name="tools",
        title="other tools on equivalent checks, 1 M rows, whole processes",
        rounds={"quick": 1, "full": 3},
        commands=_all_tools,
        others=True,
    ),
    Case(
        name="tools-large",
        title="the same, 10 M rows",
        rounds={"full": 3},
        commands=_large_tools,
        others=True,
    ),
    Case(name="warm", title="in one process, warm, 1 M rows, the same 12 checks", rounds={"quick": 5, "full": 11}, script=_warm),
    Case(
        name="three-engines",
        title="three engines, 8 checks each, 1 M rows, whole processes",
        rounds={"quick": 1, "full": 5},
        commands=_three_engines,
    ),
    Case(
        name="hundred-million",
        title="100 M rows (about 2 GB of Parquet), 12 checks of which two unique",
        rounds={"full": 2},
        commands=_hundred_million,
        warm_up=False,
    ),
    Case(
        name="checks",
        title="checks, no two alike, of which two unique, on the same 8 columns, 1 M rows",
        rounds={"quick": 2, "full": 5},
        commands=_checks,
    ),
    Case(
        name="columns",
        title="wide batches: 200,000 rows, a mean for a column",
        rounds={"quick": 2, "full": 5},
        commands=_columns,
    ),
    Case(
        name="dirty",
        title="1 % of 1 M rows break one of the 12 checks, with evidence",
        rounds={"quick": 3, "full": 7},
        commands=_dirty,
    ),
    Case(
        name="small-batches",
        title="batches of 1,000 rows, 10 checks, through one `Gate`, each committed and recorded",
        rounds={"quick": 100, "full": 1000},
        script=_small_batches,
    ),
    Case(name="start-up", title="start-up", rounds={"quick": 5, "full": 9}, commands=_start_up),
)
