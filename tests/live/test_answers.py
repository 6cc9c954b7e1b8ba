"""What is made of libvirt's answers to what changes nothing: the agent's, its releases, its events, a start."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest
from live.live_machines import FACTS, HOST, devices, domain, machine, plugged
from live.scripted import Connection, ScriptedDomain, error

import kvnet
from kvnet import Profile, live
from kvnet.domain.build import domain_name
from kvnet.live import Event, EventKind, LibvirtError, agent_report, events
from kvnet.live._libvirt import found, said

BASE = plugged("base", macAddress="02:00:00:00:00:01")
MACHINE = machine(BASE, name="vm")
PLAIN = "<domain type='test'><name>{}</name><memory>1024</memory><os><type>hvm</type></os></domain>"
V4 = {"addr": "10.0.0.5", "prefix": 24, "type": libvirt.VIR_IP_ADDR_TYPE_IPV4}
V6 = {"addr": "fd00::5", "prefix": 64, "type": libvirt.VIR_IP_ADDR_TYPE_IPV6}


@pytest.fixture
def vm() -> ScriptedDomain:
    text = domain(MACHINE)
    return ScriptedDomain(live=text, persistent=text)


def handle(vm: ScriptedDomain) -> Any:
    return Connection(vm).lookupByName("vm")


def test_the_agents_links_are_told_as_it_tells_them_itself(vm: ScriptedDomain) -> None:
    vm.addresses = {
        "lo": {"addrs": None, "hwaddr": None},
        "eth0": {"addrs": [V4, V6], "hwaddr": "02:00:00:00:00:01"},
        "tun0": {"addrs": [V6]},
    }
    v4 = {"ip-address": "10.0.0.5", "ip-address-type": "ipv4", "prefix": 24}
    v6 = {"ip-address": "fd00::5", "ip-address-type": "ipv6", "prefix": 64}
    assert agent_report(handle(vm)) == [
        {"name": "lo", "hardware-address": "", "ip-addresses": []},
        {"name": "eth0", "hardware-address": "02:00:00:00:00:01", "ip-addresses": [v4, v6]},
        {"name": "tun0", "hardware-address": "", "ip-addresses": [v6]},
    ]


@pytest.mark.parametrize(("options", "seconds"), [({}, 5), ({"timeout": 9}, 9)])
@pytest.mark.parametrize("answers", [True, False])
def test_the_agent_has_its_time_and_afterwards_no_limit(
    vm: ScriptedDomain, options: dict[str, Any], seconds: int, answers: bool
) -> None:
    asked: list[list[int]] = []
    vm.before = lambda _, call, __: asked.append([*vm.agent_timeouts]) if call == "interfaceAddresses" else None
    vm.addresses = {} if answers else error("Guest agent is not responding")
    assert agent_report(handle(vm), **options) == ([] if answers else None)
    assert asked == [[seconds]]
    assert vm.agent_timeouts == [seconds, libvirt.VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK]
    vm.agent_timeouts.clear()
    live.status(MACHINE, Connection(vm), profile=HOST, **options)
    assert vm.agent_timeouts[0] == seconds


def test_an_agent_that_is_not_asked_in_time_is_asked_all_the_same(vm: ScriptedDomain) -> None:
    def refuses(*_: int) -> None:
        raise error("not supported by the connection driver")

    asked = handle(vm)
    asked.agentSetResponseTimeout = refuses
    assert agent_report(asked) == []


def test_a_connection_that_is_lost_is_no_agent_that_does_not_answer(vm: ScriptedDomain) -> None:
    def loses(connection: Connection, call: str, _: str) -> None:
        connection.is_lost = connection.is_lost or call == "interfaceAddresses"

    vm.before = loses
    with pytest.raises(libvirt.libvirtError):
        agent_report(handle(vm))
    with pytest.raises(LibvirtError, match=r"KN871\b"):
        live.status(MACHINE, Connection(vm), profile=HOST)


def test_the_status_is_that_of_the_domain_that_was_named(vm: ScriptedDomain) -> None:
    vm.addresses = {"eth0": {"addrs": [V4, V6], "hwaddr": "02:00:00:00:00:01"}}
    (entry,) = live.status(MACHINE, Connection(vm), profile=HOST)
    assert (entry.name, entry.ip_addresses) == ("base", ("10.0.0.5", "fd00::5"))
    vm.named = "other"
    assert live.status(MACHINE, Connection(vm), profile=HOST, name="other") == (entry,)
    with pytest.raises(LibvirtError, match=r"KN870\b"):
        live.status(MACHINE, Connection(vm), profile=HOST)
    multus = [{"name": "default", "interface": "eth0", "ips": ["10.9.9.9"]}]
    vm.addresses = {}
    for options in ({"pod_ips": {"default": {"podIP": "10.9.9.9", "podIPs": ["10.9.9.9"]}}}, {"multus": multus}):
        told = live.status(MACHINE, Connection(vm), profile=HOST, name="other", **options)
        assert told == kvnet.status(MACHINE, vm.halves[1], [], **options)


def test_the_agent_of_a_domain_that_does_not_run_is_not_asked(vm: ScriptedDomain) -> None:
    vm.halves[1] = None
    assert live.status(MACHINE, Connection(vm), profile=HOST) == ()
    assert vm.agent_timeouts == []


@pytest.mark.parametrize(("kind", "qemu"), [("QEMU", "9.1.12"), ("Test", None), ("Xen", None)])
def test_the_releases_are_those_of_the_connection(vm: ScriptedDomain, kind: str, qemu: str | None) -> None:
    target = kvnet.Target(facts=FACTS, profile=HOST, libvirt_release="9.0.0")
    seen = live.with_releases(target, Connection(vm, kind=kind))
    assert (str(seen.facts.libvirt_version), seen.libvirt_release) == ("11.2.3", None)
    assert (seen.facts.qemu_version and str(seen.facts.qemu_version)) == qemu
    assert seen.facts.libvirt_networks == FACTS.libvirt_networks


def test_releases_that_a_lost_connection_does_not_tell_are_an_error(vm: ScriptedDomain) -> None:
    connection = Connection(vm)
    connection.is_lost = True
    with pytest.raises(LibvirtError, match=r"KN871\b"):
        live.with_releases(kvnet.Target(), connection)


def test_a_domain_that_is_not_there_is_told_with_the_way_to_it(vm: ScriptedDomain) -> None:
    connection = Connection(vm)
    hint = "make it with `kvnet define -c qemu:///system --profile {} -f FILE`"
    for profile, other in (("host", "kubevirt"), ("kubevirt", "host")):
        vm.named = "none"
        with pytest.raises(LibvirtError) as caught:
            live.status(MACHINE, connection, profile=profile)
        (problem,) = caught.value.problems
        name = domain_name(MACHINE, Profile(profile))
        assert (problem.code, problem.message) == ("KN870", f"qemu:///system has no domain '{name}'")
        assert problem.hint == hint.format(profile)
        assert problem.field == "domain.name"
        vm.named = domain_name(MACHINE, Profile(other))
        with pytest.raises(LibvirtError) as caught:
            live.status(MACHINE, connection, profile=profile)
        expected = f"there is '{vm.named}', its name with `--profile {other}`: use that one, or {hint.format(profile)}"
        assert caught.value.problems[0].hint == expected


def test_only_a_domain_that_is_not_there_is_none() -> None:
    def refusing(code: int) -> Callable[[str], Any]:
        def refuses(_: str) -> Any:
            raise error("no", code)

        return refuses

    assert found(refusing(libvirt.VIR_ERR_NO_DOMAIN), "vm") is None
    with pytest.raises(libvirt.libvirtError):
        found(refusing(libvirt.VIR_ERR_OPERATION_DENIED), "vm")


def test_what_libvirt_says_is_on_one_line() -> None:
    assert said(error("a\n  b \n\n c")) == "a; b; c"


def test_the_texts_of_domains_are_those_of_their_next_start(test_driver: Any) -> None:
    for name in ("b", "a"):
        test_driver.defineXML(PLAIN.format(name)).create()
    try:
        texts = live.domain_texts(test_driver)
        assert [each.file for each in texts] == ["a", "b", "test"]
        assert all("<domain type='test'>" in each.text for each in texts)
        assert [each.file for each in live.domain_texts(test_driver, ["b", "test"])] == ["b", "test"]
        with pytest.raises(LibvirtError, match=r"KN870\b.*'missing'.*define and start it, or name another one"):
            live.domain_texts(test_driver, ["a", "missing"])
    finally:
        for name in ("a", "b"):
            test_driver.lookupByName(name).destroy()
            test_driver.lookupByName(name).undefine()


def test_a_connection_that_only_reads_refuses_changes_in_words() -> None:
    connection = libvirt.openReadOnly("test:///default")
    with pytest.raises(LibvirtError, match=r"KN402\b.*read only"):
        live.define(PLAIN.format("new"), connection)
    with pytest.raises(LibvirtError, match=r"KN871\b.*forbidden"):
        live.define_machine(machine(name="test"), connection, kvnet.Target(profile=HOST), existing="into")
    connection.close()


CALLBACKS = {
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED: ("ua-a", Event(kind=EventKind.DEVICE_ADDED, alias="ua-a")),
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED: ("ua-a", Event(kind=EventKind.DEVICE_REMOVED, alias="ua-a")),
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED: (
        "ua-a",
        Event(kind=EventKind.DEVICE_REMOVAL_FAILED, alias="ua-a"),
    ),
    libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE: (1, Event(kind=EventKind.AGENT, state="connected")),
    libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE: (2, Event(kind=EventKind.DOMAIN, state="started")),
}
STATES = {
    libvirt.VIR_DOMAIN_EVENT_DEFINED: "defined",
    libvirt.VIR_DOMAIN_EVENT_UNDEFINED: "undefined",
    libvirt.VIR_DOMAIN_EVENT_STARTED: "started",
    libvirt.VIR_DOMAIN_EVENT_SUSPENDED: "suspended",
    libvirt.VIR_DOMAIN_EVENT_RESUMED: "resumed",
    libvirt.VIR_DOMAIN_EVENT_STOPPED: "stopped",
    libvirt.VIR_DOMAIN_EVENT_SHUTDOWN: "shutdown",
    libvirt.VIR_DOMAIN_EVENT_PMSUSPENDED: "pmsuspended",
    libvirt.VIR_DOMAIN_EVENT_CRASHED: "crashed",
    99: "99",
}
AGENT_STATES = {
    libvirt.VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED: "connected",
    libvirt.VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_DISCONNECTED: "disconnected",
}


def test_each_event_of_libvirt_is_told_with_its_kind(vm: ScriptedDomain) -> None:
    connection = Connection(vm)
    with live.watch(connection, "vm", timeout=0.01) as heard:
        assert connection.callbacks.keys() == CALLBACKS.keys()
        for event, (detail, _) in CALLBACKS.items():
            connection.callbacks[event](connection, None, detail, 0)
        assert list(heard) == [expected for _, expected in CALLBACKS.values()]
    assert connection.callbacks == {}
    assert [str(each) for _, each in CALLBACKS.values()][2:4] == ["device-removal-failed ua-a", "agent connected"]


@pytest.mark.parametrize(
    ("event", "states"),
    [
        (libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, STATES),
        (libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, AGENT_STATES),
    ],
)
def test_states_have_the_names_of_libvirts_numbers(vm: ScriptedDomain, event: int, states: dict[int, str]) -> None:
    connection = Connection(vm)
    with live.watch(connection, "vm", timeout=0.01) as heard:
        for number in states:
            connection.callbacks[event](connection, None, number, 0)
        assert [each.state for each in heard] == [*states.values()]


def test_a_watch_without_end_goes_on_after_a_silence(vm: ScriptedDomain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_POLL_SECONDS", 0.01)
    connection = Connection(vm)
    silences = []

    def is_alive() -> int:
        silences.append(1)
        if len(silences) == 3:
            connection.callbacks[libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE](connection, None, 5, 0)
        connection.is_lost = len(silences) == 5
        return int(not connection.is_lost)

    connection.isAlive = is_alive  # type: ignore[method-assign]
    with live.watch(connection, "vm") as heard:
        assert next(heard) == Event(kind=EventKind.DOMAIN, state="stopped")
        with pytest.raises(LibvirtError, match=r"KN874\b.*is lost, and with it its events.*connect again"):
            next(heard)


def test_the_next_event_is_waited_for_as_long_as_was_said() -> None:
    queue = events.Events()
    event = Event(kind=EventKind.AGENT, state="connected")
    threading.Timer(0.05, queue.put, [event]).start()
    assert events._next(queue, 10) == event
    assert events._next(queue, 0) is None
    assert events._next(queue, 0.01) is None


def test_where_libvirt_delivers_no_events_a_watch_says_so(vm: ScriptedDomain) -> None:
    connection = Connection(vm)
    connection.has_events = False
    with (
        pytest.raises(
            LibvirtError, match=r"KN874\b.*delivers no events: no event loop.*connect with kvnet's `connect`"
        ),
        live.watch(connection, "vm"),
    ):
        pass
    with pytest.raises(LibvirtError, match=r"KN870\b"), live.watch(connection, "other"):
        pass


def test_the_events_of_a_real_libvirt_are_heard(test_driver: Any) -> None:
    running = test_driver.lookupByName("test")
    with live.watch(test_driver, "test", timeout=5) as heard:
        running.suspend()
        assert next(heard) == Event(kind=EventKind.DOMAIN, state="suspended")
        running.resume()
        assert next(heard) == Event(kind=EventKind.DOMAIN, state="resumed")


_LOOP = """
import threading
from kvnet import live
def threads():
    return [thread.name for thread in threading.enumerate()][1:]
