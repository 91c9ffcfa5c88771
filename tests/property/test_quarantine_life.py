"""Whatever several workers do with a batch, in whatever order, dying and meeting anywhere: it is in one place, and a model knows which."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sluicegate.gate import keep
from sluicegate.gate.act import Acted, ActionTaken, quarantine
from sluicegate.gate.first import Door
from sluicegate.gate.items import Claim, Desk
from sluicegate.ports.quarantine import Manifest, QuarantineStatus
from sluicegate.verdict.model import Verdict
from tests.crash.planted import BUGS
from tests.crash.truth import Seen, look
from tests.crash.worlds import ParquetLocal
from tests.property.quarantine_model import CONTENTS, LEASE, Command, Item, Meeting, State, answered, left_by
from tests.property.workers import Worker

pytestmark = pytest.mark.slow
BEGIN = datetime(2026, 1, 2, 12, tzinfo=UTC)
NAMES = {found: name for name, found in CONTENTS.items()}
_MOMENTS = {"run": 44, "replay": 88, "release": 90, "review": 18, "delete": 24, "purge": 22, "recover": 20}
"""How many a command has, more or less, when it has something to do."""
_NO_TIME, _LONGEST = timedelta(), timedelta(days=10)

items = st.sampled_from(["bad", "bad", "worse"])
contracts = st.sampled_from(["strict", "loose"])


def _about(item: str) -> st.SearchStrategy[Command]:
    run = st.builds(Command, verb=st.just("run"), contract=contracts, delivery=st.sampled_from([item, item, item, "fixed"]))
    replay = st.builds(
        Command,
        verb=st.just("replay"),
        contract=st.sampled_from(["loose", "loose", "strict"]),
        item=st.just(item),
        data=st.sampled_from([None, None, "fixed"]),
        dry=st.sampled_from([False] * 7 + [True]),
    )
    others = st.builds(Command, verb=st.sampled_from(["release", "delete", "recover", "purge"]), item=st.just(item))
    review = st.builds(Command, verb=st.just("review"), item=st.just(item), hold=st.sampled_from([None, None, False, True]))
    return st.sampled_from([run, run, replay, replay, others, others, review]).flatmap(lambda chosen: chosen)


commands_about = {item: _about(item) for item in ("bad", "worse")}
commands = items.flatmap(commands_about.__getitem__)
workers = st.integers(0, 2)
shares = st.integers(0, 99)
"""How far a command comes, in hundredths of its usual moments, until something happens to it."""
chances = st.one_of(st.none(), st.none(), shares)
pauses = st.sampled_from([_NO_TIME, _NO_TIME, timedelta(minutes=5), timedelta(days=1), _LONGEST])


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers die here, not machines."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


class QuarantineLife(RuleBasedStateMachine):
    """One batch_id, three deliveries under it, a strict contract and a loose one, three workers, and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.world = ParquetLocal(Path(tempfile.mkdtemp(prefix="sluicegate-life-")))
        self.world.open()
        self.state = State(BEGIN)
        self.now = BEGIN
        self.workers = [self.fresh() for _ in range(3)]
        self.seen = Seen()
        assert self.workers[0].lease == LEASE

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # what is broken already is told as it is
                self.settles()
        finally:
            shutil.rmtree(self.world.place, ignore_errors=True)

    def fresh(self) -> Worker:
        return Worker(self.world.place, lambda: self.now)

    @initialize(delivery=st.sampled_from(["bad", "bad", "worse", None]))
    def something_is_there(self, delivery: str | None) -> None:
        if delivery is not None:
            self.works(0, Command(verb="run", delivery=delivery))

    @rule(worker=workers, command=commands)
    def works(self, worker: int, command: Command) -> None:
        command = self.about_an_item(command)
        answer = self.workers[worker].do(command)
        assert answer == answered(self.state, command)
        assert self.observed() == self.state, "the model says what is there"

    def about_an_item(self, command: Command) -> Command:
        """One that is there, if there is one."""
        return (
            replace(command, item=next(iter(self.state.items), command.item)) if command.item not in self.state.items else command
        )

    @rule(pause=pauses)
    def time_passes(self, pause: timedelta) -> None:
        self.now += pause
        self.state.now = self.now

    @rule(worker=workers, command=commands, dies=shares)
    def dies(self, worker: int, command: Command, dies: int) -> None:
        command = self.about_an_item(command)
        answer = self.do(worker, command, dies=_moment(command, dies))
        self.is_one_of(Meeting(command=command, dies=answer == "killed"))

    @rule(data=st.data(), worker=workers, about=items, stands=shares, pause=pauses, dies=chances, other_dies=chances)
    def meets(  # noqa: PLR0917 - all that can happen
        self,
        data: st.DataObject,
        worker: int,
        about: str,
        stands: int,
        pause: timedelta,
        dies: int | None,
        other_dies: int | None,
    ) -> None:
        command, other = (data.draw(commands_about[about], label=label) for label in ("command", "other"))
        fates = {"dies": _moment(command, dies), "stands": _moment(command, stands), "other_dies": _moment(other, other_dies)}
        self.meet(worker, command, other, pause, **fates)

    def meet(
        self, worker: int, command: Command, other: Command, pause: timedelta, *, stands: int, dies: int = 0, other_dies: int = 0
    ) -> None:
        """One stands still from a moment on, another works meanwhile; each may die at a moment."""
        seen: State | None = None
        others_answer = ""

        def meeting() -> None:
            nonlocal seen, others_answer
            self.the_truth_holds()
            seen = self.observed()
            self.now += pause
            others_answer = self.do((worker + 1) % 3, other, dies=other_dies)

        answer = self.do(worker, command, dies=dies, stands=stands, meets=meeting)
        self.is_one_of(
            Meeting(
                command=command,
                dies=answer == "killed",
                other=other if seen else None,
                other_dies=others_answer == "killed",
                pause=pause,
                seen=seen,
            )
        )

    def do(self, worker: int, command: Command, *, dies: int, stands: int = 0, meets: Callable[[], object] | None = None) -> str:
        """Who dies has a successor."""
        answer = self.workers[worker].do(command, dies=dies, stands=stands, meets=meets)
        if answer == "killed":
            self.workers[worker] = self.fresh()
        return answer

    @invariant()
    def the_truth_holds(self) -> None:
        self.seen = look(self.world, self.seen)

    def observed(self) -> State:
        """What the world tells, in the model's words."""
        seen = look(self.world)
        target = NAMES[seen.contents[0]] if seen.contents else None
        return State(self.now, target, {NAMES[item.content_sha256]: self.told(item) for item in seen.items.values()})

    def told(self, item: Manifest) -> Item:
        landed = [NAMES[step.details["data_sha256"]] for step in item.history if "location" in step.details]
        return Item(
            status=item.status.value,
            attempt=item.attempt,
            held=item.held,
            created=datetime.fromisoformat(item.created_at),
            lease=datetime.fromisoformat(item.lease_until) if item.lease_until else None,
            claims=tuple(
                (step.details["action"], NAMES[step.details["data_sha256"]])
                for step in item.history
                if step.status is QuarantineStatus.REPLAYING
            ),
            landed=landed[-1] if landed else None,
            kept=bool(self.world.kept(item)),
            steps=len(item.history),
            rev=item.rev,
        )

    def is_one_of(self, meeting: Meeting) -> None:
        """What is there is something that could come of it; from now on the model knows which."""
        observed = self.observed()
        possible = list(left_by(self.state, meeting))
        assert observed in possible, "what is there could come of it"
        self.state = observed

    def settles(self) -> None:
        """When nobody works any more, everything comes to rest in one place."""
        self.time_passes(_LONGEST)
        self.works(0, Command(verb="recover"))
        state = self.observed()
        for name, item in state.items.items():
            waits = item.status in {"quarantined", "reviewed"}
            given_up = item.status == "deleted" and item.landed is None
            assert waits + given_up + (item.landed is not None) == 1
            assert item.landed in {None, state.target}
            assert not (waits and state.target == name), "what is committed doesn't wait"
            assert item.kept == (item.status != "deleted")
        left = [path for path in self.world.place.rglob("*") if path.suffix in {".tmp", ".part"}]
        left += list(self.world.place.glob("data/.sluicegate-staging/*"))
        assert left == [], "what the dead left is cleared away"


