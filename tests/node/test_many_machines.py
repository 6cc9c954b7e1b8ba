"""Many machines, at once and one after the other, leave nothing and become no slower."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import reduce
from operator import and_
from pathlib import Path
from statistics import median
from typing import Any, Final

import pytest
from components import needs_package, needs_program
from node.hosts import NEEDS_HOST, machine, snapshot

from kvnet import node
from kvnet.node.machines import machine_down, machine_up
from kvnet.node.namespaces import namespace_name
from kvnet.node.running import running_machines
from kvnet.node.state import StateFolder

pytestmark = [
    *NEEDS_HOST,
    pytest.mark.usefixtures("host"),
    needs_package("libvirt", "libvirt"),
    needs_program("qemu-system-x86_64"),
    pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="the kernel has no /dev/net/tun"),
]

MASQUERADE: Final = [{"name": "default", "masquerade": {}}]
PODS: Final = 90 if os.environ.get("CI") else 20
"""How many rounds make a pod alone, between those that start a domain, too."""
DOMAINS: Final = 10
SLOWER: Final = 1.5
"""How much more of the processor the last rounds may take than the first; it is the same but for chance."""


@pytest.fixture
def state() -> Iterator[StateFolder]:
    """A state folder with a short path; what a test leaves in it is taken down."""
    with tempfile.TemporaryDirectory(prefix="kv", dir="/tmp") as folder:
        made = StateFolder(Path(folder))
        yield made
        for each in node.pods(made):
            machine_down(each.name, state=made)


def test_ten_machines_come_up_at_once_and_go_at_once(state: StateFolder) -> None:
    before = snapshot(state.root)
    names = [f"prod/m{number}" for number in range(10)]
    given = [machine(MASQUERADE, name=name.partition("/")[2]) for name in names]
    with ThreadPoolExecutor(len(names)) as threads:
        list(threads.map(lambda each: machine_up(*each, state=state, virt_type="qemu"), given))
        running = running_machines(state=state)
        assert sorted(each.name for each in running) == names
        assert all(each.domain is not None for each in running)
        assert len({ip for each in running for ip in each.pod_ips}) == 2 * len(names)
        list(threads.map(lambda name: machine_down(name, state=state), names))
    assert snapshot(state.root) == before
    assert not any(Path("/run/netns", namespace_name(state.root, name)).exists() for name in names)


class Events:
    """What this process has done: programs that it started, files that it made, replaced or removed."""

    _COUNTED = frozenset({"subprocess.Popen", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.listdir"})

    def __init__(self) -> None:
        self._counts: Counter[str] | None = None
        sys.addaudithook(self._see)

    @contextmanager
    def counted(self) -> Iterator[Counter[str]]:
        self._counts = Counter()
        try:
            yield self._counts
        finally:
            self._counts = None

    def _see(self, event: str, _: tuple[Any, ...]) -> None:
        if self._counts is not None and event in self._COUNTED:
            self._counts[event] += 1


def test_a_hundred_rounds_of_up_and_down_leave_nothing_and_become_no_slower(state: StateFolder) -> None:
    """Rounds with a domain are the first and the last ones."""
    before, web, events = snapshot(state.root), machine(MASQUERADE), Events()
    spent, done = [], []
    for _ in range(DOMAINS // 2):
        _round_with_domain(state)
    held = _held()
    for _ in range(PODS):
        start = _processor()
        with events.counted() as counts:
            node.pod_up(*web, state=state)
            node.pod_down("prod/web", state=state)
        spent.append(_processor() - start)
        done.append(counts)
    assert _held() <= held
    for _ in range(DOMAINS // 2):
        _round_with_domain(state)
    assert snapshot(state.root) == before
    # how often a round waits for a server to end depends on what else the host does
    first, last = (reduce(and_, rounds) for rounds in (done[:10], done[-10:]))
    assert not last - first, "the last rounds take more than the first"
    assert median(spent[-10:]) < SLOWER * median(spent[:10])


def _round_with_domain(state: StateFolder) -> None:
    running = machine_up(*machine(MASQUERADE), state=state, virt_type="qemu")
    assert running.domain is not None
    machine_down(running.name, state=state)


def _processor() -> float:
    """The seconds of the processor that this process and the programs that it started have taken."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in usages)


def _held() -> tuple[int, int]:
    """How many open files and threads this process has."""
    return len(os.listdir("/proc/self/fd")), threading.active_count()
