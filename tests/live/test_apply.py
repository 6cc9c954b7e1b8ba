"""Changes of domains that run, carried out on real QEMU; each guest is stopped before its first instruction."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from live.live_machines import FACTS, HOST, devices, domain, machine, plugged
from machines import multus, vmi

import kvnet
from kvnet import live
from kvnet.hotplug import mac_from_uuid
from kvnet.live import Applied, EventKind, LibvirtError
from kvnet.spec import Nad
from kvnet.values import MacAddress

pytestmark = pytest.mark.slow

BASE = plugged("base")
NAME = "vm"
NOWHERE = (Nad(name="nad", config='{"cniVersion": "0.3.1", "type": "bridge", "bridge": "nowhere"}'),)
Apply = Callable[..., Applied]


@pytest.fixture
def vm(qemu: Any) -> Iterator[Any]:
    """A domain that runs, with one NIC and four free ports."""
    live.start(domain(machine(BASE, name=NAME)), qemu, paused=True)
    running = qemu.lookupByName(NAME)
    try:
        yield running
    finally:
        if running.isActive():
            running.destroy()
        running.undefine()


@pytest.fixture
def apply(qemu: Any) -> Apply:
    def applied(*nics: dict[str, Any], timeout: float = 20) -> Applied:
        return live.apply(machine(*nics, name=NAME), qemu, kvnet.Target(facts=FACTS, profile=HOST), timeout=timeout)

    return applied


def halves(vm: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The NICs that run, and those of the next start."""
    return devices(vm.XMLDesc()), devices(vm.XMLDesc(2))


def told(applied: Applied) -> list[str]:
    assert (applied.failed, applied.left) == ((), ())
    return [str(call) for call in applied.done]


BOTH = "[running, next start]"


def test_a_nic_is_attached_with_the_same_addresses_to_both_halves(vm: Any, apply: Apply) -> None:
    assert told(apply(BASE, plugged("red"))) == [f"attach red (ua-red) {BOTH}"]
    running, next_start = halves(vm)
    assert running == next_start
    assert running["red"].mac == mac_from_uuid(vm.UUIDString(), "red")


def test_several_nics_are_attached_in_their_order(vm: Any, apply: Apply) -> None:
    asked = (BASE, *(plugged(name, macAddress=f"02:00:00:00:00:0{n}") for n, name in enumerate("cab")))
    assert told(apply(*asked)) == [f"attach {name} (ua-{name}) {BOTH}" for name in "cab"]
    running, next_start = halves(vm)
    assert running == next_start
    assert [str(running[name].mac) for name in "cab"] == [f"02:00:00:00:00:0{n}" for n in range(3)]
    assert told(apply(*asked)) == []


def test_a_nic_is_detached_from_both_halves_and_its_port_is_free_again(vm: Any, apply: Apply) -> None:
    apply(BASE, plugged("red"), plugged("blue"))
    port = halves(vm)[0]["red"].address
    assert told(apply(BASE, plugged("red", state="absent"), plugged("blue"))) == [f"detach red (ua-red) {BOTH}"]
    assert [*map(set, halves(vm))] == [{"base", "blue"}] * 2
    assert told(apply(BASE, plugged("blue"), plugged("green"))) == [f"attach green (ua-green) {BOTH}"]
    assert halves(vm)[0]["green"].address == port


def test_links_go_down_and_up_in_both_halves(vm: Any, apply: Apply) -> None:
    apply(BASE, plugged("red"))
    for state in ("down", "up"):
        nics = [plugged(name, state=state) for name in ("base", "red")]
        assert told(apply(*nics)) == [f"update-link {name} (ua-{name}) {BOTH}" for name in ("base", "red")]
        assert told(apply(*nics)) == []
        for half in halves(vm):
            assert [half[name].link or "up" for name in ("base", "red")] == [state] * 2


def test_what_needs_a_restart_is_there_at_the_next_start(vm: Any, apply: Apply) -> None:
    apply(BASE, plugged("red"))
    before = halves(vm)[0]
    asked = (BASE, plugged("red", model="e1000e", macAddress="02:00:00:00:00:07"))
    first = apply(*asked)
    assert told(first) == ["replace red (ua-red) [next start]"]
    assert first.needs_restart
    assert not first.is_complete
    running, next_start = halves(vm)
    assert running == before
    assert (next_start["red"].model, str(next_start["red"].mac)) == ("e1000e", "02:00:00:00:00:07")
    assert next_start["red"].address == running["red"].address
    assert told(apply(*asked)) == []
    vm.destroy()
    vm.createWithFlags(1)  # paused
    assert apply(*asked) == Applied()


