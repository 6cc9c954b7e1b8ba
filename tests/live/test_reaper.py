"""QEMU processes that were orphaned are reaped, after their time, and nothing else is."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest

from kvnet.live import LibvirtError, connection


class _EndedError(Exception):
    """The end of the endless loop."""


def test_only_a_zombie_that_stays_is_reaped_and_as_long_as_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = connection._REAP_ROUNDS
    # libvirt itself reaps 6 in time, and another process has its number later
    seen = [[5, 6]] * rounds + [[5]] + [[5, 6]] * 2
    begun: list[list[int]] = []
    # the process may have a reaper of its own, which goes on as it is
    own, sleep, really_waits = threading.get_ident(), time.sleep, os.waitpid
    reaped: list[tuple[int, int]] = []

    def zombies() -> list[int]:
        if threading.get_ident() != own:
            return []
        if len(begun) == len(seen):
            raise _EndedError
        begun.append(seen[len(begun)])
        return begun[-1]

    def wait(pid: int, options: int) -> Any:
        if threading.get_ident() != own:
            return really_waits(pid, options)
        reaped.append((len(begun), pid))
        raise ChildProcessError

    monkeypatch.setattr(connection, "_qemu_zombies", zombies)
    monkeypatch.setattr(os, "waitpid", wait)
    monkeypatch.setattr(time, "sleep", lambda seconds: None if threading.get_ident() == own else sleep(seconds))
    with pytest.raises(_EndedError):
        connection._reap_qemu()
    assert reaped == [(rounds + 1, 5), (rounds + 2, 5), (rounds + 3, 5)]


@pytest.mark.parametrize(
    ("uri", "is_prepared"),
    [("qemu:///embed?root=relative", True), ("nothing:///system", False), ("nothing:///embedded", False)],
)
def test_the_process_is_prepared_for_a_driver_inside_it(
    uri: str, is_prepared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[bool] = []
    monkeypatch.setattr(connection, "_prepare_process", lambda: prepared.append(True))
    with pytest.raises(LibvirtError) as raised:
        connection.open_connection(uri)
    assert [problem.code for problem in raised.value.problems] == ["KN401"]
    assert prepared == [True] * is_prepared