assert threads() == []
for _ in range(2):
    with live.connect("test:///default"):
        assert threads() == ["kvnet-libvirt-events"], threads()
        with live.connect("test:///default"):
            assert threads() == ["kvnet-libvirt-events"], threads()
        assert threads() == ["kvnet-libvirt-events"], threads()
        with live.connect("test:///default") as connection, live.watch(connection, "test", timeout=5) as events:
            connection.lookupByName("test").suspend()
            assert str(next(events)) == "domain suspended"
    assert threads() == [], threads()
"""


def test_the_loop_of_events_runs_as_long_as_anybody_is_connected() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(kvnet.__file__).parents[1])}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", _LOOP],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.fixture
def none_left(qemu: Any) -> Iterator[Any]:
    yield qemu
    for each in qemu.listAllDomains():
        if each.isActive():
            each.destroy()
        each.undefine()


def test_a_started_domain_is_told_and_runs_or_waits(none_left: Any) -> None:
    text = domain(MACHINE)
    started = live.start(text, none_left, paused=True)
    running = none_left.lookupByName("vm")
    assert (started.name, started.uuid, started.lost) == ("vm", running.UUIDString(), ())
    assert set(devices(started.live)) == {"base"}
    assert running.state()[0] == libvirt.VIR_DOMAIN_PAUSED
    with pytest.raises(
        LibvirtError, match=r"KN876\b.*'vm' runs already.*apply changes to a running domain, or stop it first"
    ) as raised:
        live.start(text, none_left, replace=True)
    assert [problem.field for problem in raised.value.problems] == ["domain.name"]
    running.destroy()
    with pytest.raises(LibvirtError, match=r"KN406\b"):
        live.start(text, none_left)
    live.start(text, none_left, replace=True)
    assert running.state()[0] == libvirt.VIR_DOMAIN_RUNNING


@pytest.mark.parametrize("was_there", [False, True])
def test_a_domain_that_does_not_start_is_what_it_was(none_left: Any, was_there: bool) -> None:
    there = none_left.defineXML(domain(MACHINE)) if was_there else None
    before = there.XMLDesc(2) if there is not None else None
    refused = domain(MACHINE).replace("<interface type='user'>", "<interface type='bridge'><source bridge='nowhere'/>")
    with pytest.raises(LibvirtError) as caught:
        live.start(refused, none_left, replace=was_there)
    (problem,) = caught.value.problems
    assert (problem.code, problem.field) == ("KN875", "domain")
    assert problem.message.startswith("'vm' does not start: ")
    assert "nowhere" in problem.message
    assert problem.hint == "check that the host has what its NICs are plugged into (`kvnet render` names it)"
    assert [each.XMLDesc(2) for each in none_left.listAllDomains()] == ([before] if before else [])
