"""A model of what becomes of a batch: commands as coroutines that stop between any two of their effects, and all that can come of them.

The model knows contents by their names (``bad``, ``worse``, ``fixed``), and no storage. A command that dies has come to one of its stops; one
that is met by another has let it work at one of them. So the states that a crash or a meeting can leave are found by trying every stop.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from sluicegate.ports.quarantine import quarantine_id
from tests.crash.shop import BAD, BATCH, FIXED, WORSE, sha

__all__ = ["CONTENTS", "IDS", "LEASE", "Command", "Item", "Meeting", "State", "answered", "left_by"]

LEASE = timedelta(minutes=20)
"""Of a claim, with the default profile."""
RETENTION = timedelta(days=7)
CONTENTS = {"bad": sha(BAD), "worse": sha(WORSE), "fixed": sha(FIXED)}
IDS = {
    name: quarantine_id(tenant="default", dataset="orders", batch_id=BATCH, content_sha256=found)
    for name, found in CONTENTS.items()
}
WAITING, DONE = ("quarantined", "reviewed"), ("replayed", "released")
_PASSES = {"loose": ("bad", "worse", "fixed"), "strict": ("fixed",)}


@dataclass(frozen=True, kw_only=True)
class Item:
    """What the world tells of an item.

    Attributes:
        claims: what each claim was for: an action and a content.
        landed: its history says where its batch is.
        kept: its bytes are there.
        steps: how long its history is.
        rev: how often its manifest was written.
    """

    status: str = "quarantined"
    attempt: int = 1
    held: bool = False
    created: datetime
    lease: datetime | None = None
    claims: tuple[tuple[str, str], ...] = ()
    landed: str | None = None
    kept: bool = True
    steps: int = 1
    rev: int = 1


@dataclass
class State:
    """The target's content of the batch, the items by their content, and the time."""

    now: datetime
    target: str | None = None
    items: dict[str, Item] = field(default_factory=dict)

    def copy(self) -> State:
        return State(self.now, self.target, dict(self.items))


