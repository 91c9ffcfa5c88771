"""Whatever is done with quarantined batches, in whatever order: a batch is in one place, and a model knows which."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sluicegate.errors import BatchConflict, SluicegateError, UsageError
from sluicegate.gate.gate import Gate
from sluicegate.ports.quarantine import QuarantineStatus
from tests.crash.replay_shop import BAD, FIXED, NOW, committed, gate_of, open_shop, sha, the_item

Status = QuarantineStatus


class QuarantineLife(RuleBasedStateMachine):
    """One batch_id, handed in bad or repaired, under a strict or a loose contract, and all that people do with its item."""

    def __init__(self) -> None:
        super().__init__()
        self.shop = Path(tempfile.mkdtemp(prefix="sluicegate-life-"))
        open_shop(self.shop)
        self.now = NOW
        self.status: Status | None = None  # the model: the item's status, what is committed, the hold, the attempt
        self.content: str | None = None
        self.held = False
        self.went_on = False  # the item's batch is in the target, by a replay or a release
        self.attempt = 1
        self.expires: datetime | None = None
        self.history = 0

    def teardown(self) -> None:
        shutil.rmtree(self.shop, ignore_errors=True)

    @property
    def gate(self) -> Gate:
        return gate_of(self.shop, now=self.now)

    @property
    def quarantine_id(self) -> str:
        return the_item(self.shop).quarantine_id

    def expect(self, wrong: type[SluicegateError] | None, work: Callable[[], object]) -> None:
        with pytest.raises(wrong) if wrong else nullcontext():
            work()

    def found(self) -> bool:
        """Whether the next who looks at the waiting item finds its content in the target."""
        return self.status in {Status.QUARANTINED, Status.REVIEWED} and self.content == sha(BAD)

    @rule(contract=st.sampled_from(["strict.yaml", "loose.yaml"]), delivery=st.sampled_from(["bad.csv", "fixed.csv"]))
    def run(self, contract: str, delivery: str) -> None:
        text = {"bad.csv": BAD, "fixed.csv": FIXED}[delivery]
        refused = (contract, delivery) == ("strict.yaml", "bad.csv")
        known = delivery == "bad.csv" and self.status is not None
        taken = self.content is not None and self.content != sha(text) and not (known and self.went_on)
        work = lambda: self.gate.run(self.shop / contract, self.shop / delivery, batch_id="b1")  # noqa: E731
        self.expect(BatchConflict if taken else None, work)
        if self.content is not None or known:
            return  # the first decision stands
        if refused:
            self.status, self.expires = Status.QUARANTINED, self.now + timedelta(days=7)
        else:
            self.content = sha(text)

    @precondition(lambda self: self.status is not None)
    @rule(contract=st.sampled_from(["strict.yaml", "loose.yaml"]), repaired=st.booleans(), dry=st.booleans())
    def replay(self, contract: str, repaired: bool, dry: bool) -> None:
        wanted = sha(FIXED if repaired else BAD)
        data = str(self.shop / "fixed.csv") if repaired else None
        wrong: type[SluicegateError] | None = None
        status, content, attempt = self.status, self.content, self.attempt
        if self.found() and not dry:
            status = Status.REPLAYED
        if status is Status.DELETED:
            wrong = UsageError
        elif status in {Status.REPLAYED, Status.RELEASED}:
            wrong = UsageError if repaired and content != wanted else None
        elif not dry and not repaired and contract == "strict.yaml":
            status, attempt = Status.QUARANTINED, attempt + 1
        elif not dry and content is not None and content != wanted:
            status, wrong = Status.QUARANTINED, BatchConflict
        elif not dry:
            status, content = Status.REPLAYED, wanted
        self.expect(wrong, lambda: self.gate.replay(self.quarantine_id, self.shop / contract, data=data, dry_run=dry))
        self.went_on = self.went_on or status is Status.REPLAYED
        self.status, self.content, self.attempt = status, content, attempt

    @precondition(lambda self: self.status is not None)
    @rule()
    def release(self) -> None:
        status, content, wrong = self.status, self.content, None
        if status is Status.DELETED:
            wrong = UsageError
        elif self.found():
            status = Status.REPLAYED
        elif status in {Status.QUARANTINED, Status.REVIEWED}:
            if content is None:
                status, content = Status.RELEASED, sha(BAD)
            else:
                status, wrong = Status.QUARANTINED, BatchConflict  # type: ignore[assignment]
        self.expect(wrong, lambda: self.gate.release(self.quarantine_id, by="ada", reason="right"))
        self.went_on = self.went_on or status is Status.RELEASED
        self.status, self.content = status, content

    @precondition(lambda self: self.status is not None)
    @rule(hold=st.sampled_from([None, True, False]))
    def review(self, hold: bool | None) -> None:
        wrong = UsageError if self.status is Status.DELETED else None
        self.expect(wrong, lambda: self.gate.review(self.quarantine_id, by="ada", note="seen", hold=hold))
        if wrong is None:
            self.held = self.held if hold is None else hold
            if self.status not in {Status.REPLAYED, Status.RELEASED}:
                self.status = Status.REPLAYED if self.found() else Status.REVIEWED

    @precondition(lambda self: self.status is not None)
    @rule()
    def delete(self) -> None:
        wrong = UsageError if self.held and self.status is not Status.DELETED else None
        self.expect(wrong, lambda: self.gate.delete(self.quarantine_id, by="ada", reason="over"))
        self.status = self.status if wrong else Status.DELETED

    @rule(days=st.sampled_from([0, 5, 10]))
    def purge(self, days: int) -> None:
        self.now += timedelta(days=days)
        list(self.gate.purge())
        if self.expires is not None and self.expires <= self.now and not self.held:
            self.status = Status.DELETED

    @invariant()
    def everything_is_where_the_model_says(self) -> None:
        assert committed(self.shop) == ([self.content] if self.content else [])
        if self.status is None:
            assert list(self.gate.quarantine_store.list()) == []
            return
        item = the_item(self.shop)
        assert (item.status, item.held, item.attempt) == (self.status, self.held, self.attempt)
        assert len(item.history) >= self.history
        self.history = len(item.history)
        if self.status is not Status.DELETED:
            (kept,) = self.gate.quarantine_store.data_files(item)
            assert kept.read_text() == BAD


TestQuarantineLife = QuarantineLife.TestCase
TestQuarantineLife.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
