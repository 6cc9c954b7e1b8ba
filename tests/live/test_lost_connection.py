"""A libvirtd that crashes while a domain is changed, and is there again, or not."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live.daemon import Daemon, end_domains
from live.live_machines import FACTS, HOST, devices, domain, machine, plugged

import kvnet
from kvnet import live
from kvnet.live import LibvirtError
from kvnet.live._libvirt import libvirt_module
from kvnet.live.connection import open_connection

pytestmark = pytest.mark.slow

NAME = "vm"
ASKED = machine(plugged("base"), *(plugged(name) for name in "abc"), name=NAME)
ATTACHED = [f"attach {name} (ua-{name}) [running, next start]" for name in "abc"]


@pytest.fixture
def vm(libvirtd: Daemon) -> Iterator[Daemon]:
    """A domain that runs, with three free ports."""
    with live.connect(libvirtd.uri) as connection:
        live.start(domain(machine(plugged("base"), name=NAME), ports=3), connection, paused=True)
    yield libvirtd
    with live.connect(libvirtd.uri) as connection:
        end_domains(connection)


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch, vm: Daemon) -> Callable[..., None]:
    """Have the daemon crash before a change of the domain; ``once`` it is started again at once."""
    module: Any = importlib.import_module("kvnet.live._apply")
    carry_out = module.make_call

    def crash_before(number: int, *, again: bool) -> None:
        calls = 0

        def crashing(*arguments: Any) -> None:
            nonlocal calls
            calls += 1
            if calls == number:
                vm.kill()
                if again:
                    vm.start()
            carry_out(*arguments)

        monkeypatch.setattr(module, "make_call", crashing)

    return crash_before


def halves(vm: Daemon) -> tuple[dict[str, Any], dict[str, Any]]:
    with live.connect(vm.uri) as connection:
        found = connection.lookupByName(NAME)
        return devices(found.XMLDesc()), devices(found.XMLDesc(2))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_changes_go_on_over_a_new_connection(vm: Daemon, crash: Callable[..., None], number: int) -> None:
    crash(number, again=True)
    with live.connect(vm.uri) as connection:
        applied = live.apply(ASKED, connection, kvnet.Target(facts=FACTS, profile=HOST))
    assert [str(call) for call in applied.done] == ATTACHED
    assert applied.is_complete
    running, next_start = halves(vm)
    assert running == next_start
    assert set(running) == {"base", *"abc"}


def test_a_connection_that_stays_lost_is_told_with_what_is_left(vm: Daemon, crash: Callable[..., None]) -> None:
    crash(2, again=False)
    with live.connect(vm.uri) as connection:
        applied = live.apply(ASKED, connection, kvnet.Target(facts=FACTS, profile=HOST), attempts=2)
    assert [str(call) for call in applied.done] == ATTACHED[:1]
    assert [(str(each.call), each.problem.code) for each in applied.failed] == [(ATTACHED[1], "KN874")]
    assert [str(call) for call in applied.left] == ATTACHED[2:]
    vm.start()
    with live.connect(vm.uri) as connection:
        applied = live.apply(ASKED, connection, kvnet.Target(facts=FACTS, profile=HOST))
    assert [str(call) for call in applied.done] == ATTACHED[1:]
    assert halves(vm)[0] == halves(vm)[1]


def test_connections_are_made_as_the_caller_makes_them(vm: Daemon, crash: Callable[..., None]) -> None:
    crash(1, again=True)
    made = []

    def reopen() -> Any:
        made.append(open_connection(vm.uri))
        return made[-1]

    with live.connect(vm.uri) as connection:
        assert live.apply(ASKED, connection, kvnet.Target(facts=FACTS, profile=HOST), reopen=reopen).is_complete
    assert len(made) == 1
    with pytest.raises(Exception, match="invalid connection pointer"):
        made[0].getURI()


def test_a_watch_tells_that_the_connection_is_lost(vm: Daemon) -> None:
    with live.connect(vm.uri) as connection, live.watch(connection, NAME) as events:
        vm.kill()
        with pytest.raises(LibvirtError, match=r"KN874\b"):
            list(events)
    vm.start()


def test_without_events_a_detached_nic_is_still_seen_to_be_gone(vm: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    with live.connect(vm.uri) as connection:
        live.apply(ASKED, connection, kvnet.Target(facts=FACTS, profile=HOST))
        absent = machine(plugged("base"), plugged("a", state="absent"), name=NAME)
        monkeypatch.setattr(type(connection), "domainEventRegisterAny", _refuses)
        applied = live.apply(absent, connection, kvnet.Target(facts=FACTS, profile=HOST))
    assert [str(call) for call in applied.done] == ["detach a (ua-a) [running, next start]"]


def _refuses(*_: Any) -> None:
    raise libvirt_module().libvirtError("no events")


_NOTHING = """
import os, sys, threading
from kvnet import live
def sockets():
    links = []
    for number in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            pass
    return [link for link in links if link.startswith("socket:")]
for _ in range(3):
    with live.connect(sys.argv[1]) as connection:
        assert threading.active_count() == 2
        with live.watch(connection, "vm", timeout=0.1) as events:
            assert list(events) == []
    assert [thread.name for thread in threading.enumerate()] == ["MainThread"]
    assert sockets() == []
"""


def test_neither_threads_nor_sockets_are_left_of_a_connection(vm: Daemon) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(kvnet.__file__).parents[1])}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", _NOTHING, vm.uri],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