class Refused(Exception):
    """The command ends with the error of this name."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """What a worker is told. ``item``: whose; ``data``: a repaired file; ``delivery``: what is handed in."""

    verb: str
    contract: str = "strict"
    delivery: str = "bad"
    item: str = "bad"
    data: str | None = None
    hold: bool | None = None
    dry: bool = False


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """A command, and what happens to it.

    Attributes:
        dies: it doesn't come to its end.
        other: what another does while it stands still, somewhere.
        other_dies: that doesn't come to its end, either.
        pause: how long it stands still before the other begins.
        seen: what there was to be seen then.
    """

    command: Command
    dies: bool = False
    other: Command | None = None
    other_dies: bool = False
    pause: timedelta = timedelta()
    seen: State | None = None


Work: TypeAlias = Generator[None, None, str]
Decide: TypeAlias = Callable[[Item], Item]


def _moved(item: Item, status: str, *, lease: datetime | None = None, landed: str | None = None) -> Item:
    return replace(item, status=status, lease=lease, landed=landed or item.landed, steps=item.steps + 1)


def _get(state: State, name: str) -> Item:
    if name not in state.items:
        raise Refused("NoSuchItem")
    return state.items[name]


def _change(state: State, name: str, decide: Decide) -> Generator[None, None, Item]:
    """Compare and swap."""
    while True:
        item = _get(state, name)
        wanted = decide(item)
        if wanted is item:
            return item
        yield
        if state.items[name] is item:
            return (yield from _written(state, name, item, wanted))


def _swap(state: State, name: str, old: Item, new: Item) -> Generator[None, None, Item]:
    """The same, once."""
    yield
    if state.items[name] is not old:
        raise Refused("TransientStorageError")
    return (yield from _written(state, name, old, new))


def _written(state: State, name: str, old: Item, new: Item) -> Generator[None, None, Item]:
    state.items[name] = written = replace(new, rev=old.rev + 1)
    yield
    return written


def _explained(state: State, name: str, item: Item) -> bool:
    return state.target is not None and (state.target == name or state.target in {content for _, content in item.claims})


def _rested(state: State, item: Item) -> Item:
    claims = [action for action, content in reversed(item.claims) if content == state.target]
    status = "released" if claims[:1] == ["release"] else "replayed"
    return _moved(item, "deleted" if item.status == "deleted" else status, landed=state.target)


def _settle(state: State, name: str) -> Generator[None, None, Item]:
    def decide(item: Item) -> Item:
        if item.status in DONE or item.landed or not _explained(state, name, item):
            return item
        return _rested(state, item)

    return (yield from _change(state, name, decide))


def _lapsed(state: State, item: Item) -> bool:
    return item.lease is None or item.lease <= state.now


def _refuse_busy(state: State, item: Item) -> None:
    if item.status == "replaying" and not _lapsed(state, item):
        raise Refused("TransientStorageError")


def _refuse_deleted(item: Item) -> None:
    if item.status == "deleted":
        raise Refused("UsageError")


def _standing(state: State, content: str) -> Generator[None, None, str | None]:
    item = state.items.get(content)
    if state.target is None:
        return None if item is None else "deleted" if item.status == "deleted" else "quarantined"
    if state.target != content and (item is None or not _explained(state, content, item)):
        raise Refused("BatchConflict")
    if item is not None:
        yield from _settle(state, content)
    return "committed"


def _run(state: State, told: Command) -> Work:
    content = told.delivery
    if stands := (yield from _standing(state, content)):
        return stands
    if content in _PASSES[told.contract]:
        return (yield from _committed(state, content))
    created = state.now
    yield
    ours = content not in state.items
    if ours:
        state.items[content] = Item(created=created)
        yield
    stands = yield from _standing(state, content)
    return stands or "quarantined"


def _committed(state: State, content: str) -> Work:
    yield
    if content in state.items:
        return (yield from _standing(state, content)) or "never"
    yield
    if state.target not in {None, content}:
        return (yield from _standing(state, content)) or "never"
    state.target = content
    yield
    if content in state.items:
        yield from _settle(state, content)
    return "committed"


def _the_same(item: Item, content: str) -> str:
    if item.landed != content:
        raise Refused("UsageError")
    return item.status


def _replay(state: State, told: Command) -> Work:
    name, content = told.item, told.data or told.item
    item = _get(state, name) if told.dry else (yield from _settle(state, name))
    _refuse_deleted(item)
    if item.status in DONE:
        return _the_same(item, content) if told.data else item.status
    _refuse_busy(state, item)
    if told.dry:
        return item.status
    item = yield from _claimed(state, name, "replay", content)
    if item.status in DONE:
        return _the_same(item, content)
    if content not in _PASSES[told.contract]:
        back = replace(_moved(item, "quarantined"), attempt=item.attempt + 1)
        try:
            return (yield from _swap(state, name, item, back)).status
        except Refused:
            yield from _given_back(state, name, item)
            raise
    return (yield from _through(state, name, item, "replay", content))


def _release(state: State, told: Command) -> Work:
    item = yield from _settle(state, told.item)
    _refuse_deleted(item)
    if item.status in DONE:
        return item.status
    _refuse_busy(state, item)
    item = yield from _claimed(state, told.item, "release", told.item)
    return item.status if item.status in DONE else (yield from _through(state, told.item, item, "release", told.item))


def _claimed(state: State, name: str, action: str, content: str) -> Generator[None, None, Item]:
    def decide(item: Item) -> Item:
        _refuse_deleted(item)
        if item.status in DONE:
            return item
        _refuse_busy(state, item)
        if item.status == "replaying" and _explained(state, name, item):
            return _rested(state, item)
        claims = (*item.claims, (action, content))
        return replace(_moved(item, "replaying", lease=state.now + LEASE), claims=claims)

    return (yield from _change(state, name, decide))


def _through(state: State, name: str, claim: Item, action: str, content: str) -> Work:
    """From a claim to the target, and to rest."""
    try:
        if state.target is None:
            yield
            renewed = replace(claim, lease=state.now + LEASE)
            claim = yield from _swap(state, name, claim, renewed)
        if state.target not in {None, content}:
            yield from _taken_by_others(state, name)
        state.target = content
        yield
    except Refused:
        yield from _given_back(state, name, claim)
        raise

    def finish(item: Item) -> Item:
        if item.status in DONE:
            return item
        status = "deleted" if item.status == "deleted" else {"replay": "replayed", "release": "released"}[action]
        return _moved(item, status, landed=content)

    return (yield from _change(state, name, finish)).status


def _taken_by_others(state: State, name: str) -> Generator[None, None, None]:
    item = yield from _settle(state, name)
    raise Refused("UsageError" if item.status in DONE else "BatchConflict")


def _given_back(state: State, name: str, claim: Item) -> Generator[None, None, None]:
    if _explained(state, name, claim):
        yield from _settle(state, name)
        return
    try:
        yield from _swap(state, name, claim, _moved(claim, "quarantined"))
    except Refused:
        return


def _review(state: State, told: Command) -> Work:
    def decide(item: Item) -> Item:
        _refuse_deleted(item)
        _refuse_busy(state, item)
        status = item.status if item.status in DONE else "reviewed"
        return replace(_moved(item, status), held=item.held if told.hold is None else told.hold)

    yield from _settle(state, told.item)
    return (yield from _change(state, told.item, decide)).status


def _delete(state: State, told: Command) -> Work:
    return (yield from _given_up(state, told.item, only_if=lambda _: True))


def _given_up(state: State, name: str, only_if: Callable[[Item], bool]) -> Work:
    def decide(item: Item) -> Item:
        if item.status == "deleted":
            return item
        if item.held or not only_if(item):
            raise Refused("UsageError")
        _refuse_busy(state, item)
        if item.status not in DONE and _explained(state, name, item):
            item = _rested(state, item)
        return _moved(item, "deleted")

    yield from _change(state, name, decide)
    yield from _cleared(state, name)
    return "deleted"


def _cleared(state: State, name: str) -> Generator[None, None, None]:
    if state.items[name].kept:
        yield
        state.items[name] = replace(state.items[name], kept=False)
        yield


def _each(state: State) -> list[tuple[str, Item]]:
    """All items as they are now, newest first."""
    return sorted(state.items.items(), key=lambda named: (named[1].created, IDS[named[0]]), reverse=True)


def _purge(state: State, _told: Command) -> Work:
    begun = state.now
    for name, item in _each(state):
        if item.status == "deleted":
            yield from _cleared(state, name)
        elif (
            item.created + RETENTION <= begun and not item.held and not (item.status == "replaying" and not _lapsed(state, item))
        ):
            try:
                yield from _given_up(state, name, lambda item: item.created + RETENTION <= state.now)
            except Refused:
                continue
    return "done"


def _recover(state: State, _told: Command) -> Work:
    yield  # the store's leavings
    for name, item in _each(state):
        if item.status == "deleted":
            yield from _cleared(state, name)
        elif item.status == "replaying":
            if _lapsed(state, item):
                yield from _change(state, name, lambda item, name=name: _rolled_back(state, name, item))  # type: ignore[misc]
        elif item.status in WAITING and _explained(state, name, item):
            yield from _settle(state, name)
    yield  # the target's
    return "done"


def _rolled_back(state: State, name: str, item: Item) -> Item:
    if item.status != "replaying" or not _lapsed(state, item):
        return item
    return _rested(state, item) if _explained(state, name, item) else _moved(item, "quarantined")


COMMANDS: Mapping[str, Callable[[State, Command], Work]] = {
    "run": _run,
    "replay": _replay,
    "release": _release,
    "review": _review,
    "delete": _delete,
    "purge": _purge,
    "recover": _recover,
}


def _ended(work: Work) -> str:
    while True:
        try:
            next(work)
        except StopIteration as ended:
            return str(ended.value)
        except Refused as refused:
            return str(refused)


def answered(state: State, command: Command) -> str:
    """What a command that nothing happens to says; the state is then what it leaves."""
    return _ended(COMMANDS[command.verb](state, command))


def left_by(state: State, meeting: Meeting) -> Iterator[State]:
    """Every state that a command can leave that may die, and may be met by another that may die; the one before stays as it is."""
    pending: list[list[bool]] = [[]]
    while pending:
        script = pending.pop()
        taken: list[bool] = []

        def chosen(script: list[bool] = script, taken: list[bool] = taken) -> bool:
            """Not here, as yet; to be tried later."""
            if len(taken) == len(script):
                pending.append([*taken, True])
                script.append(False)
            taken.append(script[len(taken)])
            return taken[-1]

        left = state.copy()
        if _story(left, meeting, chosen):
            yield left


def _story(state: State, meeting: Meeting, chosen: Callable[[], bool]) -> bool:
    """One way in which it can go; False if it isn't one."""
    met = meeting.other is None
    for _ in _stops(COMMANDS[meeting.command.verb](state, meeting.command)):
        if not met and state == meeting.seen and chosen():
            met = True
            state.now += meeting.pause
            assert meeting.other is not None
            for _ in _stops(COMMANDS[meeting.other.verb](state, meeting.other)):
                if meeting.other_dies and chosen():
                    break
        if met and meeting.dies and chosen():
            return True
    return met and not meeting.dies


def _stops(work: Work) -> Iterator[None]:
    """Before it begins, and wherever it stops."""
    try:
        yield
        yield from work
    except Refused:
        return
