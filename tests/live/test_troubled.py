"""Domains of a libvirtd that are in trouble while they are changed: QEMU hangs, somebody else changes them as well."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import libvirt
import pytest
from live.daemon import Daemon, end_domains
from live.live_machines import FACTS, HOST, devices, domain, machine, plugged

import kvnet
from kvnet import live
from kvnet.live import Applied, LibvirtError

pytestmark = pytest.mark.slow

NAME = "vm"
BASE = plugged("base")
TARGET = kvnet.Target(facts=FACTS, profile=HOST)


@pytest.fixture
def connection(libvirtd: Daemon) -> Iterator[Any]:
    with live.connect(libvirtd.uri) as opened:
        yield opened
        end_domains(opened)


def started(connection: Any, *, ports: int = 4) -> Any:
    live.start(domain(machine(BASE, name=NAME), ports=ports), connection, paused=True)
    return connection.lookupByName(NAME)


def apply(connection: Any, *nics: dict[str, Any], timeout: float = 20) -> Applied:
    return live.apply(machine(BASE, *nics, name=NAME), connection, TARGET, timeout=timeout)


def halves(vm: Any) -> tuple[set[str], set[str]]:
    return {*devices(vm.XMLDesc())}, {*devices(vm.XMLDesc(2))}


def test_thirty_nics_are_attached_and_detached(connection: Any) -> None:
    names = [f"n{number}" for number in range(29)]
    vm = started(connection, ports=30)
    assert apply(connection, *map(plugged, names)).is_complete
    assert halves(vm) == ({"base", *names},) * 2
    assert apply(connection, *map(plugged, names)) == Applied()
    gone = apply(connection, *(plugged(name, state="absent") for name in names))
    assert [call.step.nic for call in gone.done] == names
    assert halves(vm) == ({"base"},) * 2


def test_of_two_that_apply_at_once_each_says_what_it_did(libvirtd: Daemon, connection: Any) -> None:
    vm = started(connection)

    def one(_: int) -> Applied:
        with live.connect(libvirtd.uri) as own:
            return apply(own, *map(plugged, "abc"))

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(one, range(2)))
    # what one has attached, libvirt refuses to the other, which says so
    done = [call.step.nic for each in results for call in each.done]
    assert sorted(set(done)) == ["a", "b", "c"]
    assert len(done) == len(set(done))
    refused = [failure.problem.code for each in results for failure in each.failed]
    assert set(refused) <= {"KN871"}
    apply(connection, *map(plugged, "abc"))
    assert halves(vm) == ({"base", *"abc"},) * 2
    assert apply(connection, *map(plugged, "abc")) == Applied()


def test_a_domain_that_is_destroyed_in_the_middle_is_told(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    vm = started(connection)
    attach = type(vm).attachDeviceFlags

    def attached(self: Any, xml: str, flags: int) -> Any:
        if "ua-b" in xml:
            vm.destroy()
        return attach(self, xml, flags)

    monkeypatch.setattr(type(vm), "attachDeviceFlags", attached)
    applied = apply(connection, *map(plugged, "abc"))
    assert [call.step.nic for call in applied.done] == ["a"]
    assert [(each.call.step.nic, each.problem.code) for each in applied.failed] == [("b", "KN871")]
    assert [call.step.nic for call in applied.left] == ["c"]
    monkeypatch.undo()
    again = apply(connection, *map(plugged, "abc"))
    assert [str(call) for call in again.done] == [f"attach {name} (ua-{name}) [next start]" for name in "bc"]
    assert {*devices(vm.XMLDesc(2))} == {"base", *"abc"}


def test_a_domain_that_is_undefined_in_the_middle_runs_on_and_is_told(
    connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vm = started(connection)
    attach = type(vm).attachDeviceFlags

    def attached(self: Any, xml: str, flags: int) -> Any:
        if "ua-b" in xml:
            vm.undefine()
        return attach(self, xml, flags)

    monkeypatch.setattr(type(vm), "attachDeviceFlags", attached)
    applied = apply(connection, *map(plugged, "abc"))
    assert [(each.call.step.nic, each.problem.code) for each in applied.failed] == [("b", "KN871")]
    monkeypatch.undo()
    again = apply(connection, *map(plugged, "abc"))
    assert [str(call) for call in again.done] == [f"attach {name} (ua-{name}) [running]" for name in "bc"]
    vm.destroy()


def test_a_guest_that_is_paused_for_long_is_told_what_it_has_not_released(connection: Any) -> None:
    vm = started(connection)
    asked = machine(plugged("base", state="absent"), name=NAME)
    applied = live.apply(asked, connection, TARGET, timeout=0.2)
    assert [(each.call.step.nic, each.problem.code) for each in applied.failed] == [("base", "KN872")]
    assert "resume a paused one" in applied.failed[0].problem.hint
    assert halves(vm) == ({"base"}, set())


def test_a_connection_that_only_reads_plans_and_changes_nothing(libvirtd: Daemon, connection: Any) -> None:
    vm = started(connection)
    before = vm.XMLDesc(), vm.XMLDesc(2)
    reading = libvirt.openReadOnly(libvirtd.uri.replace("libvirt-sock", "libvirt-sock-ro"))
    try:
        asked = machine(BASE, plugged("a"), name=NAME)
        assert [str(call) for call in live.plan(asked, reading, TARGET).calls] == [
            "attach a (ua-a) [running, next start]"
        ]
        applied = live.apply(asked, reading, TARGET)
        assert [(each.call.step.nic, each.problem.code) for each in applied.failed] == [("a", "KN871")]
        assert "read only" in applied.failed[0].problem.message
        assert [each.name for each in live.status(asked, reading, profile=HOST)] == ["base"]
        with pytest.raises(LibvirtError, match=r"KN875\b|KN402\b|KN871\b"):
            live.start(domain(machine(BASE, name="other")), reading)
    finally:
        reading.close()
    assert (vm.XMLDesc(), vm.XMLDesc(2)) == before


def test_a_qemu_that_hangs_keeps_what_was_done_and_goes_on_when_it_answers(
    libvirtd: Daemon, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vm = started(connection)
    (pid,) = [int(path.read_text()) for path in _pids(libvirtd)]
    attach = type(vm).attachDeviceFlags

    def attached(self: Any, xml: str, flags: int) -> Any:
        if "ua-b" in xml:
            os.kill(pid, signal.SIGSTOP)
        return attach(self, xml, flags)

    monkeypatch.setattr(type(vm), "attachDeviceFlags", attached)
    with ThreadPoolExecutor(1) as pool, live.connect(libvirtd.uri) as own:
        changing = pool.submit(apply, own, *map(plugged, "abc"))
        with pytest.raises(TimeoutError):
            changing.result(timeout=1)  # the call does not return, as the docstring says
        # meanwhile, others can read, and are told that the domain is busy where they change it
        assert "a" in devices(vm.XMLDesc())
        os.kill(pid, signal.SIGCONT)
        applied = changing.result(timeout=60)
    assert applied.is_complete
    assert halves(vm) == ({"base", *"abc"},) * 2


def test_a_qemu_that_hangs_tells_its_status_without_an_agent(libvirtd: Daemon, connection: Any) -> None:
    started(connection)
    (pid,) = [int(path.read_text()) for path in _pids(libvirtd)]
    os.kill(pid, signal.SIGSTOP)
    try:
        entries = live.status(machine(BASE, name=NAME), connection, profile=HOST, timeout=1)
        assert [(each.name, each.info_source) for each in entries] == [("base", "domain")]
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_qemu_that_dies_in_the_middle_is_told(
    libvirtd: Daemon, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vm = started(connection)
    (pid,) = [int(path.read_text()) for path in _pids(libvirtd)]
    attach = type(vm).attachDeviceFlags

    def attached(self: Any, xml: str, flags: int) -> Any:
        if "ua-b" in xml:
            os.kill(pid, signal.SIGKILL)
        return attach(self, xml, flags)

    monkeypatch.setattr(type(vm), "attachDeviceFlags", attached)
    applied = apply(connection, *map(plugged, "abc"))
    assert [call.step.nic for call in applied.done] == ["a"]
    assert [(each.call.step.nic, each.problem.code) for each in applied.failed] == [("b", "KN871")]
    assert [call.step.nic for call in applied.left] == ["c"]


def _pids(libvirtd: Daemon) -> list[Path]:
    """The files with the process ids of the domains that run."""
    return sorted((libvirtd.folder / "run" / "libvirt").glob(f"qemu/{NAME}.pid"))
