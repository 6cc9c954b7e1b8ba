from __future__ import annotations

import pytest

from kvnet.device import (
    Driver,
    EthernetSource,
    Hostdev,
    HostdevSource,
    Interface,
    PciGuestAddress,
    PciHostAddress,
    VfHostAddress,
    Vlan,
    VlanTag,
)
from kvnet.errors import XmlError
from kvnet.values import MacAddress, PciAddress
from kvnet.xml import write
from kvnet.xml.reading import read

ADDRESS = PciAddress.parse("0000:0A:00.1")
DEVICES = [
    Interface(source=EthernetSource()),
    Interface(
        source=EthernetSource(),
        mac=MacAddress.parse("52:54:00:12:34:56"),
        target="tap0",
        target_managed=False,
        driver=Driver(queues=4),
        alias="ua-a",
        script="<'&\">",
        address=PciGuestAddress.of(ADDRESS),
    ),
    Interface(source=HostdevSource(address=VfHostAddress.of(ADDRESS)), vlan=Vlan(tags=(VlanTag(id=1), VlanTag(id=2)))),
    Hostdev(managed=False, source=PciHostAddress.of(ADDRESS), alias="ua-sriov-x"),
]


@pytest.mark.parametrize("indent", [None, 4])
@pytest.mark.parametrize("device", DEVICES)
def test_what_is_written_reads_back(device: Interface | Hostdev, indent: int | None) -> None:
    text = write(device, indent=indent)
    assert read(text, Interface, Hostdev) == device


PARTIAL = [
    *("type='ccid' controller='0'", "type='virtio-serial' controller='0'", "type='usb' bus='0'", "type='isa'"),
    *("type='pci'", "type='pci' bus='0x01'", "type='drive'", "type='spapr-vio'", "type='ccw'"),
]


@pytest.mark.parametrize("given", PARTIAL)
def test_parts_of_an_address_that_libvirt_chooses_may_be_absent(given: str) -> None:
    text = f"<interface type='user'><address {given}/></interface>"
    assert write(read(text, Interface)) == text


def test_digits_are_written_as_they_were_spelled() -> None:
    assert "bus='0x0A'" in write(DEVICES[1])


@pytest.mark.parametrize(
    ("xml", "codes"),
    [
        ("<interface type='ethernet' odd='1'/>", ["KN511"]),
        ("<interface type='ethernet'><odd/></interface>", ["KN511"]),
        ("<interface type='ethernet'><rom/><rom/></interface>", ["KN513"]),
        ("<interface type='ethernet'><mac/></interface>", ["KN514"]),
        ("<interface type='ethernet'>text</interface>", ["KN511"]),
        ("<interface type='odd'/>", ["KN512"]),
        ("<interface type='bridge'/>", ["KN514"]),
        ("<interface type='ethernet'><mtu size='x'/><link state='z'/></interface>", ["KN510", "KN510"]),
    ],
)
def test_all_problems_are_told_at_once(xml: str, codes: list[str]) -> None:
    with pytest.raises(XmlError) as caught:
        read(xml, Interface)
    assert [problem.code for problem in caught.value.problems] == codes


def test_what_xml_cannot_carry_is_refused_when_the_object_is_made() -> None:
    with pytest.raises(ValueError, match=r"Interface\.script"):
        Interface(source=EthernetSource(), script="\0")
