"""Whether a process lives that has something in hand."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sluicegate.history.owner import Owner

WAITS = "from sluicegate.history.owner import Owner; o = Owner.here(); print(o.host, o.pid, o.started, sep='\\n', flush=True); input()"


@pytest.fixture
def other() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", WAITS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def owner(process: subprocess.Popen[str]) -> Owner:
    assert process.stdout is not None
    host, pid, started = (process.stdout.readline().strip() for _ in range(3))
    return Owner(host, int(pid), started)


def test_a_process_says_the_same_of_itself_each_time() -> None:
    assert Owner.here() == Owner.here()
    assert Owner.here().pid == os.getpid()


def test_a_process_is_dead_from_its_end_on_even_if_nobody_took_note(other: subprocess.Popen[str]) -> None:
    found = owner(other)
    assert found.host == Owner.here().host
    assert not found.is_dead
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert found.is_dead
    other.wait()
    assert found.is_dead


def test_who_has_the_number_of_a_dead_process_is_not_that_process() -> None:
    assert replace(Owner.here(), started="1").is_dead
    assert not Owner.here().is_dead


def test_of_another_host_s_processes_nobody_here_can_tell() -> None:
    assert not replace(Owner.here(), host="elsewhere", started="1").is_dead


def test_a_process_of_another_user_is_not_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be hidden from /proc, too."""

    def kill(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", kill)
    assert not replace(Owner.here(), started="1").is_dead