def test_where_the_ports_are_used_up_nothing_is_half_attached(vm: Any, apply: Apply) -> None:
    names = [f"n{n}" for n in range(6)]
    applied = apply(BASE, *(plugged(name) for name in names))
    assert told(applied) == [f"attach {name} (ua-{name}) {BOTH}" for name in names[:4]]
    errors = [problem for problem in applied.problems if problem.is_error]
    assert [(problem.code, problem.at.parts[-1]) for problem in errors] == [("KN853", 5), ("KN853", 6)]
    assert not applied.is_complete
    assert [*map(set, halves(vm))] == [{"base", *names[:4]}] * 2


def test_a_guest_that_never_lets_go_is_told_and_the_next_start_is_right(vm: Any, apply: Apply) -> None:
    absent = plugged("base", state="absent")
    for halves_meant in (BOTH, "[running]"):
        applied = apply(absent, timeout=0.5)
        assert [(str(each.call), each.problem.code) for each in applied.failed] == [
            (f"detach base (ua-base) {halves_meant}", "KN872")
        ]
        assert [*map(set, halves(vm))] == [{"base"}, set()]
    assert told(apply(plugged("base"))) == ["attach base (ua-base) [next start]"], "it was never gone"
    assert halves(vm)[0] == halves(vm)[1]


def test_what_one_half_lacks_is_repaired_there_alone(vm: Any, apply: Apply) -> None:
    apply(BASE, plugged("red"), plugged("blue"), plugged("green"))
    text = kvnet.write(halves(vm)[0]["red"])
    vm.detachDeviceFlags(text, 2)
    vm.updateDeviceFlags(kvnet.write(halves(vm)[0]["green"]).replace("<model", "<link state='down'/><model"), 2)
    with live.watch(vm.connect(), NAME, timeout=20) as events:
        vm.detachDeviceAlias("ua-blue", 1)
        assert next(events).kind is EventKind.DEVICE_REMOVED
    assert told(apply(BASE, plugged("red"), plugged("blue"), plugged("green"))) == [
        "attach blue (ua-blue) [running]",
        "attach red (ua-red) [next start]",
        "update-link green (ua-green) [next start]",
    ]
    assert halves(vm)[0] == halves(vm)[1]


def test_a_refusal_of_libvirt_ends_the_run_and_says_what_is_left(vm: Any, qemu: Any) -> None:
    asked = kvnet.load(vmi([plugged("red"), plugged("blue")], [multus("red"), multus("blue")]))
    applied = live.apply(asked, qemu, kvnet.Target(nads=NOWHERE, profile=HOST), name=NAME)
    assert [(each.call.step.nic, each.problem.code) for each in applied.failed] == [("red", "KN871")]
    assert str(applied.failed[0].problem.at) == "spec.domain.devices.interfaces[0]"
    assert [call.step.nic for call in applied.left] == ["blue"]
    assert [*map(set, halves(vm))] == [{"base"}] * 2


def test_a_domain_that_does_not_run_is_changed_for_its_next_start(vm: Any, apply: Apply) -> None:
    vm.destroy()
    asked = (plugged("base", model="e1000e"), *(plugged(f"n{n}") for n in range(6)))
    applied = apply(*asked)
    assert len(told(applied)) == 7
    assert applied.is_complete
    assert set(devices(vm.XMLDesc(2))) == {"base", *(f"n{n}" for n in range(6))}
    assert told(apply(*asked)) == []
    assert told(apply(plugged("base", state="absent"), *asked[1:])) == ["detach base (ua-base) [next start]"]


I440FX = ("q35", "pc"), ("<controller type='pci'[^>]*/>", ""), ("<qemu:commandline.*</qemu:commandline>", "")
BRIDGE = (
    ("<controller type='usb'", "<controller type='pci' index='6' model='pcie-to-pci-bridge'/><controller type='usb'"),
)


