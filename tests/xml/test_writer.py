"""Objects with the same fields share a generated writer, whatever their children are."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

import kvnet
from kvnet.device import (
    Backend,
    BridgeSource,
    Device,
    Driver,
    EthernetSource,
    Hostdev,
    HostdevSource,
    Interface,
    NetworkSource,
    PciGuestAddress,
    PciHostAddress,
    PortForward,
    UnassignedGuestAddress,
    UserSource,
    VfHostAddress,
    VhostuserSource,
)
from kvnet.values import MacAddress, PciAddress
from kvnet.xml.writing import writers

HOST = PciAddress.parse("0000:0a:00.1")
VF = HostdevSource(address=VfHostAddress.of(HOST))
OF_ONE_SHAPE = {
    "<interface type='ethernet'/>": Interface(source=EthernetSource()),
    "<interface type='bridge'><source bridge='br0'/></interface>": Interface(source=BridgeSource(bridge="br0")),
    "<interface type='network'><source network='a' bridge='br0'/></interface>": Interface(
        source=NetworkSource(network="a", bridge="br0")
    ),
    "<interface type='ethernet'><driver name='vhost' queues='4'/></interface>": Interface(
        source=EthernetSource(), driver=Driver(name="vhost", queues=4)
    ),
    "<interface type='bridge'><source bridge='br0'/><driver queues='4' iommu='on'/></interface>": Interface(
        source=BridgeSource(bridge="br0"), driver=Driver(queues=4, iommu=True)
    ),
    "<interface type='hostdev'><driver name='vfio'/><source>"
    "<address type='pci' domain='0x0000' bus='0x0a' slot='0x00' function='0x1'/></source></interface>": Interface(
        source=VF, driver=Driver(name="vfio")
    ),
    "<interface type='hostdev'><mac address='02:00:00:00:00:01'/><driver name='vfio'/><source>"
    "<address type='pci' domain='0x0000' bus='0x0a' slot='0x00' function='0x1'/></source></interface>": Interface(
        source=VF, driver=Driver(name="vfio"), mac=MacAddress.parse("02:00:00:00:00:01")
    ),
    "<hostdev mode='subsystem' type='pci'><source>"
    "<address domain='0x0000' bus='0x0a' slot='0x00' function='0x1'/></source>"
    "<address type='unassigned'/></hostdev>": Hostdev(source=PciHostAddress.of(HOST), address=UnassignedGuestAddress()),
    "<hostdev mode='subsystem' type='pci'><source><address bus='0x0A'/></source>"
    "<address type='pci' bus='0x01'/></hostdev>": Hostdev(
        source=PciHostAddress(bus=PciAddress.parse("0000:0A:00.1").bus), address=PciGuestAddress(bus=1)
    ),
}


@pytest.mark.parametrize("first", OF_ONE_SHAPE.values())
def test_what_is_written_does_not_depend_on_the_object_that_was_written_first(first: Device) -> None:
    writers.clear()
    kvnet.write(first)
    for text, device in OF_ONE_SHAPE.items():
        assert kvnet.write(device) == text


def test_the_order_in_which_fields_are_given_does_not_matter() -> None:
    fields: dict[str, Any] = {"source": EthernetSource(), "alias": "ua-a", "mtu": 1500}
    texts = {kvnet.write(Interface(**dict(order))) for order in permutations(fields.items())}
    assert texts == {"<interface type='ethernet'><mtu size='1500'/><alias name='ua-a'/></interface>"}


NEWER = {
    "attributes that are absent, and one that is there": (
        Interface(source=VhostuserSource(dev="eth0")),
        [("interface.source", "<source> as it is written here; it came with 11.1.0")],
    ),
    "a child that is given twice": (
        Interface(source=UserSource(), backend=Backend(type="passt"), port_forwards=(PortForward(proto="tcp"),) * 2),
        [
            ("interface.portForward", "<portForward>; it came with 9.0.0"),
            ("interface.backend.@type", "the attribute 'type' of <backend>; it came with 9.0.0"),
        ],
    ),
    "an attribute": (
        Interface(source=EthernetSource(), target="a", target_managed=False),
        [("interface.target.@managed", "the attribute 'managed' of <target>; it came with 5.7.0")],
    ),
    "the device's own attribute": (
        Hostdev(source=PciHostAddress(bus=1), display=True),
        [("hostdev.@display", "the attribute 'display' of <hostdev>; it came with 11.0.0")],
    ),
}


@pytest.mark.parametrize(("made", "told"), NEWER.values(), ids=NEWER)
def test_what_a_release_does_not_know_is_named_once_for_each_element(made: Device, told: list[tuple[str, str]]) -> None:
    with pytest.raises(kvnet.XmlError) as caught:
        kvnet.write(made, libvirt="5.6.0")
    problems = caught.value.problems
    assert [(str(each.at), each.message.removeprefix("libvirt 5.6.0 does not know ")) for each in problems] == told