def _moment(command: Command, share: int | None) -> int:
    return 0 if share is None else 1 + share * _MOMENTS[command.verb] // 100


TestQuarantineLife = QuarantineLife.TestCase
TestQuarantineLife.settings = settings(max_examples=60, stateful_step_count=10)


def _bytes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "delete", keep.delete)  # put back afterwards
    BUGS["bytes first"]()


def _blind_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was to look whether an item is still theirs writes to it, whoever has it."""

    def renewing(claim: Claim) -> None:
        claim._desk.change(claim.item, lambda item: replace(item, rev=item.rev + 1, nonce=secrets.token_hex(8)))

    monkeypatch.setattr(Claim, "renew", renewing)


def _no_look_after_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who quarantines a batch doesn't look whether it was committed meanwhile."""

    def keeping(door: Door, verdict: Verdict, evidence: dict[str, Any], *, nonce: str) -> Acted:
        desk = door.desk
        kept = quarantine(door.contract, verdict, door.batch, desk.store, evidence=evidence, nonce=nonce, at=desk.clock())
        return Acted(action=ActionTaken.QUARANTINED, manifest=kept, earlier=kept.nonce != nonce)

    monkeypatch.setattr(Door, "keep", keeping)


def _claims_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody takes over from the dead."""
    monkeypatch.setattr(Desk, "lapsed", lambda _desk, _item: False)


@dataclass(frozen=True)
class _Life:
    """A command after others, that another meets (or that dies, without one) at each of its moments, or each nth."""

    before: tuple[Command, ...]
    command: Command
    other: Command | None = None
    pause: timedelta = _NO_TIME
    nth: int = 1

    def lived(self) -> None:
        for moment in range(1, _MOMENTS[self.command.verb] + 1, self.nth):
            life = QuarantineLife()
            try:
                self.lived_in(life, moment)
            finally:
                life.teardown()

    def lived_in(self, life: QuarantineLife, moment: int) -> None:
        for earlier in self.before:
            life.works(0, earlier)
        if self.other is None:
            life.is_one_of(Meeting(command=self.command, dies=life.do(0, self.command, dies=moment) == "killed"))
        else:
            life.meet(0, self.command, self.other, self.pause, stands=moment)
        life.the_truth_holds()


_KEPT, _PASSES, _DELETED = Command(verb="run"), Command(verb="replay", contract="loose"), Command(verb="delete")
LIVES = {
    "a deletion that dies": (_Life((_KEPT,), _DELETED), _bytes_first),
    "a replay that stalls, and is reviewed": (
        _Life((_KEPT,), _PASSES, Command(verb="review"), timedelta(days=1), nth=5),
        _blind_last_look,
    ),
    "a batch that is kept and committed at once": (
        _Life((), _KEPT, Command(verb="run", contract="loose")),
        _no_look_after_keeping,
    ),
    "a replay that dies": (_Life((_KEPT,), _PASSES, nth=5), _claims_for_ever),
}


@pytest.mark.parametrize("name", LIVES)
def test_a_life_goes_as_the_model_says_and_with_a_planted_bug_it_is_seen_not_to(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    life, bug = LIVES[name]
    life.lived()
    bug(monkeypatch)
    with pytest.raises(AssertionError):
        life.lived()