@pytest.mark.parametrize(("changes", "model"), [(I440FX, "virtio"), (I440FX, "e1000"), (BRIDGE, "rtl8139")])
def test_a_nic_has_the_same_place_in_both_halves_of_other_machines(
    qemu: Any, apply: Apply, changes: tuple[tuple[str, str], ...], model: str
) -> None:
    text = domain(machine(BASE, name=NAME))
    for pattern, other in changes:
        text = re.sub(pattern, other, text, flags=re.DOTALL)
    live.start(text, qemu, paused=True)
    running = qemu.lookupByName(NAME)
    try:
        for _ in range(2):
            applied = apply(BASE, *(plugged(name, model=model) for name in ("red", "blue")))
            assert applied.is_complete
            assert halves(running)[0] == halves(running)[1]
    finally:
        running.destroy()
        running.undefine()


def test_a_domain_that_will_not_start_again_is_changed_while_it_runs(qemu: Any, apply: Apply) -> None:
    running = qemu.createXML(domain(machine(BASE, name=NAME)), 1)  # paused
    try:
        assert told(apply(BASE, plugged("red"))) == ["attach red (ua-red) [running]"]
        assert told(apply(BASE, plugged("red", state="absent"))) == ["detach red (ua-red) [running]"]
    finally:
        running.destroy()


def test_a_domain_that_is_not_there_is_told(apply: Apply, qemu: Any) -> None:
    with pytest.raises(LibvirtError, match=r"KN870\b"):
        apply(BASE)
    with pytest.raises(LibvirtError, match=r"KN870\b"):
        live.status(machine(BASE, name=NAME), qemu, profile=HOST)
    with pytest.raises(LibvirtError, match=r"KN870\b"), live.watch(qemu, NAME):
        pass


def test_the_status_is_that_of_the_domain_and_misses_no_agent(vm: Any, apply: Apply, qemu: Any) -> None:
    apply(BASE, plugged("red", state="down"))
    entries = live.status(machine(BASE, name=NAME), qemu, profile=HOST)
    red = mac_from_uuid(vm.UUIDString(), "red")
    assert [(each.name, each.link_state, each.info_source) for each in entries] == [
        ("base", "up", "domain"),
        ("red", "down", "domain"),
    ]
    assert MacAddress.parse(str(entries[1].mac)) == red
    vm.destroy()
    assert live.status(machine(BASE, name=NAME), qemu, profile=HOST) == ()


def test_the_status_has_what_the_agent_tells(test_driver: Any) -> None:
    (entry,) = live.status(machine(name="test"), test_driver, profile=HOST)
    assert (entry.mac, entry.interface_name) == ("aa:bb:cc:dd:ee:ff", "testnet0")
    assert (entry.ip_address, entry.ip_addresses) == ("192.168.122.3", ("192.168.122.3",))
    assert entry.info_source == "domain, guest-agent"


def test_a_watch_hears_what_happens_until_all_is_quiet(vm: Any, apply: Apply, qemu: Any) -> None:
    with live.watch(qemu, NAME, timeout=1) as events:
        apply(BASE, plugged("red"))
        apply(BASE, plugged("red", state="absent"))
        vm.destroy()
        heard = [(event.kind, event.alias or event.state) for event in events]
    assert heard[:2] == [(EventKind.DEVICE_ADDED, "ua-red"), (EventKind.DEVICE_REMOVED, "ua-red")]
    assert heard[-1] == (EventKind.DOMAIN, "stopped")


def test_a_domain_is_started_once(vm: Any, qemu: Any) -> None:
    text = domain(machine(BASE, name=NAME))
    with pytest.raises(LibvirtError, match=r"KN876\b"):
        live.start(text, qemu)
    vm.destroy()
    with pytest.raises(LibvirtError, match=r"KN406\b"):
        live.start(text, qemu)
    started = live.start(text, qemu, paused=True, replace=True)
    assert (started.name, started.uuid, started.lost) == (NAME, vm.UUIDString(), ())
    assert set(devices(started.live)) == {"base"}


@pytest.mark.parametrize("was_there", [False, True])
def test_a_domain_that_does_not_start_is_left_as_it_was(vm: Any, qemu: Any, was_there: bool) -> None:
    name = NAME if was_there else "other"
    vm.destroy()
    before = vm.XMLDesc(2)
    refused = domain(machine(BASE, name=name)).replace(
        "<interface type='user'>", "<interface type='bridge'><source bridge='nowhere'/>"
    )
    with pytest.raises(LibvirtError, match=r"KN875\b.*nowhere"):
        live.start(refused, qemu, replace=True)
    assert [each.name() for each in qemu.listAllDomains()] == [NAME]
    assert vm.XMLDesc(2) == before
