"""What QEMU can take of every device that can be drawn: real libvirt defines it, and gives it back."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from effort import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kvnet
from kvnet import Noticed, live
from kvnet.device import (
    Acpi,
    Bandwidth,
    BridgeSource,
    ClientSource,
    Coalesce,
    DirectSource,
    Driver,
    EthernetSource,
    Frames,
    GuestOffloads,
    HostOffloads,
    Inbound,
    Interface,
    IpAddress,
    McastSource,
    NetworkSource,
    NullSource,
    Outbound,
    Port,
    Receive,
    Rom,
    ServerSource,
    Tune,
    UdpSource,
    UserSource,
    VlanTag,
)
from kvnet.device.source import Source
from kvnet.spec import Machine
from kvnet.testing import elements

MODELS = st.sampled_from([None, "virtio", "virtio-non-transitional", "e1000", "e1000e", "rtl8139"])
# The driver of QEMU runs none of the others: VirtualBox's, VMware's, and devices of a host that has none.
SOURCES = st.one_of(
    *(elements(cls, libvirt="9.0") for cls in (ClientSource, McastSource, NetworkSource, ServerSource, UdpSource)),
    st.builds(DirectSource, dev=st.just("eth0"), mode=st.sampled_from(["vepa", "bridge", "private", "passthrough"])),
    st.just(UserSource()),
    st.just(NullSource()),
    st.builds(BridgeSource, bridge=st.sampled_from(["br0", "a b", "virbr-1.2"])),
    st.builds(EthernetSource, ips=st.sampled_from([(), (IpAddress(address="10.0.0.1", family="ipv4", prefix=24),)])),
)
TAPS = (BridgeSource, NetworkSource)
SIZES = st.sampled_from([None, 256, 512, 1024])
LEFT_OUT: dict[str, Any] = {
    **dict.fromkeys(("virtualport", "managed", "backend", "backend_domain", "guest", "address", "teaming")),
    **dict.fromkeys(("filter", "load_parameter", "mtu")),
    **dict.fromkeys(("ips", "routes", "port_forwards"), ()),
}


def tamed(nic: Interface, source: Source, model: str | None, driver: Driver | None) -> Interface:
    """What libvirt's QEMU driver takes: nothing for Xen or containers, nor the passt that Debian's libvirt lacks."""
    return attrs.evolve(
        nic,
        source=source,
        model=model,
        # without a model of virtio's, libvirt has no driver to tune
        driver=driver if model and model.startswith("virtio") else None,
        vlan=nic.vlan and attrs.evolve(nic.vlan, tags=tuple(VlanTag(id=tag.id) for tag in nic.vlan.tags)),
        bandwidth=Bandwidth(inbound=Inbound(average=7, peak=9, burst=5), outbound=Outbound(average=8))
        if nic.bandwidth
        else None,
        port=Port(isolated=True) if isinstance(source, BridgeSource) and nic.port else None,
        target_managed=nic.target_managed if isinstance(source, EthernetSource) else None,
        tune=None if nic.tune == Tune() else nic.tune,
        coalesce=Coalesce(rx=Receive(frames=Frames(max=5))) if nic.coalesce and isinstance(source, TAPS) else None,
        rom=Rom(enabled=False) if nic.rom else None,
        acpi=Acpi(index=7) if nic.acpi else None,
        **LEFT_OUT,
    )


@st.composite
def nics(draw: st.DrawFn) -> Interface:
    """Interfaces that QEMU can have."""
    driver = draw(st.none() | elements(Driver, libvirt="9.0"))
    if driver is not None:
        driver = attrs.evolve(
            driver,
            name=draw(st.sampled_from(["qemu", "vhost"])),
            queues=draw(st.none() | st.integers(2, 8)),
            rx_queue_size=draw(SIZES),
            tx_queue_size=None,
            host=HostOffloads(csum=False) if driver.host else None,
            guest=GuestOffloads(ecn=True) if driver.host else None,
        )
    return tamed(draw(elements(Interface, libvirt="9.0")), draw(SOURCES), draw(MODELS), driver)


def changes(nic: Interface, connection: Any) -> list[str]:
    defined = live.define(
        kvnet.build(Machine(name="vm"), kvnet.Target(virt_type="qemu"), [kvnet.write(nic)]), connection
    )
    (got,) = kvnet.read_domain(defined.persistent, lossless=True)
    return [str(change) for change in kvnet.diff(nic, got) if change.noticed is not Noticed.NOISE]


@given(nic=nics())
@settings(deadline=None, max_examples=examples(0.6), suppress_health_check=list(HealthCheck))
def test_real_libvirt_defines_what_is_drawn_and_loses_nothing(nic: Interface, qemu: Any) -> None:
    assert changes(nic, qemu) == []


NIC = Interface(source=UserSource())
# Each is a habit of libvirt 9.0: what it says otherwise, or leaves out.
HABITS: dict[str, tuple[Interface, list[str]]] = {
    "parts that say nothing are left out": (
        attrs.evolve(NIC, port=Port(), tune=Tune(), rom=Rom(), acpi=Acpi(), coalesce=Coalesce(rx=Receive())),
        [
            "interface.port: removed <port/> (host-side)",
            "interface.tune: removed <tune/> (host-side)",
            "interface.coalesce: removed <coalesce><rx/></coalesce> (host-side)",
            "interface.rom: removed <rom/> (host-side)",
            "interface.acpi: removed <acpi/> (guest-visible)",
        ],
    ),
    "a macvtap is in VEPA mode unless it says otherwise": (
        Interface(source=DirectSource(dev="eth0")),
        ["interface.source.@mode: added vepa (host-side)"],
    ),
    "a macvtap forgets the network that it came from": (
        Interface(source=DirectSource(dev="eth0", mode="bridge", network="n", portgroup="p")),
        ["interface.source.@network: removed n (host-side)", "interface.source.@portgroup: removed p (host-side)"],
    ),
    "a bridge forgets the network that it came from": (
        Interface(source=BridgeSource(bridge="b", network="n", portgroup="p")),
        ["interface.source.@network: removed n (host-side)", "interface.source.@portgroup: removed p (host-side)"],
    ),
    "coalescing of no packets is none": (
        Interface(source=BridgeSource(bridge="b"), coalesce=Coalesce(rx=Receive(frames=Frames(max=0)))),
        ["interface.coalesce: removed <coalesce><rx><frames max='0'/></rx></coalesce> (host-side)"],
    ),
    "the driver of a NIC that is not virtio's is left out": (
        attrs.evolve(NIC, model="e1000", driver=Driver(name="vhost", queues=4)),
        ["interface.driver: removed <driver name='vhost' queues='4'/> (guest-visible)"],
    ),
    "an alias that is not the user's is left out": (attrs.evolve(NIC, alias="net7"), []),
}


@pytest.mark.parametrize(("nic", "expected"), HABITS.values(), ids=HABITS)
def test_a_habit_of_libvirt(nic: Interface, expected: list[str], qemu: Any) -> None:
    assert changes(nic, qemu) == expected
